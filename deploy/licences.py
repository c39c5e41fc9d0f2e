#!/usr/bin/env python3
"""Writes what nearset is made of and under which licences: a list of names, and every text once with those that it is for.

    licences.py OUT_DIR

The texts are those in the crates' sources, where cargo has them. A crate without one of its own takes that of another crate
of the same repository, else its licence's text as it stands elsewhere, with the authors that the crate names.
"""
import hashlib
import json
import pathlib
import re
import subprocess
import sys

DUCKDB = "1.5.5"
ECHARTS = "6.1.0"
OPENCC = "1.4.2"
NAME = re.compile(r"(licen[sc]e|copying|notice|unlicense|copyright)", re.IGNORECASE)


def cargo(*arguments):
    done = subprocess.run(["cargo", *arguments], check=True, capture_output=True, text=True)
    return done.stdout


def texts(crate):
    """The texts in a crate's folder."""
    folder = pathlib.Path(crate["manifest_path"]).parent
    files = sorted(file for file in folder.iterdir() if file.is_file() and NAME.match(file.name))
    return [file.read_text(encoding="utf-8", errors="replace").strip() for file in files]


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    linked = cargo("tree", "--locked", "--edges", "normal", "--prefix", "none", "--no-dedupe", "--format", "{p}")
    linked = {tuple(line.split()[:2]) for line in linked.splitlines() if line}
    packages = json.loads(cargo("metadata", "--locked", "--format-version", "1"))["packages"]
    crates = [c for c in packages if (c["name"], "v" + c["version"]) in linked and c["name"] != "nearset"]
    crates.sort(key=lambda crate: (crate["name"], crate["version"]))

    own = {crate["id"]: texts(crate) for crate in crates}
    of_repository = {}
    for crate in packages:
        if crate["repository"] and (found := own.get(crate["id"]) or texts(crate)):
            of_repository.setdefault(crate["repository"].removesuffix(".git"), found)
    apache = pathlib.Path("LICENSE").read_text(encoding="utf-8").strip()
    duckdb = next(own[crate["id"]] for crate in crates if crate["name"] == "libduckdb-sys")

    def standard(crate):
        if "Apache-2.0" in (crate["license"] or ""):
            return [apache]
        if crate["license"] == "MIT":
            authors = ", ".join(crate["authors"]) or f"the authors of {crate['name']}"
            return [f"Copyright (c) {authors}\n" + duckdb[0].split("\n", 1)[1]]
        sys.exit(f"licences.py: {crate['name']} {crate['version']} ({crate['license']}) has no text; name one here")

    lines = [f"DuckDB v{DUCKDB} MIT https://github.com/duckdb/duckdb"]
    extensions = ["mysql_scanner", "postgres_scanner", "sqlite_scanner"]
    lines += [f"DuckDB's extension {name} v{DUCKDB} MIT https://github.com/duckdb" for name in extensions]
    users = {}
    for name in ["DuckDB", *(f"DuckDB's extension {name}" for name in extensions)]:
        users.setdefault(duckdb[0], []).append(f"{name} {DUCKDB}")
    lines.append(f"OpenCC's table of characters v{OPENCC} Apache-2.0 https://github.com/BYVoid/OpenCC")
    users.setdefault(apache, []).append(f"OpenCC's table of characters {OPENCC}")
    lines.append(f"Apache ECharts v{ECHARTS} Apache-2.0 https://github.com/apache/echarts")
    echarts = pathlib.Path("src/console/assets/echarts.LICENSE").read_text(encoding="utf-8").strip()
    users[echarts] = [f"Apache ECharts {ECHARTS}"]
    lines.append("all-MiniLM-L6-v2, as a table of tokens Apache-2.0 https://www.sbert.net")
    lines.append("WordNet 3.0, glosses that the table learned from WordNet-3.0 https://wordnet.princeton.edu")
    users.setdefault(apache, []).append("all-MiniLM-L6-v2")
    users[pathlib.Path("src/embed/neural/table/WordNet.LICENSE").read_text(encoding="utf-8").strip()] = ["WordNet 3.0"]
    for crate in crates:
        name, version, licence = crate["name"], crate["version"], crate["license"] or "see its text"
        lines.append(f"{name} v{version} {licence} {crate['repository'] or ''}".rstrip())
        repository = (crate["repository"] or "").removesuffix(".git")
        for text in own[crate["id"]] or of_repository.get(repository) or standard(crate):
            users.setdefault(text, []).append(f"{name} {version}")

    head = "nearset is made of these: name, version, licence, source. Their texts are in third-party-licences.txt.\n"
    (out / "third-party.txt").write_text(head + "\n".join(lines) + "\n", encoding="utf-8")
    # the same words, however they are broken into lines, are one text
    same = {}
    for text, names in users.items():
        key = hashlib.sha256(" ".join(text.split()).encode()).hexdigest()
        same.setdefault(key, (text, []))[1].extend(names)
    rule = "=" * 100
    parts = [f"{rule}\n{', '.join(sorted(set(names)))}\n{rule}\n\n{text}\n" for text, names in same.values()]
    note = (
        "DuckDB's library and its extensions are as their makers built and signed them, and hold libraries of others: of the\n"
        "extensions, mysql_scanner MariaDB Connector/C 3.4.7 (LGPL-2.1-or-later), postgres_scanner PostgreSQL's client library\n"
        "(PostgreSQL licence), both OpenSSL (Apache-2.0), sqlite_scanner SQLite (public domain). They are files of their own,\n"
        "loaded only where a database of that kind is read; whoever wants another puts it in their place.\n"
    )
    lesser = pathlib.Path("/usr/share/common-licenses/LGPL-2.1")
    if lesser.exists():
        parts.append(f"{rule}\nMariaDB Connector/C\n{rule}\n\n{lesser.read_text(encoding='utf-8').strip()}\n")
    else:
        print(f"licences.py: {lesser} is not there; add the text of LGPL-2.1 by hand", file=sys.stderr)
    (out / "third-party-licences.txt").write_text(note + "\n" + "\n".join(parts), encoding="utf-8")
    print(f"licences: {len(crates)} crates, {len(same)} texts")


main()
