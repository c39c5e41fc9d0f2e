#!/bin/sh
# Installs the servers that tests start for themselves, and a clock that they can move, from the system's packages, where they are not there yet.
set -eu
export DEBIAN_FRONTEND=noninteractive
PATH="$PATH:/usr/sbin:/usr/local/sbin"

missing=""
command -v mariadbd >/dev/null && command -v mariadb-install-db >/dev/null || missing="mariadb-server"
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing="$missing postgresql"
command -v prometheus >/dev/null && command -v promtool >/dev/null || missing="$missing prometheus"
command -v prometheus-alertmanager >/dev/null && command -v amtool >/dev/null || missing="$missing prometheus-alertmanager"
ls /usr/lib/*/faketime/libfaketime.so.1 >/dev/null 2>&1 || missing="$missing faketime"
# what reads the service's unit
command -v systemd-analyze >/dev/null || missing="$missing systemd"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then as_root=""; else as_root="sudo -n"; fi
install() {
    # RUNLEVEL=1: the packages do not start servers of their own
    # shellcheck disable=SC2086
    RUNLEVEL=1 $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
}
if ! command -v apt-get >/dev/null || ! { install 2>/dev/null || { $as_root apt-get update -qq && install; }; }; then
    echo "tests need servers that are not here: install $missing and run again" >&2
    exit 1
fi
