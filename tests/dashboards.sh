#!/bin/sh
# The dashboards are what Grafana's own schema says one is: its npm package has the types, TypeScript compares.
#   tests/dashboards.sh FOLDER    where both packages are put, once
set -eu
tools=${1:?usage: tests/dashboards.sh FOLDER}
here=$(cd "$(dirname "$0")/.." && pwd)

if ! [ -x "$tools/node_modules/.bin/tsc" ] || ! [ -d "$tools/node_modules/@grafana/schema" ]; then
    mkdir -p "$tools"
    npm install --prefix "$tools" --no-save --ignore-scripts --silent @grafana/schema@13.2.3 typescript@5.9.3 || {
        echo "tests/dashboards.sh: npm could not bring Grafana's schema; run it again where it reaches its registry" >&2
        exit 1
    }
fi
for dashboard in "$here"/deploy/grafana/dashboards/*.json; do
    name=$(basename "$dashboard" .json)
    { cat "$here/tests/dashboards.ts" && printf 'export const board: Board = ' && cat "$dashboard"; } >"$tools/$name.ts"
done
cd "$tools"
node_modules/.bin/tsc --noEmit --strict --skipLibCheck --module esnext --moduleResolution bundler --target esnext ./*.ts
