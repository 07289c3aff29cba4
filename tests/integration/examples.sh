#!/bin/bash
# A program that uses libledger, built from what is installed and nothing else: it is killed while it
# pays, and so is the node that it talks to; run again with the same list it pays each line once.
# usage: tests/integration/examples.sh BUILD
set -u
build=$1
name=examples
cluster=$build/examples
cli=$build/ledger-cli
NODES=4
PATIENCE_S=60
LINES_PAID=200
KILLS=6
. tests/cluster.sh

installed=$PWD/$build/examples.installed
make -s install BUILD="$build" DESTDIR="$installed" PREFIX= >/dev/null || fail 'it cannot be installed'
for example in pay follow; do
    [ "$(wc -l <tests/examples/$example.c)" -lt 60 ] || fail "$example.c is no small example"
    # shellcheck disable=SC2046
    ${CC-cc} -std=c17 -Wall -Wextra -Werror -o "$build/example_$example" tests/examples/$example.c \
        $(PKG_CONFIG_PATH=$installed/lib/pkgconfig pkg-config --define-prefix --cflags --libs libledger) || fail "$example.c does not build"
done

cluster_up --accounts 4 --balance 1000
for ((k = 1; k <= LINES_PAID; k++)); do
    echo "$(sed -n 's/^public = //p' "$cluster/accounts/$((1 + k % 3)).key") $((k % 5 + 1))"
done >"$cluster/list"
pay() { "$build/example_pay" "$cluster/cluster.conf" "$cluster/accounts/0.key" <"$cluster/list"; }
paid_to() { [ "$(wc -l <"$cluster/paid")" -ge "$1" ]; }
for ((k = 1; k <= KILLS; k++)); do
    : >"$cluster/paid"
    pay >"$cluster/paid" 2>&1 &
    loader=$!
    until_true 'it does not pay' paid_to $((20 * k + RANDOM % 10))
    if [ $((k % 2)) = 0 ]; then
        kill -KILL "${pids[0]}" # Which it asks first.
        wait "${pids[0]}" 2>/dev/null
        sleep 0.$((RANDOM % 9))
    fi
    kill -0 $loader 2>/dev/null || fail "it has paid too fast: $(tail -n 1 "$cluster/paid")"
    kill -KILL $loader
    wait $loader 2>/dev/null
    loader=
    lines+=("$(wc -l <"$cluster/paid")")
    [ $((k % 2)) = 0 ] && start 0
done
pay >"$cluster/paid" || fail 'it cannot pay'
[ "$(grep -c '^[0-9]*: paid' "$cluster/paid")" = $LINES_PAID ] || fail 'not all is paid'
until_true 'the nodes have not executed the same' settled
balance() { values balance balance "$cluster" "$cluster/accounts/$1.key"; }
for account in 1 2 3; do
    public=$(sed -n 's/^public = //p' "$cluster/accounts/$account.key")
    right=$((1000 + $(awk -v key="$public" '$1 == key { n += $2 } END { print n }' "$cluster/list")))
    [ "$(balance $account)" = $right ] || fail "account $account has $(balance $account), not $right"
done
"$build/example_follow" "$cluster" $LINES_PAID >"$cluster/followed" || fail 'it does not follow'
[ "$(cut -d ' ' -f 1 "$cluster/followed" | sort -u | wc -l)" = $LINES_PAID ] || fail 'not all is told, or something twice'
stop_all
"$build/example_pay" "$cluster/nowhere" "$cluster/accounts/0.key" <"$cluster/list" 2>&1 | grep -q 'nowhere: ' || fail 'it is not said what is wrong'
rm -rf "$installed"
echo "killed after ${lines[*]} payments; $LINES_PAID paid, once each"
