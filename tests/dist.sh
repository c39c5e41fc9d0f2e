#!/bin/sh
# Unpacks what `make dist` made and runs the demo from it, where nothing of this machine is but the C and C++ libraries, as on
# a bare Debian: in a root folder of its own where this may be done (as root), else with an empty home and environment.
#   tests/dist.sh nearset-VERSION-linux-MACHINE.tar.gz
set -eu

archive=${1:?usage: dist.sh ARCHIVE}
# what Debian 12 and Ubuntu 22.04 have
newest=2.35

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root/opt" "$root/home" "$root/proc" "$root/tmp"
tar -xzf "$archive" -C "$root/opt"
place=/opt/$(ls "$root/opt")
for file in bin/nearset lib/nearset/libduckdb.so; do
    needed=$(objdump -T "$root$place/$file" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1)
    if [ "$(printf 'GLIBC_%s\n%s\n' "$newest" "$needed" | sort -V | tail -n 1)" != "GLIBC_$newest" ]; then
        echo "dist: $file needs $needed; Debian 12 and Ubuntu 22.04 have not more than $newest" >&2
        exit 1
    fi
done

if unshare --mount true 2>/dev/null; then
    ldd "$root$place/bin/nearset" "$root$place/lib/nearset/libduckdb.so" | grep -o '/[^ ]*\.so[^ ]*' | sort -u |
        grep -v "^$root" | xargs -I{} cp --parents -L {} "$root"
    where="a root folder with nothing but $(find "$root/lib" "$root/lib64" "$root/usr" -type f 2>/dev/null | wc -l) libraries"
    # shellcheck disable=SC2016 # the inner shell's
    unshare --mount sh -c 'mount --rbind /proc "$1/proc" && exec env -i HOME=/home TRAIN_SECONDS=0 "$(command -v chroot)" "$1" "$2/bin/nearset" demo --no-serve' \
        sh "$root" "$place"
else
    where="an empty home and environment"
    (cd "$root/home" && env -i HOME="$root/home" TRAIN_SECONDS=0 "$root$place/bin/nearset" demo --no-serve)
fi
echo "dist: $(basename "$archive") ran the demo in $where"
