#!/bin/sh
# Looks at every page of the console as people do: three widths, both languages, light and dark. Screenshots and findings go to OUT.
#
#   tests/console.sh [OUT [ADDRESS]]
#
# ADDRESS is that of a server; where it is left out, one is started on the fixtures.
set -eu
cd "$(dirname "$0")/.."
target="${CARGO_TARGET_DIR:-target}"
out="${1:-$target/console}"
address="${2:-}"

tests/install-browser.sh
if [ -z "$address" ]; then
    world=$(mktemp -d)
    trap 'kill "$server" 2>/dev/null; rm -rf "$world"' EXIT
    "$target/release/nearset" demo --no-serve --data-dir "$world/data" --models-dir "$world/models" >"$world/log" 2>&1
    address="http://127.0.0.1:${PORT:-8160}"
    "$target/release/nearset" serve --listen "${address#http://}" --data-dir "$world/data" --models-dir "$world/models" >"$world/log" 2>&1 &
    server=$!
    for _ in $(seq 100); do
        node -e "fetch('$address/health').then((a) => process.exit(a.ok ? 0 : 1), () => process.exit(1))" && break
        sleep 0.2
    done
fi
node tests/console/walk.mjs "$address" "$out"
