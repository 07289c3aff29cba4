#!/bin/bash
# Applications in processes of their own: the two examples keep the protocol and come to the same root;
# four that are broken are found out, each for its own reason.
# usage: tests/integration/conformance.sh BUILD
set -u
build=$1
name=conformance
directory=$build/conformance
cli=$build/ledger-cli
PAIRS=60 # Of set and del.
KILLS=20
KILLS_BROKEN=60 # Until one of them is at the wrong moment.

passed=0 failed=0
good() {
    echo "ok: $*"
    passed=$((passed + 1))
}
bad() {
    echo "FAILED: $*"
    failed=$((failed + 1))
}
fail() {
    echo "$name: $*" >&2
    exit 1
}

. tests/python.sh
rm -rf "$directory"
mkdir -p "$directory" || exit 1
TMPDIR=$(mktemp -d) || exit 1 # Sockets have short paths.
export TMPDIR PYTHONDONTWRITEBYTECODE=1
trap 'rm -rf "$TMPDIR"' EXIT
trap 'echo "$name: interrupted" >&2; exit 1' HUP INT TERM

installed=$PWD/$directory/installed
make -s install BUILD="$build" DESTDIR="$installed" PREFIX= >/dev/null || fail 'it cannot be installed'
for example in store.c store.py; do
    [ "$(wc -l <tests/examples/$example)" -lt 120 ] || fail "$example is no small example"
done
# shellcheck disable=SC2046
${CC-cc} -std=c17 -Wall -Wextra -Werror -o "$directory/store" tests/examples/store.c \
    $(PKG_CONFIG_PATH=$installed/lib/pkgconfig pkg-config --define-prefix --cflags --libs libledger lmdb libcrypto) || fail 'store.c does not build'

# Most of what is deleted is of an earlier epoch. Some are missing, and some lines are no transactions.
for ((k = 1; k <= PAIRS; k++)); do
    echo "set key$k value$k $k"
    echo "del key$((k - 5)) $k"
    [ $((k % 10)) != 0 ] || printf '%s\n' "set key$k  value $k" "set key$k value$k ${k}x" "del key$k" "set ké v $k"
done >"$directory/transactions"

check() { # name, command...: what it says is in a file; `kills` times killed
    local what=$1
    shift
    "$cli" conformance --kills "$kills" "$directory/transactions" -- "$@" >"$directory/$what" 2>"$directory/$what.err"
}
keeps() { # name, command...
    if check "$@"; then
        good "$1 keeps the protocol: $(tail -n 1 "$directory/$1")"
    else
        bad "$1 does not keep the protocol: $(grep -h FAILED "$directory/$1" || cat "$directory/$1.err")"
    fi
}
broken() { # name, which check fails, and why
    check "$1" "$python" "tests/conformance/$1.py"
    local status=$?
    if [ $status = 1 ] && grep -qE "^FAILED: $2.*$3" "$directory/$1"; then
        good "$1 is found out: $(grep -m 1 "^FAILED: $2" "$directory/$1")"
    else
        bad "$1 is not found out (exit status $status; $directory/$1)"
    fi
}
root() { sed -n 's/^ok: the reference run.* root //p' "$directory/$1"; }

kills=$KILLS
keeps store.c "$directory/store"
keeps store.py "$python" tests/examples/store.py
if [ -n "$(root store.c)" ] && [ "$(root store.c)" = "$(root store.py)" ]; then
    good "both come to the root $(root store.c)"
else
    bad "store.c comes to the root $(root store.c), store.py to $(root store.py)"
fi
records() { sed -n 's/^ok: its state dumped.*: //p' "$directory/$1"; }
if [ -n "$(records store.c)" ] && [ "$(records store.c)" = "$(records store.py)" ]; then
    good "both give $(records store.c)"
else
    bad "store.c gives $(records store.c), store.py $(records store.py)"
fi
kills=$KILLS_BROKEN
broken wrong_root 'cut into other parts' 'the root that finish tells: '
broken forgets 'killed and started again' 'its last commit, was expected'
broken twice 'killed and started again' 'while commit was under way .*the outcome of "del .* 1 \(executed\) was expected, 2 \(failed\) came'
broken loses 'its state dumped' 'its records after it was restored are others than before'
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
