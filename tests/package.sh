#!/bin/bash
# Installs what `make package` made on a clean Debian that has systemd and no network, by the commands of
# docs/deployment.md as they stand there; serves, upgrades, removes. The Debian is made once and kept in the cache.
#   tests/package.sh DIST_DIR
# shellcheck disable=SC2015,SC2016 # what is between '' is for the shell inside
set -euo pipefail
cd "$(dirname "$0")/.."

dist=${1:?usage: package.sh DIST_DIR}
package=$(echo "$dist"/nearset_*.deb) archive=$(echo "$dist"/nearset-*.tar.gz)
export PATH="$PATH:/usr/sbin:/sbin" DEBIAN_FRONTEND=noninteractive

if [ "$(id -u)" != 0 ] || ! unshare --mount --net --pid --fork true 2>/dev/null; then
    echo "package: NOT TESTED: this needs root and a kernel that lets it make namespaces (unshare)" >&2
    exit 0
fi
for need in debootstrap:debootstrap systemd-nspawn:systemd-container nsenter:util-linux sqlite3:sqlite3; do
    command -v "${need%:*}" >/dev/null && continue
    RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${need#*:}" >/dev/null 2>&1 ||
        { apt-get update -qq && RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${need#*:}" >/dev/null; }
done

base="${XDG_CACHE_HOME:-$HOME/.cache}/nearset/debian-12-with-systemd.tar"
# in memory where there is room: dpkg and nearset wait for the disk with every file
if [ "$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1)" -gt 4000000 ]; then shm=/dev/shm; else shm=; fi
root=$(mktemp -d ${shm:+--tmpdir=$shm})
console="$root.console" machine=
end() {
    if [ -n "$machine" ]; then
        kill "$machine" 2>/dev/null && wait "$machine" || true
    fi
    rm -rf "$root" "$console"
}
trap end EXIT
if [ ! -f "$base" ]; then
    echo "package: making a Debian, once"
    # what a Debian server has, and curl for the smoke test
    debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,ca-certificates,sudo,curl bookworm "$root" >"$console" ||
        { tail -n 5 "$console" >&2; exit 1; }
    rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
    mkdir -p "$(dirname "$base")"
    tar -cf "$base.part" -C "$root" .
    mv "$base.part" "$base"
else
    tar -xf "$base" -C "$root"
fi

# what somebody carried over: the two files, exports, a database in a file; and the documents, which say what is done
mkdir -p "$root/root/carried" "$root/srv/exports"
cp "$package" "$archive" "$root/root/carried/"
cp -r fixtures/json/. "$root/srv/exports/"
sqlite3 "$root/srv/shop.db" "create table dataset (id integer, dataset_name text, create_time text);
    insert into dataset values (1, 'weather', '2026-01-01 00:00:00'), (2, 'roads', '2026-01-02 00:00:00')"
chmod 755 "$root"
echo offline >"$root/etc/hostname"
echo "127.0.0.1 localhost offline" >"$root/etc/hosts"

systemd-nspawn --quiet --directory="$root" --private-network --register=no --keep-unit --boot --console=pipe \
    </dev/null >"$console" 2>&1 &
machine=$!
# inside COMMAND: as root on that machine, in the folder of what was carried over
inside() {
    nsenter --target "$leader" --mount --uts --ipc --net --pid --root -- \
        env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 sh -ec "cd /root/carried; $1"
}
leader=''
for _ in $(seq 300); do
    [ -n "$leader" ] || leader=$(cut -d ' ' -f 1 "/proc/$machine/task/$machine/children" 2>/dev/null)
    if [ -n "$leader" ] && inside 'systemctl is-system-running | grep -Eq "running|degraded"' 2>/dev/null; then break; fi
    kill -0 "$machine" || { cat "$console" >&2; exit 1; }
    sleep 0.2
done

# block N of the commands below a heading of the page
block() {
    awk -v heading="## $1" -v wanted="$2" '/^## /{inside = $0 == heading} /^```/{fence = !fence && inside; n += fence; next}
        fence && n == wanted' docs/deployment.md
}
# by_the_page HEADING N [SED]: runs it as it stands, or with what a test does beside
by_the_page() {
    commands=$(block "$1" "$2" | sed "${3:-}")
    [ -n "$commands" ] || { echo "package: docs/deployment.md has no commands below \"$1\" ($2)" >&2; exit 1; }
    printf 'package: %s\n' "$1, block $2"
    inside "exec 2>&1; set -x; $commands" >"$root/said" || { cat "$root/said" >&2; inside 'journalctl -u nearset -n 30 --no-pager' >&2; exit 1; }
}
# says COMMAND PATTERN: what it says holds that
says() {
    said=$(inside "$1" 2>&1) || { echo "$said" >&2; exit 1; }
    echo "$said" | grep "$2" >/dev/null || { printf 'package: "%s" does not say "%s":\n%s\n' "$1" "$2" "$said" >&2; exit 1; }
}
# until the server answers, as one waits who has started it
ready='for _ in $(seq 100); do curl -sf http://127.0.0.1:8000/health/ready >/dev/null \&\& break; sleep 0.2; done'
answers() {
    inside "${ready//\\/}; curl -sSf http://127.0.0.1:8000/similar/1001 | grep -q similar_items"
}

# nothing reaches out, and nothing of nearset is there yet
inside '! ls /sys/class/net | grep -qv "^lo$"; ! command -v nearset' >/dev/null
quick="/dpkg -i/a echo 'train_seconds = 0' | sudo tee -a /etc/nearset/nearset.toml >/dev/null"
by_the_page "The Debian package" 1 "$quick"
by_the_page "The Debian package" 2 "/systemctl status/i $ready"
grep -q 'failed' "$root/said" && grep -q '40 are whole.*not logged' "$root/said" || { cat "$root/said" >&2; exit 1; }
answers
says 'systemctl is-enabled nearset' '^enabled'
# the service is confined, and who is not nearset sees neither its secrets nor its data
inside 'pid=$(systemctl show -P MainPID nearset)
    grep -q "^NoNewPrivs:.1" /proc/$pid/status; grep -q "^Seccomp:.2" /proc/$pid/status; grep -q "^CapEff:.0*$" /proc/$pid/status
    test "$(stat -c %U:%a /etc/nearset/.env /var/lib/nearset | xargs)" = "root:640 nearset:750"
    ! sudo -u nobody cat /etc/nearset/.env 2>/dev/null'
# a run that the service itself starts, within its confinement; then the usual schedule again
jobs=/var/lib/nearset/data/schedule.toml
inside "printf '[[job]]\\nname = \"often\"\\ncron = \"*/2 * * * * *\"\\ncommand = \"nearset run\"\\n' | sudo -u nearset tee $jobs
    systemctl restart nearset; cd /etc/nearset
    for _ in \$(seq 600); do sudo -u nearset nearset schedule list --json | grep -q '\"succeeded\": \"2' && break; sleep 0.5; done
    sudo -u nearset nearset schedule list --json | grep '\"succeeded\": \"2'; rm $jobs; systemctl restart nearset" >/dev/null ||
    { inside 'cat /var/lib/nearset/data/operations/jobs/often/*.log; journalctl -u nearset -n 30 --no-pager' >&2; exit 1; }
answers
# a database of another kind, without network: the package's own extension
says 'cd /tmp && BUSINESS_DATA_SOURCE=database BUSINESS_DB_URL=sqlite:/srv/shop.db nearset doctor || true' \
    '/usr/lib/nearset/extensions/v[0-9.]*/linux_[a-z0-9]*/sqlite_scanner.duckdb_extension'
says 'man -w nearset 2>/dev/null || ls /usr/share/man/man1/nearset.1.gz' 'nearset.1'
echo "package: installed, served and confined"

# an upgrade keeps settings and data, and restarts what ran
inside 'echo "# mine" >>/etc/nearset/nearset.toml; systemctl show -P MainPID nearset >/root/pid; cd /var/lib/nearset && find models -type f | sort | xargs sha256sum >/root/models'
by_the_page Upgrade 1 "/doctor --server/i $ready"
inside 'grep -q "^# mine" /etc/nearset/nearset.toml; test "$(cat /root/pid)" != "$(systemctl show -P MainPID nearset)"
    cd /var/lib/nearset && sha256sum --check --quiet /root/models'
answers
inside 'dpkg -r nearset 2>&1; ! systemctl is-active nearset; ! command -v nearset; test -f /etc/nearset/nearset.toml' >/dev/null
says 'dpkg -P nearset' 'data in /var/lib/nearset are left'
inside 'test ! -e /etc/nearset/nearset.toml; test -f /var/lib/nearset/data/warehouse.duckdb; test -z "$(find /usr /lib/systemd -name "*nearset*")"'
echo "package: upgraded, removed, purged; the data are left"

# the archive, over the data that were left
by_the_page "The archive" 1
inside 'systemctl start nearset'
answers
inside 'echo "# mine" >>/etc/nearset/nearset.toml; touch /usr/local/lib/nearset/old; echo lib/nearset/old >>/usr/local/lib/nearset/files'
says './nearset-*/install.sh && systemctl restart nearset' 'in place of the one before'
answers
inside 'test ! -e /usr/local/lib/nearset/old; grep -q "^# mine" /etc/nearset/nearset.toml
    /usr/local/lib/nearset/install.sh --remove; ! systemctl is-active nearset; test -z "$(find /usr/local -name "*nearset*")"
    test -f /etc/nearset/nearset.toml; test -f /var/lib/nearset/data/warehouse.duckdb' >/dev/null
# and for a user who is not root
inside 'chmod 755 /root /root/carried; useradd -m anna'
commands=$(block "The archive" 2)
inside "sudo -u anna sh -ec 'HOME=/home/anna; cd /root/carried; $commands; TRAIN_SECONDS=0; export TRAIN_SECONDS; mkdir ~/shop; cd ~/shop
    ~/nearset/bin/nearset demo --no-serve; ~/nearset/lib/nearset/install.sh --remove; rmdir ~/nearset'" >"$root/said" 2>&1 ||
    { cat "$root/said" >&2; exit 1; }
echo "package: the archive was installed, upgraded and removed, by root and by a user"
