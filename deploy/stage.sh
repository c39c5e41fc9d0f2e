#!/bin/sh
# Lays out all that belongs to nearset below an empty folder, as it stands below a prefix, with install.sh on top:
# `make install` installs it, `make dist` packs it, `make package` makes a Debian package of it.
#   stage.sh RELEASE_DIR EXTENSIONS_DIR ROOT
set -eu
export LC_ALL=C

release=${1:?usage: stage.sh RELEASE_DIR EXTENSIONS_DIR ROOT} extensions=${2?extensions} root=${3?a folder}
if [ -n "$(ls -A "$root" 2>/dev/null)" ]; then
    echo "stage.sh: $root is not empty" >&2
    exit 1
fi
copy() {
    install -D -m "$1" "$2" "$root/$3"
}
copy_below() {
    (cd "$1" && find . -type f ! -name '*.pyc') | sed 's|^\./||' | while read -r file; do copy 644 "$1/$file" "$2/$file"; done
}

install -D -s -m 755 "$release/nearset" "$root/bin/nearset"
copy 644 "$release/libduckdb.so" lib/nearset/libduckdb.so
[ ! -d "$extensions" ] || copy_below "$extensions" lib/nearset/extensions
copy 755 deploy/prepare.sh lib/nearset/prepare.sh
copy 644 deploy/nearset.service lib/systemd/system/nearset.service

"$root/bin/nearset" man "$root/share/man/man1"
completions() {
    mkdir -p "$root/$(dirname "$2")"
    "$root/bin/nearset" completions "$1" >"$root/$2"
}
completions bash share/bash-completion/completions/nearset
completions zsh share/zsh/site-functions/_nearset
completions fish share/fish/vendor_completions.d/nearset.fish

for part in sql views; do copy_below $part "share/nearset/project/$part"; done
for part in airflow alertmanager compose grafana kubernetes prometheus; do
    [ ! -d "deploy/$part" ] || copy_below "deploy/$part" "share/nearset/deploy/$part"
done
for file in compose.yml logrotate nginx.conf service.toml; do copy 644 "deploy/$file" "share/nearset/deploy/$file"; done
copy 755 deploy/smoke.sh share/nearset/deploy/smoke.sh

doc="share/doc/nearset"
for file in README.md README.zh-CN.md CHANGELOG.md CHANGELOG.zh-CN.md LICENSE ./*.example.toml; do copy 644 "$file" "$doc/$file"; done
copy_below docs "$doc/docs"
# what the documents call ../deploy
ln -s ../../nearset/deploy "$root/$doc/deploy"

copy 755 deploy/install.sh lib/nearset/install.sh
(cd "$root" && find . ! -type d | sed 's|^\./||' | sort) >"$root/lib/nearset/files"
echo lib/nearset/files >>"$root/lib/nearset/files"
copy 755 deploy/install.sh install.sh
