// Reads and writes in place, through the server's virtual files.
// SPDX-License-Identifier: PostgreSQL
#include "pg/temp_files.hpp"

#include <fcntl.h>

#include <algorithm>

#include "pg/boundary.hpp"

extern "C" {
#include "commands/tablespace.h"
#include "utils/wait_event.h"
}

namespace quiver::pg {

namespace {

constexpr size_t kMostBytes = size_t{1} << 30;  // in one call

struct Name {
  char text[32];
};

Name name_of(size_t file) {
  Name name;
  snprintf(name.text, sizeof name.text, "quiver_build_%zu", file);
  return name;
}

[[noreturn]] void raise_failure(const char *what) {
  ereport(ERROR, (errcode_for_file_access(), errmsg("could not %s temporary file of an index build: %m", what)));
}

}  // namespace

TempFiles::TempFiles() noexcept { std::fill(std::begin(files_), std::end(files_), kNotOpen); }

TempFiles::TempFiles(SharedFileSet *set, Role role) : TempFiles() {
  set_ = set;
  if (role == Role::joins) return;
  call([this] {
    for (size_t i = 0; i < core::kSpillFiles; ++i) files_[i] = FileSetCreate(&set_->fs, name_of(i).text);
  });
}

File TempFiles::open(core::SpillFile file) {
  const auto number = static_cast<size_t>(file);
  if (files_[number] != kNotOpen) return files_[number];
  if (set_ == nullptr) {
    PrepareTempTablespaces();
    files_[number] = OpenTemporaryFile(false);
  } else {
    const File opened = FileSetOpen(&set_->fs, name_of(number).text, O_RDWR);
    if (opened < 0) raise_failure("open");
    files_[number] = opened;
  }
  return files_[number];
}

void TempFiles::read(core::SpillFile file, uint64_t offset, void *to, size_t bytes) {
  call([=, this] {
    const File opened = open(file);
    auto *next = static_cast<char *>(to);
    for (size_t left = bytes, at = offset; left > 0;) {
      const int piece = static_cast<int>(Min(left, kMostBytes));
      const auto done = FileRead(opened, next, piece, static_cast<off_t>(at), WAIT_EVENT_BUFFILE_READ);
      if (done < 0) raise_failure("read");
      if (done == 0)
        ereport(ERROR, (errcode(ERRCODE_DATA_CORRUPTED), errmsg("a temporary file of an index build ends too early")));
      next += done;
      at += static_cast<size_t>(done);
      left -= static_cast<size_t>(done);
    }
  });
}

void TempFiles::write(core::SpillFile file, uint64_t offset, const void *from, size_t bytes) {
  call([=, this] {
    const File opened = open(file);
    auto *next = static_cast<char *>(const_cast<void *>(from));
    for (size_t left = bytes, at = offset; left > 0;) {
      const int piece = static_cast<int>(Min(left, kMostBytes));
      errno = 0;
      const auto done = FileWrite(opened, next, piece, static_cast<off_t>(at), WAIT_EVENT_BUFFILE_WRITE);
      if (done <= 0) {
        if (errno == 0) errno = ENOSPC;
        raise_failure("write");
      }
      next += done;
      at += static_cast<size_t>(done);
      left -= static_cast<size_t>(done);
    }
  });
}

void TempFiles::close() {
  call([this] {
    for (File &file : files_)
      if (file != kNotOpen) {
        FileClose(file);
        file = kNotOpen;
      }
  });
}

}  // namespace quiver::pg
