#!/bin/sh
# Makes a Debian package of what stage.sh laid out.
#   package.sh STAGED_DIR VERSION MAINTAINER OUT_DIR
set -eu
export LC_ALL=C

staged=${1:?usage: package.sh STAGED_DIR VERSION MAINTAINER OUT_DIR} version=$2 maintainer=$3 out=$4
architecture=$(dpkg --print-architecture)
# the same commit makes the same package
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH="$epoch"

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
mkdir -p "$root/usr" "$root/etc/nearset" "$root/DEBIAN"
cp -a "$staged/." "$root/usr/"
# dpkg keeps its own list of files, and installs and removes
rm -f "$root/usr/install.sh" "$root/usr/lib/nearset/install.sh" "$root/usr/lib/nearset/files"
sed -i 's|/usr/local|/usr|g' "$root/usr/lib/systemd/system/nearset.service"
mkdir -p "$root/lib"
mv "$root/usr/lib/systemd" "$root/lib/"
install -m 644 deploy/service.toml "$root/etc/nearset/nearset.toml"

doc="$root/usr/share/doc/nearset"
# Debian has the text itself
rm -f "$doc/LICENSE"
gzip -9n "$root"/usr/share/man/man1/*
gzip -9n "$doc/third-party-licences.txt"
{
    echo "nearset ($version) stable; urgency=medium"
    printf '\n  * What changed stands in CHANGELOG.md.\n\n'
    echo " -- $maintainer  $(date -uR -d "@$epoch")"
} | gzip -9n >"$doc/changelog.gz"
sed "s|MAINTAINER|$maintainer|" deploy/debian/copyright >"$doc/copyright"
install -D -m 644 deploy/debian/lintian-overrides "$root/usr/share/lintian/overrides/nearset"

for script in postinst prerm postrm; do install -m 755 "deploy/debian/$script" "$root/DEBIAN/$script"; done
echo /etc/nearset/nearset.toml >"$root/DEBIAN/conffiles"
size=$(du -k -s --apparent-size --exclude=DEBIAN "$root" | cut -f 1)
sed -e "s|VERSION|$version|; s|ARCHITECTURE|$architecture|; s|MAINTAINER|$maintainer|; s|SIZE|$size|" \
    deploy/debian/control >"$root/DEBIAN/control"
(cd "$root" && find . -type f ! -path './DEBIAN/*' -printf '%P\n' | sort | xargs md5sum) >"$root/DEBIAN/md5sums"
find "$root" -newermt "@$epoch" -exec touch -h -d "@$epoch" {} +

mkdir -p "$out"
dpkg-deb --root-owner-group -Zxz -z2 --build "$root" "$out/nearset_${version}_$architecture.deb" >/dev/null
