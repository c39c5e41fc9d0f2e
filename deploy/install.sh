#!/bin/sh
# Installs nearset from the archive in which this lies, upgrades what an earlier one installed, or removes it. Settings and
# data are left as they are. Nothing but the archive is needed.
#   sudo ./install.sh                      to /usr/local, with a service of systemd
#   ./install.sh                           to ~/.local
#   ./install.sh --prefix DIR              elsewhere
#   /usr/local/lib/nearset/install.sh --remove
# Packagers give --destdir DIR, which comes before the prefix and is known to nobody later.
set -eu
locale=${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}
export LC_ALL=C
say() {
    case $locale in zh*) echo "$2" ;; *) echo "$1" ;; esac
}

here=$(cd "$(dirname "$0")" && pwd -P)
# as installed, it lies in the prefix itself
case $here in */lib/nearset) own=${here%/lib/nearset} ;; *) own= ;; esac
prefix='' destdir='' remove=''
while [ $# -gt 0 ]; do
    case $1 in
        --prefix | --destdir)
            [ $# -gt 1 ] || { say "$1 needs a folder" "$1 之后须写目录" >&2; exit 2; }
            case $2 in /*) ;; *) say "$2 does not start with /" "$2 不是以 / 开头" >&2; exit 2 ;; esac
            if [ "$1" = --prefix ]; then prefix=${2%/}; else destdir=${2%/}; fi
            shift
            ;;
        --remove) remove=yes ;;
        *) sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; [ "$1" = --help ] && exit || exit 2 ;;
    esac
    shift
done
if [ -z "$prefix" ]; then
    if [ -n "$own" ]; then prefix=$own; elif [ "$(id -u)" = 0 ]; then prefix=/usr/local; else prefix=$HOME/.local; fi
fi
to=$destdir$prefix
list=lib/nearset/files
# a service stands only where systemd looks
is_system=
if [ "$(id -u)" = 0 ] && [ -z "$destdir" ] && [ "$prefix" = /usr/local ]; then is_system=yes; fi
systemd() {
    [ ! -d /run/systemd/system ] || systemctl "$@"
}

remove() {
    while read -r file; do
        rm -f "$to/$file"
        (cd "$to" && rmdir -p --ignore-fail-on-non-empty "$(dirname "$file")" 2>/dev/null) || true
    done
}

if [ -n "$remove" ]; then
    if [ ! -f "$to/$list" ]; then
        say "nearset is not in $to" "$to 中没有 nearset" >&2
        exit 1
    fi
    [ -z "$is_system" ] || systemd disable --now nearset 2>/dev/null || true
    remove <<LIST
$(cat "$to/$list")
LIST
    [ -z "$is_system" ] || systemd daemon-reload
    say "nearset is gone from $to; settings (/etc/nearset) and data are left" "已从 $to 移除 nearset；设置（/etc/nearset）与数据保留"
    exit
fi

if [ -n "$own" ]; then
    say "run the install.sh at the top of an unpacked archive" "请运行解压后的压缩包顶层的 install.sh" >&2
    exit 1
fi
cd "$here"
before=''
[ ! -f "$to/$list" ] || before=$(cat "$to/$list")
# each file is replaced as a whole: what runs goes on with the one that it has open
while read -r file; do
    mkdir -p "$to/$(dirname "$file")"
    case $file in
        lib/systemd/*) sed "s|/usr/local|$prefix|g" "$file" >"$to/$file.new" ;;
        *) cp -P --preserve=mode "$file" "$to/$file.new" ;;
    esac
    mv -fT "$to/$file.new" "$to/$file"
done <$list
echo "$before" | while read -r file; do
    [ -z "$file" ] || grep -qxF "$file" $list || echo "$file"
done | remove
[ -z "$is_system" ] || { "$to/lib/nearset/prepare.sh" "$to/share/nearset/deploy/service.toml" && systemd daemon-reload; }
[ -z "$destdir" ] || exit 0

version=$("$to/bin/nearset" --version)
if [ -n "$before" ]; then
    say "$version is in $to, in place of the one before" "$version 已装入 $to，替换了原来的版本"
else
    say "$version is in $to" "$version 已装入 $to"
fi
case :$PATH: in *:$prefix/bin:*) ;; *) say "put $prefix/bin into PATH" "请把 $prefix/bin 加入 PATH" ;; esac
if [ -n "$is_system" ] && [ -z "$before" ]; then
    say "Next: say in /etc/nearset/nearset.toml where your rows are, then
  cd /etc/nearset && sudo -u nearset nearset doctor
  sudo -u nearset nearset run
  systemctl enable --now nearset" "下一步：在 /etc/nearset/nearset.toml 中写明数据来源，然后
  cd /etc/nearset && sudo -u nearset nearset doctor
  sudo -u nearset nearset run
  systemctl enable --now nearset"
elif [ -n "$is_system" ]; then
    say "Next: systemctl restart nearset" "下一步：systemctl restart nearset"
else
    say "Next: in a folder for data and models, nearset demo, or nearset doctor" "下一步：在存放数据与模型的目录中运行 nearset demo 或 nearset doctor"
fi
