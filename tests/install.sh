#!/bin/sh
# Installs what packages.txt names and this machine lacks; says nothing when it lacks nothing.
# --check installs nothing: it fails with the line to type. LIST: another one than packages.txt.
set -eu
cd "$(dirname "$0")/.."

provided() { # By another package: npm is a part of other builds of nodejs.
    dpkg-query -W -f '${db:Status-Status} ${Provides}\n' | sed -n 's/^installed //p' | tr ', ' '\n\n' |
        grep -qx -- "$1"
}

missing=
for package in $(sed 's/#.*//; s/[[:space:]].*//' "${LIST:-packages.txt}"); do
    case $package in # One that is for an architecture alone.
    *:*) [ "${package#*:}" = "$(dpkg --print-architecture)" ] || continue ;;
    esac
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=
    [ "$state" = installed ] || provided "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

root=
[ "$(id -u)" = 0 ] || root="sudo -n"
if [ "${1-}" = --check ] || ! $root true 2>/dev/null; then
    echo "Packages are missing. To install them, as root:" >&2
    echo "    apt-get update && apt-get install -y --no-install-recommends$missing" >&2
    exit 1
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
get() {
    # shellcheck disable=SC2086 # Words on purpose.
    $root env DEBIAN_FRONTEND=noninteractive apt-get -y --no-install-recommends "$@" $missing \
        >"$log" 2>&1 </dev/null
}

echo "Installing$missing"
# The lists of what there is may be absent, or so old that what they name is gone.
get --download-only install || $root apt-get update >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
get install || { cat "$log" >&2; exit 1; }
