# SPDX-License-Identifier: PostgreSQL
"""A throw-away server with one extension, its CPU clocks, and the prepared statement that the measurements ask.

A contender is named on the command line as NAME=PG_CONFIG:EXTENSION[:EF,EF,...[:METHOD[:OPTIONS]]]; PG_CONFIG chooses the server, in which the
extension must be installed; METHOD is the access method, hnsw unless told, OPTIONS what stands in WITH. Every contender has a cluster of its own with the same settings.
"""
import argparse
import contextlib
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

import psycopg

from vectors import OPERATORS, Data, copied, parameter

DEFAULT_EF = [10, 20, 40, 60, 80, 100, 140, 200, 300, 400, 600, 800, 1000]
SETTINGS = {"listen_addresses": "''", "maintenance_work_mem": "3GB", "shared_buffers": "3GB", "max_parallel_maintenance_workers": 0,
            "max_wal_size": "32GB", "checkpoint_timeout": "1h", "autovacuum": "off", "jit": "off", "fsync": "off",
            "full_page_writes": "off", "max_parallel_workers_per_gather": 0, "dynamic_shared_memory_type": "mmap"}
# What this transaction fetched from the table, from its TOAST and from the index of that.
TABLE_BLOCKS = """SELECT coalesce(sum(pg_stat_get_xact_blocks_fetched(oid)), 0)::bigint FROM (
  SELECT oid FROM pg_class WHERE oid = 'items'::regclass UNION ALL SELECT reltoastrelid FROM pg_class WHERE oid = 'items'::regclass
  UNION ALL SELECT i.indexrelid FROM pg_class c JOIN pg_index i ON i.indrelid = c.reltoastrelid WHERE c.oid = 'items'::regclass) relations"""

# Ended from outside, a measurement stops its servers as it does after an error.
signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))


class Connection:
    """One session: SQL by psycopg; the measured statement by libpq's binary protocol, with as little of a client as can be."""

    def __init__(self, folder):
        self.connection = psycopg.connect(host=folder, user="postgres", dbname="postgres", autocommit=True, prepare_threshold=None)
        self.cursor = self.connection.cursor()
        self.pid = self.value("SELECT pg_backend_pid()")

    def value(self, sql, arguments=None):
        self.cursor.execute(sql, arguments)
        return self.cursor.fetchone()[0]

    def execute(self, sql, arguments=None):
        self.cursor.execute(sql, arguments)

    def copy(self, sql, pieces):
        with self.cursor.copy(sql) as copy:
            for piece in pieces:
                copy.write(piece)

    def cpu(self):
        """Seconds this backend has run, with all its threads, ended ones too: VectorChord's k-means has threads of its own."""
        return time.clock_gettime_ns((~self.pid << 3) | 2) / 1e9

    def prepare(self, name, sql):
        result = self.connection.pgconn.prepare(name.encode(), sql.encode())
        if result.error_message:
            raise RuntimeError(result.error_message.decode())

    def ids(self, name, parameters):
        """The first column of a prepared statement's rows, an integer; parameters and results binary."""
        result = self.connection.pgconn.exec_prepared(name.encode(), parameters, [1] * len(parameters), 1)
        if result.error_message:
            raise RuntimeError(result.error_message.decode())
        return [struct.unpack(">i", result.get_value(i, 0))[0] for i in range(result.ntuples)]

    def plan(self, sql):
        self.cursor.execute(f"EXPLAIN (FORMAT json, ANALYZE, BUFFERS) {sql}")
        return self.cursor.fetchone()[0][0]["Plan"]


def nodes(plan):
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def index_buffers(plan, index):
    """Buffers of the index's node: its pages and the heap rows it returns."""
    return sum(n["Shared Hit Blocks"] + n["Shared Read Blocks"] for n in nodes(plan) if n.get("Index Name") == index)


class Server(Connection):
    def __init__(self, description, settings=None):
        self.name, rest = description.split("=", 1)
        self.config, self.extension, efs, self.method, self.options = (rest.split(":") + [""] * 3)[:5]
        self.efs = [int(ef) for ef in efs.split(",")] if efs else DEFAULT_EF
        self.settings = {**SETTINGS, **(settings or {})}
        if self.is_vchord:
            self.settings["shared_preload_libraries"] = "'vchord'"
        self.result = {"name": self.name, "points": []}
        self.folder = None

    @property
    def is_quiver(self):
        return self.extension == "quiver"

    @property
    def is_vchord(self):
        return self.extension == "vchord"

    def as_user(self):
        return ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []

    def start(self):
        bindir = subprocess.run([self.config, "--bindir"], check=True, capture_output=True, text=True).stdout.strip()
        self.ctl = f"{bindir}/pg_ctl"
        self.folder = tempfile.mkdtemp(prefix="quiver-bench.")
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")
        os.chmod(self.folder, 0o755)
        self.data = f"{self.folder}/data"
        subprocess.run([*self.as_user(), f"{bindir}/initdb", "-D", self.data, "-A", "trust", "-N", "-U", "postgres"], check=True,
                       stdout=subprocess.DEVNULL, cwd=self.folder)
        with open(f"{self.data}/postgresql.conf", "a", encoding="utf-8") as file:
            file.write(f"unix_socket_directories = '{self.folder}'\n")
            file.writelines(f"{name} = {value}\n" for name, value in self.settings.items())
        subprocess.run([*self.as_user(), self.ctl, "-D", self.data, "-l", f"{self.folder}/log", "-w", "start"], check=True,
                       stdout=subprocess.DEVNULL, cwd=self.folder)
        super().__init__(self.folder)
        self.postmaster = int(pathlib.Path(f"{self.data}/postmaster.pid").read_text(encoding="ascii").split()[0])
        self.execute(f"CREATE EXTENSION {self.extension}{' CASCADE' if self.is_vchord else ''}")

    def stop(self):
        if self.folder is None:
            return
        subprocess.run([*self.as_user(), self.ctl, "-D", f"{self.folder}/data", "-m", "immediate", "stop"], check=False,
                       stdout=subprocess.DEVNULL, cwd="/")
        shutil.rmtree(self.folder, ignore_errors=True)

    def another(self):
        return Connection(self.folder)

    def ended_cpu(self):
        """Seconds of this server's processes that have ended, as parallel workers do with their command."""
        fields = pathlib.Path(f"/proc/{self.postmaster}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
        return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")

    @contextlib.contextmanager
    def measured(self, prefix):
        """CPU of this session and of the workers it had, wall time and WAL, into the result."""
        cpu, ended, wall = self.cpu(), self.ended_cpu(), time.time()
        lsn = self.value("SELECT pg_current_wal_insert_lsn()")
        yield
        own = self.cpu() - cpu
        time.sleep(0.1)  # for the postmaster to hear of its workers' end
        workers = self.ended_cpu() - ended
        self.result[prefix + "_cpu"], self.result[prefix + "_workers_cpu"] = own + workers, workers
        self.result[prefix + "_wall"] = time.time() - wall - 0.1
        self.result[prefix + "_wal"] = int(self.value("SELECT pg_current_wal_insert_lsn() - %s::pg_lsn", (lsn,)))

    def load(self, rows, kind="vector", columns="", storage=None):
        """`storage`: of the vectors, in place of their type's own."""
        self.execute("DROP TABLE IF EXISTS items")
        self.execute(f"CREATE TABLE items (id integer, v {kind}({rows.shape[1]}){columns})")
        if storage:
            self.execute(f"ALTER TABLE items ALTER v SET STORAGE {storage}")
        self.copy("COPY items (id, v) FROM STDIN (FORMAT binary)", copied(rows, 0, kind))
        self.execute("VACUUM ANALYZE items")

    def build(self, metric, kind="vector", m=16, ef_construction=64, prefix="build"):
        method = self.method or "hnsw"
        options = self.options or (f"m = {m}, ef_construction = {ef_construction}" if method == "hnsw" else "")
        with self.measured(prefix):
            self.execute(f"CREATE INDEX items_v ON items USING {method} (v {kind}_{metric}_ops) {f'WITH ({options})' if options else ''}")
        self.result["bytes"] = self.value("SELECT pg_relation_size('items_v')")

    def prepare_nearest(self, operator, session=None, limit=10, where=""):
        session = session or self
        session.execute("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; DEALLOCATE ALL")
        session.prepare("nearest", f"SELECT id FROM items {where} ORDER BY v {operator} $1 LIMIT {limit}")

    def buffers(self, queries, kind="vector"):
        """Buffers a query by EXPLAIN of the prepared statement; visits are those of the index, without the table's and its TOAST's."""
        total = 0
        self.execute("BEGIN")
        before = self.value(TABLE_BLOCKS)
        for row in queries:
            text = "[" + ",".join(repr(float(x)) for x in row) + "]"
            total += index_buffers(self.plan(f"EXECUTE nearest('{text}'::{kind})"), "items_v")
        heap = self.value(TABLE_BLOCKS) - before
        self.execute("COMMIT")
        return {"buffers": total / len(queries), "visits": (total - heap) / len(queries)}

    def ask(self, ef, queries, numbers, kind="vector"):
        """(ids for each query, CPU seconds, wall seconds)"""
        self.execute(f"SET hnsw.ef_search = {ef}")
        parameters = [[parameter(queries[n], kind)] for n in numbers]
        cpu, wall = self.cpu(), time.time()
        answers = [self.ids("nearest", p) for p in parameters]
        return answers, self.cpu() - cpu, time.time() - wall

    def recall(self, queries, truth, ids_of=None):
        """Of the first ten; truth in rows' ids, or of those that ids_of names."""
        hits = 0
        for row, near in zip(queries, truth):
            wanted = near[:10].tolist() if ids_of is None else [ids_of[i] for i in near[:10]]
            hits += len(set(self.ids("nearest", [parameter(row)])) & set(wanted))
        return hits / (10 * len(queries))


@contextlib.contextmanager
def running(descriptions, settings=None):
    """Servers of the descriptions, started; stopped and removed whatever happens."""
    servers = [Server(description, settings) for description in descriptions]
    try:
        for server in servers:
            server.start()
        yield servers
    finally:
        for server in servers:
            server.stop()


def parser_for(description):
    """The command line that measurements of one set share."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("base", "query", "truth"):
        parser.add_argument(name)
    parser.add_argument("metric", choices=OPERATORS)
    parser.add_argument("contenders", nargs="+")
    parser.add_argument("--rows", type=int, help="a prefix of the rows, with a truth computed for it")
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--out", default="bench/results/run")
    return parser


def data_of(arguments):
    return Data(arguments.base, arguments.query, arguments.truth, arguments.metric, arguments.rows, arguments.queries)
