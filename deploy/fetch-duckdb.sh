#!/bin/sh
# Puts DuckDB's prebuilt library into the folder named, verified by checksum.
# It comes with DuckDB's own npm package; nothing of it is run before its checksum is right.
set -eu

dir=${1:?usage: fetch-duckdb.sh DIR}
version=1.5.5-r.5

case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) machine=linux-x64 sha256=fc23f12e376c47be520f75221288281906e7942e8fd6f6ce4849198ba60d0405 ;;
    Linux-aarch64) machine=linux-arm64 sha256=d00d007f3f7ca1f2896a5e4b89c2ce141bf0508506a9d6d56f9598b8e59d074e ;;
    *)
        echo "fetch-duckdb: no prebuilt library is known for $(uname -s) $(uname -m);" \
            "compile DuckDB instead: cargo build --release --features bundled" >&2
        exit 1
        ;;
esac

is_right() {
    [ -f "$1" ] && echo "$sha256  $1" | sha256sum --check --status
}

is_right "$dir/libduckdb.so" && exit 0

if ! command -v npm >/dev/null; then
    echo "fetch-duckdb: npm is missing. Install it, or set DUCKDB_LIB_DIR to a folder that holds libduckdb.so of DuckDB 1.5.5," \
        "or compile DuckDB instead: cargo build --release --features bundled" >&2
    exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "fetching DuckDB 1.5.5 for $machine"
(cd "$work" && npm pack --silent "@duckdb/node-bindings-$machine@$version" >/dev/null && tar xzf ./*.tgz package/libduckdb.so)
if ! is_right "$work/package/libduckdb.so"; then
    echo "fetch-duckdb: libduckdb.so has another checksum than expected ($sha256); nothing was installed" >&2
    exit 1
fi
mkdir -p "$dir"
mv "$work/package/libduckdb.so" "$dir/libduckdb.so.part"
mv "$dir/libduckdb.so.part" "$dir/libduckdb.so"
