#!/bin/sh
# Installs what looks at the console for tests: Chromium from the system's packages, and two packages of npm's in a folder of their own.
set -eu
playwright=1.65.1
axe=4.14.1
place="${XDG_CACHE_HOME:-$HOME/.cache}/nearset/browser"

if ! command -v "${CHROMIUM:-chromium}" >/dev/null; then
    export DEBIAN_FRONTEND=noninteractive
    if [ "$(id -u)" = 0 ]; then as_root=""; else as_root="sudo -n"; fi
    # without a font of Chinese, its letters are boxes
    install() { $as_root apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk >/dev/null; }
    if ! command -v apt-get >/dev/null || ! { install 2>/dev/null || { $as_root apt-get update -qq && install; }; }; then
        echo "tests of the console need Chromium: install it and run again" >&2
        exit 1
    fi
fi

[ -e "$place/.ready-$playwright-$axe" ] && exit 0
rm -rf "$place"
mkdir -p "$place"
if ! npm install --prefix "$place" --silent --no-audit --no-fund --ignore-scripts "playwright-core@$playwright" "axe-core@$axe"; then
    echo "tests of the console need playwright-core $playwright and axe-core $axe: npm must be able to install them into $place" >&2
    exit 1
fi
: >"$place/.ready-$playwright-$axe"
