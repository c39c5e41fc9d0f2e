#!/bin/sh
# Puts nearset and all that goes with it below a folder, or removes it from there (make install, make uninstall).
#   install.sh RELEASE_DIR ROOT PREFIX             what is in RELEASE_DIR to ROOT, where it will be known as PREFIX
#   install.sh --remove ROOT
set -eu
export LC_ALL=C

# every place it installs to, by whole files and by folders of its own
files='bin/nearset share/bash-completion/completions/nearset share/zsh/site-functions/_nearset
    share/fish/vendor_completions.d/nearset.fish lib/systemd/system/nearset.service
    lib/systemd/system/nearset-run.service lib/systemd/system/nearset-run.timer share/man/man1/nearset.1 share/man/man1/nearset-*.1'
folders='lib/nearset share/doc/nearset'

if [ "${1:-}" = --remove ]; then
    cd "${2:?usage: install.sh --remove ROOT}"
    # shellcheck disable=SC2086 # names without spaces, one with a wildcard
    rm -rf $files $folders
    exit
fi

release=${1:?usage: install.sh RELEASE_DIR ROOT PREFIX} root=${2:?a folder to install to} prefix=${3?the prefix}
install -D -s -m 755 "$release/nearset" "$root/bin/nearset"
install -D -m 644 "$release/libduckdb.so" "$root/lib/nearset/libduckdb.so"

"$root/bin/nearset" man "$root/share/man/man1"
completions() {
    mkdir -p "$root/$(dirname "$2")"
    "$root/bin/nearset" completions "$1" >"$root/$2"
}
completions bash share/bash-completion/completions/nearset
completions zsh share/zsh/site-functions/_nearset
completions fish share/fish/vendor_completions.d/nearset.fish

doc="$root/share/doc/nearset"
mkdir -p "$doc/docs" "$root/lib/systemd/system"
install -m 644 README.md README.zh-CN.md CHANGELOG.md CHANGELOG.zh-CN.md LICENSE ./*.example.toml "$doc/"
install -m 644 docs/* "$doc/docs/"
find deploy/prometheus -name "*.yml" | while read -r file; do install -D -m 644 "$file" "$doc/${file#deploy/}"; done
for unit in deploy/*.service deploy/*.timer; do
    sed "s|/usr/local|${prefix:-/usr/local}|" "$unit" >"$root/lib/systemd/system/$(basename "$unit")"
done
