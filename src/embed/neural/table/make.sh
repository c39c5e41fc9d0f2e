#!/bin/sh
# Makes the table in this folder: all-MiniLM-L6-v2, distilled by the program named with the glosses of WordNet, Debian's package.
set -eu

program=${1:?usage: make.sh NEARSET TEXT_MODEL}
model=${2:?usage: make.sh NEARSET TEXT_MODEL}
here=$(dirname "$0")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

(cd "$work" && apt-get download --quiet wordnet-base) || {
    echo "make.sh: Debian's package wordnet-base cannot be fetched" >&2
    exit 1
}
dpkg-deb --extract "$work"/wordnet-base_*.deb "$work/wordnet"

# a line for each of every ninth sense: its names, then its gloss
cat "$work"/wordnet/usr/share/wordnet/data.noun "$work"/wordnet/usr/share/wordnet/data.verb \
    "$work"/wordnet/usr/share/wordnet/data.adj "$work"/wordnet/usr/share/wordnet/data.adv |
    LC_ALL=C awk -F ' [|] ' '/^[0-9]/ && ++sense % 9 == 0 {
        split($1, word, " ")
        count = 0
        for (hex = 1; hex <= 2; hex++) count = 16 * count + index("0123456789abcdef", substr(word[4], hex, 1)) - 1
        names = ""
        for (name = 0; name < count; name++) names = names (name ? ", " : "") word[5 + 2 * name]
        gsub(/_/, " ", names)
        gsub(/\([a-z]+\)/, "", names)
        print names ": " $2
    }' >"$work/glosses"

"$program" distill "$model" --texts "$work/glosses" --dimensions 128 --bytes --out "$work/table"
mv "$work"/table/* "$here"
