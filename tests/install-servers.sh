#!/bin/sh
# Installs the servers that tests start for themselves, from the system's packages, where they are not there yet.
set -eu
export DEBIAN_FRONTEND=noninteractive
PATH="$PATH:/usr/sbin:/usr/local/sbin"

command -v mariadbd >/dev/null && command -v mariadb-install-db >/dev/null && exit 0

if [ "$(id -u)" = 0 ]; then as_root=""; else as_root="sudo -n"; fi
install() {
    # RUNLEVEL=1: the package does not start a server of its own
    RUNLEVEL=1 $as_root apt-get install -y -qq --no-install-recommends mariadb-server >/dev/null
}
if ! command -v apt-get >/dev/null || ! { install 2>/dev/null || { $as_root apt-get update -qq && install; }; }; then
    echo "tests need a MariaDB server: install mariadb-server (mariadbd, mariadb-install-db, mariadb) and run again" >&2
    exit 1
fi
