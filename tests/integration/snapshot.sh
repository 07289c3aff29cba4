#!/bin/bash
# A node is away while the others order more than they keep: they hold a snapshot and drop the rest.
# When it is back it gathers the snapshot, is killed in the middle, goes on where it was, and is
# current; then the ledgers are compared.
# usage: tests/integration/snapshot.sh BUILD
set -u
build=$1
name=snapshot
cluster=$build/snapshot
cli=$build/ledger-cli
NODES=4
PATIENCE_S=90
AWAY=3
ACCOUNTS=9000 # Three pieces, and one of what was delivered.
checkpoint_epochs=10
options='retain_bytes = 4194304'
. tests/cluster.sh

held() { grep -c 'a snapshot stands for all' "$cluster/node$1.log"; }
consensus_mb() { du -sm "$cluster/node$1/data/consensus" | cut -f 1; }
all_hold() { [ "$(held 0)" -ge 1 ] && [ "$(held 1)" -ge 1 ] && [ "$(held 2)" -ge 1 ]; }
said() { grep -q "$1" "$cluster/node$AWAY.log"; }
load() { "$cli" load "$cluster" --presign "$@" >"$cluster/load.txt" || fail "the load failed ($cluster/load.txt)"; }

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

# Two of three say nothing when it begins to gather: it waits for what they were asked, and is killed.
start $AWAY
sleep 8
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
load --count 1000 --node $AWAY
until_true 'the nodes have not executed the same' settled
echo "away from epoch $before to $after; current $((SECONDS - from)) s after it was killed in the middle: $(grep -oE 'gathered epoch.*' "$cluster/node$AWAY.log" | tail -n 1)"
stop_all
"$cli" inspect "$cluster"/node[0-9] --cluster "$cluster" || fail 'the ledgers differ'
