# The extension, through PGXS. `make help` prints every verb.
EXTENSION = quiver
EXTVERSION = 0.1.0
MODULE_big = quiver
# The same objects under the name, and a version, that clients look for.
ALIAS = vector
ALIASVERSION = 0.8.6

# The rooms in order; within a room the folder is the list.
SQL_PARTS = header types/vector types/halfvec types/sparsevec types/bitvec types/casts types/aggregates \
            types/quiver_diagnostics types/index_check types/index_info hnsw/hnsw ivfpq/ivfpq footer
SQL_SOURCES = $(addprefix src/,$(addsuffix .sql,$(SQL_PARTS)))
DATA_built = quiver--$(EXTVERSION).sql

include src/simd/tiers.mk
MACHINE := $(shell uname -m)
TIERS := $(if $(filter x86_64,$(MACHINE)),$(TIERS_x86_64),$(TIERS_other))
SOURCES = $(wildcard src/core/*.cpp src/pg/*.cpp src/types/*.cpp src/hnsw/*.cpp src/ivfpq/*.cpp) \
          src/module.cpp src/simd/dispatch.cpp \
          $(TIERS:%=src/simd/tier_%.cpp)
OBJS = $(SOURCES:.cpp=.o)

OPTFLAGS ?= -O3
PG_CXXFLAGS = -std=c++20 $(OPTFLAGS) -fvisibility=hidden -Wall -Wextra \
              -DQUIVER_VERSION='"$(EXTVERSION)"' -MMD -MP
PG_CPPFLAGS = -Isrc -isystem $(shell $(PG_CONFIG) --includedir-server)
# For tests alone: places where an error, a crash or a wait can be asked for (src/pg/test_points.hpp).
ifdef QUIVER_TEST_POINTS
PG_CPPFLAGS += -DQUIVER_TEST_POINTS
endif
SHLIB_LINK = -lstdc++ -lm -Wl,--version-script=exports.map -Wl,-Bsymbolic
EXTRA_CLEAN = quiver--$(EXTVERSION).sql $(ALIAS)--$(ALIASVERSION).sql $(OBJS:.o=.d) build

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
# Bitcode would be compiled by another compiler without the tiers' flags.
override with_llvm := no
include $(PGXS)

# Of x87 alone; a server that a newer compiler made asks for it, and GCC knows it for C++ only from 13 on.
override CXXFLAGS := $(filter-out -fexcess-precision=standard,$(CXXFLAGS))
# CXXFLAGS is simply expanded by PGXS, so each tier's flags come by a line of its own.
$(foreach tier,$(TIERS),$(eval src/simd/tier_$(tier).o: PG_CXXFLAGS += -O3 $(FLAGS_$(tier))))
src/simd/tier_%.o: src/simd/tier_%.cpp
	$(CXX) $(filter-out -O2,$(CXXFLAGS)) $(PG_CXXFLAGS) $(PG_CPPFLAGS) -fPIC -c -o $@ $<

# Each script makes nothing where the other was run.
quiver--$(EXTVERSION).sql: $(SQL_SOURCES) Makefile
	cat $(SQL_SOURCES) | sed 's/@EXTENSION@/quiver/; s/@OTHER@/$(ALIAS)/' > $@
$(ALIAS)--$(ALIASVERSION).sql: $(SQL_SOURCES) Makefile
	cat $(SQL_SOURCES) | sed 's/@EXTENSION@/$(ALIAS)/; s/@OTHER@/quiver/' > $@

-include $(OBJS:.o=.d)

extension_folder = $(DESTDIR)$(datadir)/extension
alias_owner = $(shell grep -s module_pathname $(extension_folder)/$(ALIAS).control)
install-alias: $(ALIAS)--$(ALIASVERSION).sql
	$(if $(alias_owner),$(if $(findstring quiver,$(alias_owner)),,$(error $(extension_folder)/$(ALIAS).control belongs to another extension: remove that first)))
	$(MKDIR_P) $(extension_folder)
	$(INSTALL_DATA) $(ALIAS).control $(ALIAS)--$(ALIASVERSION).sql $(extension_folder)/
uninstall-alias:
	$(if $(findstring quiver,$(alias_owner)),rm -f $(extension_folder)/$(ALIAS).control $(extension_folder)/$(ALIAS)--*.sql,@true)

.PHONY: help install-alias uninstall-alias unit regress wire tap verify format bench
help:
	@echo 'make                build the extension (PG_CONFIG=... chooses the server)'
	@echo 'make install        install it into that server'
	@echo 'make install-alias  let CREATE EXTENSION vector find it too; uninstall-alias takes that back'
	@echo 'make unit           unit tests without a server, seconds (scripts/unit.sh runs the other machines too)'
	@echo 'make regress        SQL and isolation tests of the installed extension, in a throw-away cluster'
	@echo 'make wire           what clients send, by a client library: binary, prepared, pipelined, damaged'
	@echo 'make tap            crashes, standbys, damaged pages, recall'
	@echo 'make verify         every check and test, as CI runs them'
	@echo 'make format         clang-format over the sources'
	@echo 'make bench          build the micro-benchmarks into build/bench; bench/README.md says how to use them'
	@echo 'make clean          remove what was built'

unit:
	bash scripts/unit.sh native

regress:
	bash scripts/regress.sh

wire:
	bash scripts/wire.sh

tap:
	bash scripts/tap.sh

verify:
	bash scripts/verify.sh

format:
	bash scripts/format.sh

bench:
	cmake -S . -B build/bench -DQUIVER_BENCH=ON -DCMAKE_BUILD_TYPE=Release
	cmake --build build/bench
