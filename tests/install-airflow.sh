#!/bin/sh
# Puts the two Airflows that deploy/airflow is tested with into environments of their own, where they are not there yet.
set -eu
cache="${XDG_CACHE_HOME:-$HOME/.cache}/nearset"
python="${PYTHON:-python3}"

# the last Airflow 2, and an Airflow 3: each with an empty database, which every test copies
for version in 2.11.2 3.3.2; do
    place="$cache/airflow${version%%.*}"
    [ "$(cat "$place/ready" 2>/dev/null)" != "$version" ] || continue
    rm -rf "$place"
    "$python" -m venv "$place"
    "$place/bin/pip" install -q --disable-pip-version-check uv
    "$place/bin/uv" pip install -q --python "$place/bin/python" "apache-airflow==$version"
    AIRFLOW_HOME="$place/home" AIRFLOW__CORE__LOAD_EXAMPLES=False "$place/bin/airflow" db migrate >"$place/migrate.log" 2>&1
    # its settings name this very folder
    find "$place/home" -mindepth 1 ! -name airflow.db -delete
    echo "$version" >"$place/ready"
done
