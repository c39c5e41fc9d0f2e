#!/bin/sh
# Fails where tests would compile a crate of the program with other features than the program does: everything that stands
# on it would be compiled twice, minutes of it. Ask for the missing features in Cargo.toml's [dependencies] then.
set -eu

features() { cargo tree --locked --edges "$1" --format '{p} {f}' --prefix none | sed 's/ (\*)$//' | sed 's/ *$//' | grep -v '^nearset ' | sort -u; }

program=$(features normal,build)
tests=$(features normal,build,dev)
differing=$(echo "$program" | while read -r line; do echo "$tests" | grep -qxF "$line" || echo "$line"; done)
if [ -n "$differing" ]; then
    echo "tests ask for more features of these crates than the program does:" >&2
    echo "$differing" >&2
    exit 1
fi
