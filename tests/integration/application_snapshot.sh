#!/bin/bash
# Applications in processes of their own, beside nodes that keep little. A node and its application are
# away while the others order more than they keep, and come back by a snapshot; an application loses all
# that it had, and is given a snapshot and what came after it; a node and its application lose
# everything. In the end all ledgers are the same, and all applications say the same.
# usage: tests/integration/application_snapshot.sh BUILD
set -u
build=$1
name=application_snapshot
cluster=$build/application_snapshot
cli=$build/ledger-cli
NODES=4
PATIENCE_S=90
AWAY=3
FORGETS=1
LOSES=2
checkpoint_epochs=10
options='retain_bytes = 1048576
pool_delay_ms = 0'
. tests/cluster.sh
. tests/applications.sh

number=0
filler=$(printf '%0180d' 0)
submit() { # node, how many: pairs, most of which stay
    local k
    for ((k = 0; k < $2; k++)); do
        number=$((number + 1))
        echo "set key$((number % 3001)) value$number-$filler $number"
    done >"$cluster/transactions"
    "$cli" submit "$cluster" --node "$1" --file "$cluster/transactions" --ids "$cluster/ids.$number" >/dev/null ||
        fail "node $1 does not take all"
}
holds() { grep -q 'a snapshot stands for all' "$cluster/node$1.log"; }
others_hold() { holds 0 && holds 1 && holds 2; }
said() { grep -q "$2" "$cluster/node$1.log"; }
some() { submit 0 200; }
spread() { # node: transactions until its ledger goes on from a snapshot, so many times
    some
    [ "$(grep -c 'the ledger goes on from a snapshot' "$cluster/node$1.log")" -ge "$2" ]
}
value() { "$cli" query "$cluster" "$1" --node "$2" 2>/dev/null; }
all_say() { # key, value
    local k
    for ((k = 0; k < NODES; k++)); do [ "$(value "$1" $k)" = "$2" ] || return 1; done
}

cluster_up --app external
for ((i = 0; i < NODES; i++)); do start_app $i; done
echo "set before away 0" >"$cluster/first"
"$cli" submit "$cluster" --node 0 --file "$cluster/first" --ids "$cluster/ids.first" >/dev/null || fail 'it is not taken'
until_true 'the nodes do not say the first value' all_say before away
# Soon all have one.
all_hold() { others_hold && holds $AWAY; }
submit 0 8000 # More than is kept; then epochs are what it takes.
more() { some; all_hold; }
until_true 'not all nodes hold a snapshot' more
kill_node $AWAY
kill_app $AWAY
unset "pids[$AWAY]"
held=$(grep -c 'a snapshot stands for all' "$cluster/node0.log")
submit 0 8000
more() { some; [ "$(grep -c 'a snapshot stands for all' "$cluster/node0.log")" -gt $((held + 1)) ]; }
until_true 'the others make no more snapshots' more
kept=$(du -sm "$cluster/node0/data/ledger" | cut -f 1)

from=$SECONDS
start $AWAY
start_app $AWAY
until_true 'the ledger of who was away does not go on from a snapshot' spread $AWAY 1
until_true 'its application is not given one' said $AWAY 'is given a snapshot of its state'
until_true 'it does not become current' settled
current=$((SECONDS - from))
until_true 'it does not say the first value' all_say before away
# What had its turn before the snapshot does not have it again, at no node.
"$cli" submit "$cluster" --node $AWAY --file "$cluster/first" >/dev/null 2>&1
submit $AWAY 10
until_true 'the nodes have not executed the same' settled

before=$(grep -c 'the application is there' "$cluster/node$FORGETS.log")
kill_app $FORGETS
rm -rf "$cluster/node$FORGETS/state"
start_app $FORGETS
until_true 'one that has lost its state is not there again' there $FORGETS "$before"
said $FORGETS 'is given a snapshot of its state' || fail 'what it had lost was all there, and nothing was dropped'
until_true 'the nodes do not say the first value' all_say before away

kill_node $LOSES
kill_app $LOSES
rm -rf "$cluster/node$LOSES/state" "$cluster/node$LOSES/data"
"$build/ledger-node" --lost-data "$cluster/node$LOSES" 2>>"$cluster/node$LOSES.log" &
pids[LOSES]=$!
start_app $LOSES
until_true 'who has lost all does not begin with a snapshot' spread $LOSES 1
until_true 'it does not become current' settled
echo "set last word 0" >"$cluster/last"
"$cli" submit "$cluster" --node $LOSES --file "$cluster/last" --ids "$cluster/ids.last" >/dev/null || fail 'it is not taken'
until_true 'the nodes do not say the last word' all_say last word
until_true 'the nodes do not say the first value' all_say before away
for ((k = 0; k < 3001; k += 300)); do
    [ -n "$(value "key$k" 0)" ] && all_say "key$k" "$(value "key$k" 0)" || fail "the nodes do not say the same of key$k"
done
until_true 'the nodes have not executed the same' settled
running
stop_all
stop_apps
! grep -hE ' error | kind=' "$cluster"/node?.log || fail 'something was wrong'
cat "$cluster"/ids.* | sort -u >"$cluster/ids"
"$cli" inspect "$cluster"/node[0-9] --cluster "$cluster" --ids "$cluster/ids" || fail 'the ledgers differ'
echo "$number transactions; current again after $current s; the ledger of node 0 had $kept MB"
