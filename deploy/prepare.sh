#!/bin/sh
# Makes what the service needs and is not there yet: its user, its folders, its settings file. Run by root.
#   prepare.sh SETTINGS_FILE
set -eu

getent group nearset >/dev/null || groupadd --system nearset
getent passwd nearset >/dev/null ||
    useradd --system --gid nearset --home-dir /var/lib/nearset --no-create-home --shell /usr/sbin/nologin nearset
install -d -o nearset -g nearset -m 750 /var/lib/nearset /var/lib/nearset/data /var/lib/nearset/models
install -d -m 755 /etc/nearset
[ -e /etc/nearset/nearset.toml ] || install -m 644 "$1" /etc/nearset/nearset.toml
