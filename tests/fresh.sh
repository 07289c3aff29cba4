#!/bin/bash
# Types the README's commands on a machine that has just been installed: a minimal Debian 12 with
# git and make, and a clone of the committed tree. Each command gets a machine of its own, so that
# each is the first one typed there. usage: tests/fresh.sh DIRECTORY      (root; debootstrap)
set -euo pipefail
cd "$(dirname "$0")/.."
directory=$1

fail() {
    echo "fresh: $*" >&2
    exit 1
}

# Mounts are made in a namespace that ends with this script, however it ends, and so do all the
# processes started here. Outside of it nothing is ever mounted on what the next run removes.
if [ "${2-}" != inside ]; then
    [ "$(id -u)" = 0 ] || fail 'only root can do this'
    command -v debootstrap >/dev/null ||
        fail 'debootstrap is missing: apt-get install -y debootstrap'
    exec unshare --mount --pid --fork --kill-child --mount-proc bash "$0" "$directory" inside
fi

# The first block of code of the README, as it is committed.
commands=$(git show HEAD:README.md | awk '/^```/ { if (inside) exit; inside = 1; next } inside' |
    grep -E '^make (demo|check)( |$)') || fail 'the README begins with no make demo or make check'

# Packages come from where this machine has its own, if that is a Debian 12.
sources=$(apt-get indextargets 'Created-By: Packages' \
    --format '$(CODENAME) deb $(REPO_URI) $(CODENAME) $(COMPONENT)' | sed -n 's/^bookworm[a-z-]* //p')
sources=${sources:-deb http://deb.debian.org/debian bookworm main}
mirror=$(awk '$3 == "bookworm" { print $2; exit }' <<<"$sources")
packages=git,make
[[ $mirror != https:* ]] || packages+=,ca-certificates

rm -rf --one-file-system "$directory"
mkdir -p "$directory"
base=$directory/base
echo "Debian 12 from $mirror, with $packages"
debootstrap --variant=minbase --include=$packages bookworm "$base" "$mirror" >"$directory/debootstrap.log" ||
    { tail -n 5 "$directory/debootstrap.log" >&2; fail "see $directory/debootstrap.log"; }
echo "$sources" >"$base/etc/apt/sources.list"
apt-config dump | grep -E '^Acquire::(http|https|Check-.*|Retries)\b' >"$base/etc/apt/apt.conf.d/99host" || true
cp -L /etc/resolv.conf "$base/etc/resolv.conf"
git clone --quiet --no-hardlinks . "$base/root/ledger"

machine() { # root, command: types the command there
    mount --bind "$1" "$1" # A machine's root is a mount: ip makes it one that passes nothing on.
    mount -t proc proc "$1/proc"
    mount --rbind /sys "$1/sys"
    mount --rbind /dev "$1/dev"
    chroot "$1" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM="${TERM-dumb}" \
        bash -c "cd ~/ledger && $2" </dev/null
}

failed=0
number=0
while read -r command; do
    number=$((number + 1))
    cp -a "$base" "$directory/$number"
    echo
    echo "# $command"
    SECONDS=0
    if machine "$directory/$number" "$command"; then
        echo "# done in $SECONDS s"
    else
        echo "# FAILED after $SECONDS s"
        failed=$((failed + 1))
    fi
done <<<"$commands"
echo "$((number - failed)) passed, $failed failed"
[ $failed = 0 ]
