#!/bin/bash
# A run of real processes in which the coin decides: nodes are stopped and let go on at random
# moments, so that dispersals are seen complete by some and not by others. Then the ledgers are
# compared, and each difference that is planted in a copy of one is found.
# usage: tests/integration/coins.sh BUILD
set -u
build=$1
name=coins
cluster=$build/coins
cli=$build/ledger-cli
NODES=4
PATIENCE_S=60
SECONDS_MAX=100 # For a coin to be tossed.
. tests/cluster.sh

coins() { values coins_tossed stats "$cluster" 0; }

# A node runs and holds its breath by turns, a few milliseconds each, for about a second: as long
# as a round of votes takes here.
jitter() { # process
    local turn
    for turn in {1..40}; do
        kill -STOP "$1"
        sleep "0.00$((RANDOM % 10))"
        kill -CONT "$1"
        sleep "0.00$((RANDOM % 10))"
    done
}

cluster_up --accounts 20 --balance 1000000
"$cli" load "$cluster" --rate 400 --duration $SECONDS_MAX --ids "$cluster/ids" --json \
    >"$cluster/load.json" &
loader=$!
SECONDS=0
while [ "$(coins)" = 0 ] && [ $SECONDS -lt $SECONDS_MAX ]; do
    jitters=()
    for pid in "${pids[@]}"; do
        jitter "$pid" &
        jitters+=($!)
    done
    wait "${jitters[@]}"
done
echo "coins tossed at node 0 after $SECONDS s: $(coins)"
[ "$(coins)" -gt 0 ] || fail 'no coin was tossed'
kill -INT $loader
wait $loader
loader=
until_true 'the nodes have not executed the same' settled
stop_all
"$cli" inspect "$cluster"/node[0-9] --cluster "$cluster" || fail 'the ledgers differ'

# The comparer is no formality: a ledger of another history is told apart.
mkdir "$cluster/other"
cp -r "$cluster/node0/." "$cluster/other/"
for i in 0 1 2 3; do start $i; done
until_true 'the nodes are not all connected' all_connected
"$cli" transfer "$cluster" --from "$cluster/accounts/0.key" --to "$cluster/accounts/1.key" \
    --amount 1 --wait >/dev/null || fail 'a transfer failed'
until_true 'the nodes have not executed the same' settled
stop_all
"$cli" inspect "$cluster/node0" "$cluster/other" >/dev/null
[ $? = 3 ] || fail 'one transfer of difference was not seen'
"$cli" inspect "$cluster/node0" "$cluster/other" --prefix >/dev/null ||
    fail 'the copy is no prefix of its original'
echo 'one transfer of difference was seen'
