#!/bin/bash
# A node of a cluster that never had to drop anything loses its data, and is killed again while it
# gathers the snapshot that it asked for: it asks once more, and begins with it. Who submits to it
# meanwhile is put off, not refused. Data without what was voted is refused.
# usage: tests/integration/lost.sh BUILD
set -u
build=$1
name=lost
cluster=$build/lost
cli=$build/ledger-cli
NODES=4
PATIENCE_S=90
LOST=2
checkpoint_epochs=10
. tests/cluster.sh

said() { grep -q "$1" "$cluster/node$LOST.log"; }
some() { "$cli" load "$cluster" --part 0/40 --presign --node 0 --count 200 >/dev/null || fail 'the load failed'; }

cluster_up --accounts 4200 --balance 1000000 # Two pieces.
"$cli" transfer "$cluster" --from "$cluster/accounts/0.key" --to "$cluster/accounts/1.key" --amount 2 --print >"$cluster/used"
some
until_true 'the nodes have not executed the same' settled
kill -KILL "${pids[LOST]}"
wait "${pids[LOST]}" 2>/dev/null
rm -r "$cluster/node$LOST/data"
"$build/ledger-node" --lost-data "$cluster/node$LOST" 2>>"$cluster/node$LOST.log" &
pids[LOST]=$!
until_true 'it does not wait for a snapshot' said 'waiting for a snapshot of epoch'
"$cli" transfer "$cluster" --node 0 --from "$cluster/accounts/4001.key" --to "$cluster/accounts/1.key" \
    --amount 1 --print >"$cluster/transfer"

# Two of three have offered theirs, and say nothing more: it waits for what they were asked.
two_offer() { some; said 'peer 0 offers a snapshot' && said 'peer 1 offers a snapshot'; }
until_true 'it is not offered a snapshot' two_offer
kill -STOP "${pids[0]}" "${pids[1]}"
until_true 'it does not begin to gather a snapshot' said 'gathering a snapshot'
sleep 1
kill -KILL "${pids[LOST]}"
wait "${pids[LOST]}" 2>/dev/null
said 'the ledger goes on from a snapshot' && fail 'it was not killed in the middle'
kill -CONT "${pids[0]}" "${pids[1]}"
connected=$(grep -c 'peer 0 connected' "$cluster/node$LOST.log")
from=$SECONDS
start $LOST
reaches() { [ "$(grep -c 'peer 0 connected' "$cluster/node$LOST.log")" -gt "$1" ]; }
until_true 'it is not connected again' reaches "$connected"
"$cli" submit "$cluster" --node $LOST --timeout 3 --file "$cluster/transfer" >"$cluster/put.off" 2>&1 &
submitting=$!
until_true 'it does not begin with a snapshot' said 'the ledger goes on from a snapshot'
until_true 'it does not become current' settled
begun=$((SECONDS - from))
wait $submitting || fail "who submits is not put off: $(cat "$cluster/put.off")"
until_true 'the nodes have not executed the same' settled
used=$("$cli" submit "$cluster" --node $LOST --file "$cluster/used" 2>&1)
grep -q 'its number is used, by which' <<<"$used" || fail "of a number that was used it says: $used"
blocks=$("$cli" blocks "$cluster" --node $LOST --count 100000 2>"$cluster/blocks")
[ "$(wc -l <<<"$blocks")" -ge 2 ] || fail 'it shows no blocks'
grep -q 'began with a snapshot' "$cluster/blocks" || fail 'it does not say that it has not all blocks'
stop_all
"$cli" inspect "$cluster"/node[0-9] --cluster "$cluster" || fail 'the ledgers differ'

rm -r "$cluster/node$LOST/data/consensus" "$cluster/node$LOST/data/ledger"
timeout $PATIENCE_S "$build/ledger-node" "$cluster/node$LOST" 2>"$cluster/refused"
[ $? = 1 ] && grep -q 'missing beside snapshots' "$cluster/refused" || fail "without its votes it says: $(cat "$cluster/refused")"
echo "begun $begun s after it was killed in the middle"
