#!/usr/bin/env python3
"""Shows that two builds of nearset make the same: every relation, every file of the version, every report, every list.

Runs both on a folder of exports, first on the full files, then increment by increment, and compares after the first and
the last run. What is there on one side only, or differs, is named; the exit code is then 1.

    python3 tests/equality.py --before OLD/nearset --before-project OLD --after target/release/nearset \
        --exports world/json --log world/exposure_log.jsonl --as-of 2026-11-02

Nothing but Python's standard library is needed. TRAIN_SECONDS is 0 where the environment says nothing else.
"""

import argparse
import hashlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

STAMP = re.compile(r"_(\d{8}_\d{6})\.json(\.gz)?$")

# what two runs of one build differ in, too: ids that are drawn, and what tells the time of day or the size of a process
MASKED = re.compile(rb'"request_id":"req_[0-9a-f]+"|"uptime_seconds":\d+|"hit_rate":[0-9.]+|"entries":\d+')


class Side:
    """One build with its own data and model folders."""

    def __init__(self, name, program, project, root, exports):
        self.name, self.program, self.exports = name, program, exports
        self.data, self.models, self.json = root / name / "data", root / name / "models", root / name / "json"
        self.json.mkdir(parents=True)
        (self.data / "evaluation").mkdir(parents=True)
        self.environment = {
            **os.environ,
            "TRAIN_SECONDS": os.environ.get("TRAIN_SECONDS", "0"),
            "DATA_JSON_DIR": str(self.json),
            "DATASET_IMAGE_ROOT": str(exports),
            "PROJECT_DIR": str(project),
            "DATA_DIR": str(self.data),
            "MODELS_DIR": str(self.models),
        }

    def call(self, *arguments):
        done = subprocess.run(
            [self.program, *arguments], env=self.environment, capture_output=True, text=True, cwd=self.json, check=False
        )
        if done.returncode != 0:
            sys.exit(f"{self.name}: nearset {' '.join(arguments)}: exit code {done.returncode}\n{done.stderr}")
        return done.stdout

    def take(self, files):
        for file in files:
            shutil.copy2(file, self.json)

    def run(self, as_of):
        started = time.monotonic()
        self.call("run", "--as-of", as_of)
        print(f"  {self.name}: run took {time.monotonic() - started:.0f} s, {self.version()}", flush=True)

    def version(self):
        return os.readlink(self.models / "current")


def relations(side, reader):
    """Each relation's rows as a count and a hash that does not depend on their order."""
    def query(sql):
        done = subprocess.run(
            [reader.program, "sql", sql, "--format", "json", "--data-dir", side.data],
            env=reader.environment, capture_output=True, text=True, cwd=reader.json, check=False,
        )
        if done.returncode != 0:
            sys.exit(f"{side.name}: {sql}: {done.stderr}")
        return json.loads(done.stdout)

    names = query(
        "select table_schema as schema, table_name as name from information_schema.tables"
        " where table_catalog = current_database() and table_schema in ('main', 'raw') order by all"
    )
    found = {}
    for row in names:
        name = f'{row["schema"]}.{row["name"]}'
        columns = query(
            "select string_agg(column_name, ', ' order by column_name) as names from information_schema.columns"
            f" where table_schema = '{row['schema']}' and table_name = '{row['name']}'"
        )[0]["names"]
        quoted = ", ".join(f'"{column}"' for column in columns.split(", "))
        [figures] = query(
            "select count(*) as rows, md5(coalesce(string_agg(line, '' order by line), '')) as hash"
            f" from (select md5(to_json(t)::varchar) as line from (select {quoted} from {name}) as t)"
        )
        found[name] = (figures["rows"], figures["hash"], columns)
    return found


def files(folder, pattern):
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob(pattern)) if path.is_file()}


def lists(side, ids):
    """Every list of every dataset, over HTTP."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**side.environment, "EXPLORATION": "0", "BUDGET_MS": "0", "SHED_MS": "0"}
    server = subprocess.Popen(
        [side.program, "serve", "--listen", f"127.0.0.1:{port}"], env=environment, cwd=side.json, stderr=subprocess.DEVNULL
    )
    base = f"http://127.0.0.1:{port}"

    def get(path):
        try:
            with urllib.request.urlopen(base + path) as answer:
                return answer.status, MASKED.sub(b"-", answer.read())
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    try:
        for _ in range(600):
            try:
                if get("/health/ready")[0] == 200:
                    break
            except OSError:
                time.sleep(0.1)
        paths = ["/health", "/hot/trending?timeframe=7d", "/hot/trending?timeframe=30d", "/similar/0", "/similar/x", "/recommend/detail/0?user_id=1", "/no/such/route"]
        for dataset in ids:
            paths += [
                f"/similar/{dataset}?top_n=20",
                f"/recommend/detail/{dataset}?user_id={dataset % 97 + 1}",
                f"/recommend/detail/{dataset}?recent={ids[dataset % len(ids)]},{ids[(7 * dataset) % len(ids)]}&top_n=5&lang=zh",
            ]
        paths += [f"/search?q={word}&limit=20" for word in ("weather", "satellite", "genome", "ocean", "%E6%95%B0%E6%8D%AE")]
        return {path: get(path) for path in paths}
    finally:
        server.terminate()
        server.wait()


def compare(what, before, after):
    differing = sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))
    print(f"  {what}: {len(before)} before, {len(after)} after, {len(differing)} differ", flush=True)
    for key in differing[:20]:
        one, other = before.get(key), after.get(key)
        print(f"    {key}: {str(one)[:160] if key in before else 'not there'} -> {str(other)[:160] if key in after else 'not there'}")
    return len(differing)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", required=True, type=pathlib.Path, help="the program before")
    parser.add_argument("--before-project", required=True, type=pathlib.Path, help="the folder with its sql/ and views/")
    parser.add_argument("--after", required=True, type=pathlib.Path, help="the program after")
    parser.add_argument("--after-project", default=pathlib.Path(__file__).parent.parent, type=pathlib.Path)
    parser.add_argument("--exports", required=True, type=pathlib.Path, help="the folder of exports")
    parser.add_argument("--log", type=pathlib.Path, help="an exposure log")
    parser.add_argument("--as-of", required=True)
    arguments = parser.parse_args()
    exports = arguments.exports.resolve()
    stamps = sorted({found[1] for path in exports.iterdir() if (found := STAMP.search(path.name))})
    full = [path for path in exports.iterdir() if path.is_file() and not STAMP.search(path.name)]
    differing = 0
    with tempfile.TemporaryDirectory() as temporary:
        root = pathlib.Path(temporary)
        sides = [
            Side("before", arguments.before.resolve(), arguments.before_project.resolve(), root, exports),
            Side("after", arguments.after.resolve(), arguments.after_project.resolve(), root, exports),
        ]
        for stamp in [None, *stamps]:
            print(f"increment {stamp}" if stamp else "full files", flush=True)
            for side in sides:
                side.take(full if stamp is None else [p for p in exports.iterdir() if stamp in p.name])
                if stamp is None and arguments.log:
                    shutil.copy2(arguments.log, side.data / "evaluation" / "exposure_log.jsonl")
                side.run(arguments.as_of)
            if stamp not in (None, stamps[-1] if stamps else None):
                continue
            before, after = sides
            differing += compare("relations", *(relations(side, after) for side in sides))
            differing += compare("processed", *(dict.fromkeys(files(side.data / "processed", "*.parquet"), 1) for side in sides))
            differing += compare("reports", *(files(side.data / "evaluation", "*.json") for side in sides))
            differing += compare("files of the version", *(files(side.models / side.version(), "*") for side in sides))
            # a run's own clock stands in the log that a server writes, so lists are asked for on copies
            ids = [int(row["dataset_id"]) for row in json.loads(after.call("sql", "select dataset_id from datasets order by 1", "--format", "json"))]
            for side in sides:
                log = side.data / "evaluation" / "exposure_log.jsonl"
                if log.exists():
                    shutil.copy2(log, side.data / "kept.jsonl")
            differing += compare("lists", *(lists(side, ids) for side in sides))
            for side in sides:
                for log in (side.data / "evaluation").glob("exposure_log*"):
                    log.unlink()
                if (side.data / "kept.jsonl").exists():
                    (side.data / "kept.jsonl").rename(side.data / "evaluation" / "exposure_log.jsonl")
    print("all the same" if differing == 0 else f"{differing} differ")
    sys.exit(1 if differing else 0)


if __name__ == "__main__":
    main()
