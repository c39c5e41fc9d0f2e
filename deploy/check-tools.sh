#!/bin/sh
# Says which tools of the build are missing or too old, all at once, and how long the first build takes, before it begins.
set -eu

target=${1:?usage: check-tools.sh TARGET_DIR}
wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

problems=
problem() {
    problems="$problems
  $1"
}
has() {
    command -v "$1" >/dev/null
}

if ! has cargo || ! has rustc; then
    problem "cargo is missing: install Rust $wanted or newer, with rustup (https://rustup.rs) or from your distribution"
else
    found=$(rustc --version | cut -d ' ' -f 2)
    oldest=$(printf '%s\n%s\n' "$wanted" "$found" | sort -V | head -n 1)
    [ "$oldest" = "$wanted" ] || problem "rustc $found is too old: Rust $wanted or newer is needed (rustup update)"
fi
has cc && has nm || problem "a C toolchain is missing: install it (Debian and Ubuntu: apt-get install build-essential)"
if [ ! -f "$DUCKDB_LIB_DIR/libduckdb.so" ] && ! has npm; then
    problem "npm is missing, from whose packages DuckDB's library comes: install it (Debian and Ubuntu: apt-get install npm), \
or set DUCKDB_LIB_DIR to a folder that holds libduckdb.so of DuckDB 1.5.5"
fi
if [ -n "$problems" ]; then
    echo "nearset cannot be built yet:$problems" >&2
    exit 1
fi
[ -e "$target/release/nearset" ] || echo "The first build takes about 6 minutes on 2 cores; later ones take what has changed."
