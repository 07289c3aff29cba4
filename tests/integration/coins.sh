#!/bin/bash
# A run of real processes in which the coin decides. Then the ledgers are compared, and each
# difference that is planted in a copy of one is found.
#
# A coin is tossed when two of four nodes have seen a dispersal complete, and two have not, at the
# moment when three others are decided. So epochs are short and many, some 50 a second: a block
# for each transaction that waits. One node is given them all, and the others propose when they
# hear of it, close together. And now and then one node holds its breath for about as long as a
# message takes. That makes a coin of one epoch in 30 or so.
# usage: tests/integration/coins.sh BUILD
set -u
build=$1
name=coins
cluster=$build/coins
cli=$build/ledger-cli
NODES=4
PATIENCE_S=60
COINS=3
SECONDS_MAX=300 # Some 5 are usual, 35 were needed with ten processes to a core.
options=$'block_delay_ms = 0\nblock_bytes_min = 1'
. tests/cluster.sh

coins() {
    local tossed
    tossed=$(values coins_tossed stats "$cluster" 0)
    echo "${tossed:-0}"
}

hold_breath() { # process
    kill -STOP "$1"
    sleep 0.001
    kill -CONT "$1"
}

cluster_up --accounts 20 --balance 1000000
"$cli" load "$cluster" --node 1 --rate 400 --duration $SECONDS_MAX --ids "$cluster/ids" --json \
    >"$cluster/load.json" &
loader=$!
SECONDS=0
while [ "$(coins)" -lt $COINS ] && [ $SECONDS -lt $SECONDS_MAX ]; do
    for _ in {1..10}; do
        hold_breath "${pids[RANDOM % NODES]}"
        sleep "0.0$((RANDOM % 3))$((RANDOM % 10))"
    done
done
echo "coins tossed at node 0 after $SECONDS s: $(coins)"
[ "$(coins)" -ge $COINS ] || fail 'too few coins were tossed'
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
