#!/usr/bin/env python3
"""Measures the server's resident memory (Linux) where much of it could be taken.

    tests/support/memory.py introspection            600 tables x 20 columns, asked whole by each of 5 roles, in turn
                                                     plain, gzip, br and again
    tests/support/memory.py answers                  16 callers at once ask 10 aliases of a table of 100,000 rows

Both on SQLite, or with `--postgres URL` in a new database of that server (`psql` must be found; see postgres.sh).
On SQLite each reader maps up to 256 MB of the database's file, which the system counts for each though they are the same
pages of its cache. `--binary FILE` names the server, by default the debug build. Figures go to standard output; nothing is judged here.
"""

import argparse
import concurrent.futures
import gzip
import json
import os
import pathlib
import sqlite3
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

TABLES, COLUMNS, ROWS, CALLERS, ALIASES = 600, 20, 100_000, 16, 10
ROLES = ["anonymous", "user", "editor", "reviewer", "admin"]
SECRET = "memory-is-measured-here-with-this-secret"

TYPE = "kind name ofType { kind name ofType { kind name ofType { kind name } } }"
INPUT = f"name description type {{ {TYPE} }} defaultValue"
INTROSPECTION = f"""query IntrospectionQuery {{ __schema {{
  queryType {{ name }} mutationType {{ name }} subscriptionType {{ name }}
  types {{ kind name description
    fields(includeDeprecated: true) {{ name description args {{ {INPUT} }} type {{ {TYPE} }}
      isDeprecated deprecationReason }}
    inputFields {{ {INPUT} }} interfaces {{ {TYPE} }}
    enumValues(includeDeprecated: true) {{ name description isDeprecated deprecationReason }}
    possibleTypes {{ {TYPE} }} }}
  directives {{ name description locations args {{ {INPUT} }} }} }} }}"""


def tables():
    for table in range(TABLES):
        columns = ["id INTEGER PRIMARY KEY"]
        for near in (table - 1, table // 2):
            if 0 <= near < table:
                columns.append(f"near{len(columns)} INTEGER REFERENCES t{near} (id)")
        kinds = ["INTEGER", "TEXT", "DOUBLE PRECISION", "TIMESTAMP", "BOOLEAN"]
        while len(columns) < COLUMNS:
            columns.append(f"column{len(columns)} {kinds[len(columns) % len(kinds)]}")
        yield f"CREATE TABLE t{table} ({', '.join(columns)});"


def rows(postgres):
    numbers = f"generate_series(1, {ROWS}) n" if postgres else (
        f"(WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {ROWS}) SELECT n FROM c)")
    filling = "repeat('x', 130)" if postgres else "printf('%.130c', 'x')"
    yield "CREATE TABLE book (id INTEGER PRIMARY KEY); INSERT INTO book VALUES (1);"
    yield "CREATE TABLE line (id INTEGER PRIMARY KEY, word TEXT, filling TEXT, book_id INTEGER REFERENCES book (id));"
    yield f"INSERT INTO line SELECT n, 'w' || n, {filling}, 1 FROM {numbers};"


def configuration(what):
    text = f'[auth]\nadmin_secret = "{SECRET}"\n'
    if what == "introspection":
        for table in range(TABLES):
            for role in ROLES[:-1]:
                text += f"[tables.t{table}.access.{role}]\nread = true\n"
    return text


class Server:
    def __init__(self, binary, url, folder):
        begin = time.monotonic()
        self.process = subprocess.Popen(
            [binary, "serve", url, "--config", "diglot.toml", "--listen", "127.0.0.1:0", "--log", "json"],
            cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self.process.stdout:
            if "http://127.0.0.1:" in line:
                self.port = int(line.split("http://127.0.0.1:")[1].split("/")[0].split('"')[0])
                break
        self.started = time.monotonic() - begin

    def memory(self, name="VmRSS"):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(name)) // 1024

    def processor(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def ask(self, query, role="admin", encoding="identity", read=None):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql", json.dumps({"query": query}).encode(),
            {"Content-Type": "application/json", "Accept": "application/graphql-response+json",
             "Accept-Encoding": encoding, "x-diglot-admin-secret": SECRET, "x-diglot-role": role})
        try:
            answer = urllib.request.urlopen(request, timeout=120)
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        if read is not None:
            return answer.status, answer.read(read)
        return answer.status, answer.read()


def introspection(server):
    for turn, encoding in enumerate(["identity", "gzip", "br", "identity"]):
        before = server.processor()
        for role in ROLES:
            begin = time.monotonic()
            status, body = server.ask(INTROSPECTION, role, encoding)
            took = time.monotonic() - begin
            plain = gzip.decompress(body) if encoding == "gzip" else body
            types = "" if encoding == "br" else len(json.loads(plain)["data"]["__schema"]["types"])
            print(f"{encoding:8} {role:9} {status} {len(body):10} bytes {types:6} types {took:6.2f} s"
                  f"  now {server.memory()} MB, most {server.memory('VmHWM')} MB", flush=True)
        print(f"processor: {server.processor() - before:.2f} s for {len(ROLES)} roles")
        time.sleep(10)
        print(f"ten seconds later: {server.memory()} MB resident, most {server.memory('VmHWM')} MB")


def answers(server):
    def line(alias, limit):
        return f"a{alias}: line(limit: {limit}) {{ id word filling }}"

    large = "{ " + " ".join(line(alias, ROWS) for alias in range(ALIASES)) + " }"
    # Each as large as one may be, so that all together are too large.
    fitting = "{ " + line(0, 80_000) + " " + line(1, 80_000) + " }"
    # All rows within one.
    nested = "{ " + " ".join(f"a{alias}: book {{ line {{ id word filling }} }}" for alias in range(ALIASES)) + " }"
    for query in [large, large, fitting, fitting, nested, nested]:
        with concurrent.futures.ThreadPoolExecutor(CALLERS) as pool:
            begin = time.monotonic()
            told = list(pool.map(lambda _: server.ask(query, read=400), range(CALLERS)))
        statuses = {status: sum(1 for other, _ in told if other == status) for status, _ in told}
        print(f"{CALLERS} callers, {query[:30]}… {query.count('line')} times: {statuses} in {time.monotonic() - begin:.1f} s;"
              f" now {server.memory()} MB, {server.memory('RssFile')} MB of them mapped files,"
              f" most {server.memory('VmHWM')} MB")
        for status in statuses:
            print(status, next(body for other, body in told if other == status)[:250])
        status, body = server.ask("{ line(limit: 2) { id word } }")
        print(f"afterwards: {status} {body[:100]}")
    time.sleep(10)
    print(f"ten seconds later: {server.memory()} MB, {server.memory('RssFile')} MB of them mapped files")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["introspection", "answers"])
    parser.add_argument("--postgres", metavar="URL")
    parser.add_argument("--binary", default=pathlib.Path(__file__).parents[2] / "target/debug/diglot")
    options = parser.parse_args()
    script = "".join(tables() if options.what == "introspection" else rows(options.postgres))
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, "diglot.toml").write_text(configuration(options.what))
        if options.postgres:
            name = f"memory_{os.getpid()}"
            url = options.postgres.rsplit("/", 1)[0] + "/" + name
            psql = os.path.join(os.environ.get("DIGLOT_TEST_POSTGRES_BIN", ""), "psql")
            subprocess.run([psql, "-qc", f"CREATE DATABASE {name}", options.postgres], check=True)
            subprocess.run([psql, "-qf", "-", url], input=script, text=True, check=True)
        else:
            url = str(pathlib.Path(folder, "memory.db"))
            sqlite3.connect(url).executescript(script).close()
        server = Server(options.binary, url, folder)
        try:
            print(f"ready after {server.started:.2f} s, {server.memory()} MB resident")
            {"introspection": introspection, "answers": answers}[options.what](server)
        finally:
            server.process.terminate()
            server.process.wait(20)
            if options.postgres:
                subprocess.run([psql, "-qc", f"DROP DATABASE {name} WITH (FORCE)", options.postgres], check=True)


main()
