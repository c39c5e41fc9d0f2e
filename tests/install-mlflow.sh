#!/bin/sh
# Installs MLflow into an environment of its own, for tests that ask it what it was told; some 600 MB, once.
set -eu
version=3.17.2
place="${XDG_CACHE_HOME:-$HOME/.cache}/nearset/mlflow"
[ -e "$place/.ready-$version" ] && exit 0

rm -rf "$place"
mkdir -p "$(dirname "$place")"
if ! python3 -m venv "$place" || ! "$place/bin/pip" install -q uv ||
    ! "$place/bin/uv" pip install -q --python "$place/bin/python" "mlflow==$version"; then
    echo "tests need MLflow $version: python3 with venv and pip must be able to install it into $place" >&2
    exit 1
fi
# making a server's database takes longest: each test's server begins with a copy
MLFLOW_DISABLE_TELEMETRY=true "$place/bin/mlflow" db upgrade "sqlite:///$place/empty.db" >/dev/null 2>&1
: >"$place/.ready-$version"
