#!/bin/sh
# Puts DuckDB's extensions for databases into the folder named, as DUCKDB_EXTENSION_DIRECTORY expects it, verified by
# checksum (and by DuckDB, which loads only what its makers signed). They come as packages of Python's package index.
set -eu

dir=${1:?usage: fetch-extensions.sh DIR}
version=1.5.5

case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) platform=linux_amd64 mysql=e2d3328b5370ae703f2c287c314a87979de513ef270d4dd565071c03057d2601 postgres=b1ced4cfc6311313e117c2afb3eac76508718778dde0716421503c7dbfb5605c sqlite=693d2bf90779df23ca5ebe0688639b9adfc11c2d55ae3466b33e28be16afaa5e ;;
    Linux-aarch64) platform=linux_arm64 mysql=4f07a6b5f95cd43d580a1807e1154afac2cb05f37700a76c40989104a51fd2cb postgres=e2469cce1e855e8c842a1487dd8168cf27904c03baaf1f2c227529403315d819 sqlite=8d3dafb7dce28c7e74abac9f78a9063b8eda02c257e7aaa026e441bf277aece7 ;;
    *)
        echo "fetch-extensions: no extensions are known for $(uname -s) $(uname -m)" >&2
        exit 1
        ;;
esac
place="$dir/v$version/$platform"

is_right() {
    [ -f "$1" ] && echo "$2  $1" | sha256sum --check --status
}

fetch() {
    name=$1_scanner file=$1_scanner.duckdb_extension sha256=$2
    is_right "$place/$file" "$sha256" && return
    if ! python3 -m pip --version >/dev/null 2>&1; then
        echo "fetch-extensions: python3 with pip is missing. Install it, or put $file of DuckDB $version into $place" >&2
        exit 1
    fi
    echo "fetching DuckDB's $name extension"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --dest "$work" \
        "duckdb-extension-$1-scanner==$version"
    python3 -m zipfile -e "$work"/duckdb_extension_"$name"-*.whl "$work/$name"
    found="$work/$name/duckdb_extension_$name/extensions/v$version/$file"
    if ! is_right "$found" "$sha256"; then
        echo "fetch-extensions: $file has another checksum than expected ($sha256); nothing was installed" >&2
        exit 1
    fi
    mkdir -p "$place"
    mv "$found" "$place/$file.part"
    mv "$place/$file.part" "$place/$file"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fetch mysql "$mysql"
fetch postgres "$postgres"
fetch sqlite "$sqlite"
