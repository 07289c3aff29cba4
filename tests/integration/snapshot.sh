#!/bin/bash
# A node is away while the others order more than they keep: they hold a snapshot and drop the rest.
# When it is back it gathers the snapshot, is killed in the middle, goes on where it was, and is
# current; then the ledgers are compared. Then one loses its data: without --lost-data it is refused,
# with it it votes for nothing until the others are beyond all that it can have said.
# usage: tests/integration/snapshot.sh BUILD
set -u
build=$1
name=snapshot
cluster=$build/snapshot
cli=$build/ledger-cli
NODES=4
PATIENCE_S=90
AWAY=3
ACCOUNTS=4200 # Two pieces, and one of what was delivered.
checkpoint_epochs=10
options='retain_bytes = 4194304'
. tests/cluster.sh

held() { grep -c 'a snapshot stands for all' "$cluster/node$1.log"; }
consensus_mb() { du -sm "$cluster/node$1/data/consensus" | cut -f 1; }
all_hold() { [ "$(held 0)" -ge 1 ] && [ "$(held 1)" -ge 1 ] && [ "$(held 2)" -ge 1 ]; }
said() { grep -q "$1" "$cluster/node$AWAY.log"; }
load() {
    "$cli" load "$cluster" --part 0/40 --presign --ids "$cluster/load.ids" "$@" >"$cluster/load.txt" ||
        fail "the load failed ($cluster/load.txt)"
    cat "$cluster/load.ids" >>"$cluster/ids"
}

cluster_up --accounts $ACCOUNTS --balance 1000000
load --count 1000
until_true 'the nodes have not executed the same' settled
kill -TERM "${pids[AWAY]}"
wait "${pids[AWAY]}"
unset "pids[$AWAY]"
before=$(values epoch_executed status "$cluster" | head -n 1)
load --count 40000 --clients 4000
until_true 'the others hold no snapshots' all_hold
for i in 0 1 2; do
    mb=$(consensus_mb $i)
    [ "$mb" -le 16 ] || fail "node $i keeps $mb MB of 4"
done
after=$(values epoch_executed status "$cluster" | head -n 1)

# Two of three have offered theirs, and then say nothing: it waits for what they were asked, and is
# killed.
start $AWAY
until_true 'it is not offered a snapshot by node 1' said 'peer 1 offers a snapshot'
until_true 'it is not offered a snapshot by node 2' said 'peer 2 offers a snapshot'
kill -STOP "${pids[1]}" "${pids[2]}"
until_true 'it does not begin to gather a snapshot' said 'gathering a snapshot'
sleep 1
kill -KILL "${pids[AWAY]}"
wait "${pids[AWAY]}" 2>/dev/null
said 'the ledger goes on from a snapshot' && fail 'it was not killed in the middle'
kill -CONT "${pids[1]}" "${pids[2]}"
from=$SECONDS
start $AWAY
until_true 'it does not come back with a snapshot' said 'the ledger goes on from a snapshot'
until_true 'it does not become current' settled
current=$((SECONDS - from))
load --count 1000 --node $AWAY
until_true 'the nodes have not executed the same' settled
echo "away from epoch $before to $after; current $current s after it was killed in the middle: $(grep -oE 'gathered epoch.*' "$cluster/node$AWAY.log" | tail -n 1)"
stop_all
"$cli" inspect "$cluster"/node[0-9] --cluster "$cluster" || fail 'the ledgers differ'

lost=2
for ((i = 0; i < NODES; i++)); do start $i; done
until_true 'the nodes are not all connected' all_connected
kill -KILL "${pids[lost]}"
wait "${pids[lost]}" 2>/dev/null
unset "pids[$lost]"
rm -r "$cluster/node$lost/data"
timeout $PATIENCE_S "$build/ledger-node" "$cluster/node$lost" 2>>"$cluster/node$lost.log"
status=$?
[ $status = 1 ] || fail "who has lost its data ends with $status"
grep -q 'start it with --lost-data' <(tail -n 1 "$cluster/node$lost.log") || fail 'it is not told what to do'
"$build/ledger-node" --lost-data "$cluster/node$lost" 2>>"$cluster/node$lost.log" &
pids[lost]=$!
until_true 'it does not wait for a snapshot' grep -q 'waiting for a snapshot of epoch' "$cluster/node$lost.log"
tells() { "$cli" status "$cluster" | grep -q "$1"; }
until_true 'status does not say what it waits for' tells "node $lost has lost its data and votes for nothing: it waits for a snapshot of epoch"
least=$(grep -oE 'waiting for a snapshot of epoch=[0-9]+' "$cluster/node$lost.log" | grep -oE '[0-9]+$')
spread() { # Until it is back: transactions, so that the others come to a checkpoint.
    load --count 200 --node 0
    [ "$(grep -c 'the ledger goes on from a snapshot' "$cluster/node$lost.log")" -ge 1 ]
}
until_true 'it does not begin with a snapshot' spread
begun=$(grep -oE 'goes on from a snapshot epoch=[0-9]+' "$cluster/node$lost.log" | grep -oE '[0-9]+$')
[ "$begun" -ge "$least" ] || fail "it began with epoch $begun, and may have voted up to $least"
"$cli" follow "$cluster" --node $lost --from 0 --count 1 2>&1 | grep -q 'went on from a snapshot' ||
    fail 'it is not said that it has not got all of the log'
until_true 'it does not become current' settled # Or it tells of sequence numbers that are used.
used() { # node: what it says of a number that is used; it may have been by this very transfer
    "$cli" transfer "$cluster" --node "$1" --from "$cluster/accounts/0.key" --to "$cluster/accounts/1.key" --amount 1 --sequence 0 2>&1
}
used 0 | grep -q 'its sequence number was used' || fail 'a used number is not refused'
used $lost | grep -q 'does not know it' || fail 'it says what it cannot know'
load --count 400
until_true 'the nodes have not executed the same' settled
grep -h 'kind=equivocation' "$cluster"/node[0-9].log && fail 'something was said twice'
stop_all
inspect() { "$cli" inspect "$cluster"/node[0-9] --cluster "$cluster" --ids "$cluster/ids"; }
inspect || fail 'the ledgers differ'
printf '%064d\n' 1 >>"$cluster/ids"
inspect >/dev/null && fail 'what no ledger has is not missed'
start $lost
sleep 1
running
kill -TERM "${pids[lost]}"
wait "${pids[lost]}" || fail 'who began with a snapshot does not start again'
unset "pids[$lost]"
timeout $PATIENCE_S "$build/ledger-node" --lost-data "$cluster/node$lost" 2>>"$cluster/node$lost.log"
[ $? = 1 ] || fail '--lost-data is not refused where there is data'
echo "lost its data; voted for nothing before epoch $least, began with $begun"
