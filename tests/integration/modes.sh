#!/bin/bash
# A cluster of real processes in each mode that is not the default: transfers, with one node killed
# under way and started again; then the ledgers are compared. One node fetches all there is. The
# last one's bulk lanes are plain; then one node has them otherwise, and is told.
# usage: tests/integration/modes.sh BUILD
set -u
build=$1
name=modes
cluster=$build/modes
cli=$build/ledger-cli
NODES=4
PATIENCE_S=60
KILLED=2
checkpoint_epochs=10
ALL=3
. tests/cluster.sh

signed() { # Who was killed may have left one out.
    local last
    last=$(values epoch_executed status "$cluster" | head -n 1)
    last=$((${last:-0} / checkpoint_epochs * checkpoint_epochs))
    [ $last -gt 0 ] && [ "$(values checkpoint_epoch status "$cluster" | grep -cx $last)" = $NODES ] &&
        [ "$(values checkpoint_signers status "$cluster" | grep -cx '[34]')" = $NODES ]
}

for mode in dl-coupled hb-link hb; do
    [ $mode = hb ] && options='bulk = plain'
    cluster_up --accounts 40 --balance 1000000 --mode $mode
    [ "$(values mode status "$cluster")" = $mode ] || fail "the cluster is not in mode $mode"
    stop_all
    echo 'retrieval = all' >>"$cluster/node$ALL/node.conf"
    for ((i = 0; i < NODES; i++)); do start $i; done
    until_true 'the nodes are not all connected' all_connected
    "$cli" load "$cluster" --rate 500 --duration 5 --json >"$cluster/load.json" &
    loader=$!
    for turn in 1 2 3; do
        sleep 1
        kill -KILL "${pids[KILLED]}"
        wait "${pids[KILLED]}" 2>/dev/null
        start $KILLED
    done
    wait $loader || fail "in mode $mode the load failed ($cluster/load.json)"
    loader=
    until_true 'the nodes have not executed the same' settled
    until_true 'nodes do not know the last checkpoint to be signed by 2f+1' signed
    checkpoint=$(values checkpoint_epoch status "$cluster" | head -n 1)
    stop_all
    "$cli" inspect "$cluster"/node[0-9] --cluster "$cluster" >"$cluster/inspect.txt" ||
        fail "in mode $mode the ledgers differ ($cluster/inspect.txt)"
    echo "$mode: $(tail -n 1 "$cluster/inspect.txt"); checkpoint $checkpoint is signed"
done

sed -i '/^bulk = plain$/d' "$cluster/node$ALL/node.conf"
for ((i = 0; i < NODES; i++)); do start $i; done
until_true 'the nodes are not all connected' all_connected
"$cli" load "$cluster" --node 0 --rate 10 --duration 2 >/dev/null || fail 'three of four do not order'
no_chunks() { grep -q "peer $ALL takes votes and no chunks" "$cluster/node0.log"; }
until_true 'nobody says that bulk differs' no_chunks
stop_all
