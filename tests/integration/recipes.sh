#!/bin/bash
# The README's recipes, on a cluster under load. A machine dies, and another one takes its place with
# what was backed up of it, at another address. All nodes are stopped and started one at a time, as
# for an upgrade, and nothing that was acknowledged is missing. Programs whose formats differ refuse
# each other's frames and data with a sentence.
# usage: tests/integration/recipes.sh BUILD
set -u
build=$1
name=recipes
cluster=$build/recipes
cli=$build/ledger-cli
NODES=4
PATIENCE_S=60
DEAD=3
checkpoint_epochs=10
. tests/cluster.sh

tells() { "$cli" status "$cluster" 2>/dev/null | grep -qE "$1"; }
said() { grep -q "$2" "$cluster/node$1.log"; }
load() { # arguments
    "$cli" load "$cluster" --ids "$cluster/load.ids" "$@" >"$cluster/load.txt" || fail "the load failed ($cluster/load.txt)"
    cat "$cluster/load.ids" >>"$cluster/ids"
}
stop() { # node
    kill -TERM "${pids[$1]}"
    wait "${pids[$1]}" || fail "node $1 did not end in order"
    unset "pids[$1]"
}
upgrade() { # node: as the README says
    stop "$1"
    start "$1"
    until_true "node $1 is not current again" tells "^ *$1  .* current .* $((connected))\$"
}

cluster_up --accounts 200 --balance 1000000
backup=$cluster/backup
mkdir -m 700 "$backup"
cp -p "$cluster/node$DEAD"/node.key "$cluster/node$DEAD"/node.conf "$backup"
load --count 2000
until_true 'the nodes have not executed the same' settled

# The machine dies; the others learn the new one's address, one at a time.
kill -KILL "${pids[DEAD]}"
wait "${pids[DEAD]}" 2>/dev/null
unset "pids[$DEAD]"
rm -r "$cluster/node$DEAD"
old=$(sed -nE "/^\[node $DEAD\]/,/^address/s/^address = //p" "$cluster/cluster.conf")
port=$((${old#*:} + 100))
sed -i "s/^address = $old$/address = ${old%:*}:$port/" "$cluster/cluster.conf"
connected=$((NODES - 2))
for ((i = 0; i < DEAD; i++)); do upgrade $i; done
mkdir -m 700 "$cluster/node$DEAD"
cp -p "$backup"/* "$cluster/node$DEAD"
"$build/ledger-node" --lost-data "$cluster/node$DEAD" 2>>"$cluster/node$DEAD.log" &
pids[DEAD]=$!
goes_on() { # With transactions, so that the others come to a checkpoint.
    load --count 100 --node 0
    said $DEAD 'the ledger goes on from a snapshot'
}
until_true 'it does not go on from a snapshot' goes_on
until_true 'the nodes are not all connected' all_connected
until_true 'the nodes have not executed the same' settled

# An upgrade, under load that does not go to who is being upgraded.
connected=$((NODES - 1))
for ((i = 0; i < NODES; i++)); do
    load --rate 100 --duration 2 --part $i/$NODES --node $(((i + 1) % NODES)) &
    loading=$!
    upgrade $i
    wait $loading || exit 1
done
until_true 'the nodes have not executed the same' settled

# The protocol of another version.
stop $DEAD
before=$(values epoch_executed status "$cluster" | head -n 1)
LEDGER_WIRE=2 "$build/chaos/ledger-node" "$cluster/node$DEAD" 2>>"$cluster/node$DEAD.log" &
pids[DEAD]=$!
until_true 'frames of another version are not refused' said 0 "node $DEAD: a frame of another chain or version kind=other_chain"
load --count 100 --node 0
[ "$(values epoch_executed status "$cluster" | head -n 1)" -gt "$before" ] || fail 'the others do not go on'
stop $DEAD
start $DEAD
until_true 'it does not come back' settled
for node in 0 $DEAD; do # Who went on from a snapshot proves what came since.
    "$cli" receipt "$cluster" "$(tail -n 1 "$cluster/ids")" --node $node --wait $PATIENCE_S >"$cluster/receipt$node" || fail "no receipt of node $node"
done
"$cli" receipt "$cluster" "$(head -n 1 "$cluster/ids")" >"$cluster/receipt" || fail 'no receipt of the first'
"$cli" receipt "$cluster" "$(head -n 1 "$cluster/ids")" --node $DEAD 2>/dev/null && fail 'a receipt of what it does not have'
stop_all
mkdir "$cluster/alone" # All that who verifies has.
cp "$cluster/cluster.conf" "$cluster/alone"
for receipt in receipt receipt0 receipt$DEAD; do
    "$cli" verify "$cluster/$receipt" --cluster "$cluster/alone" || fail "$receipt is not proven"
done
sed 's/"executed"/"failed_funds"/' "$cluster/receipt" >"$cluster/changed"
"$cli" verify "$cluster/changed" --cluster "$cluster/alone/cluster.conf" 2>/dev/null
[ $? = 3 ] || fail 'a receipt that was changed is not refused'
"$cli" inspect "$cluster"/node[0-9] --cluster "$cluster" --ids "$cluster/ids" || fail 'the ledgers are not as they should be'

# Data of another version.
for half in consensus ledger; do
    file=$cluster/node0/data/$half/data.mdb
    cp "$file" "$cluster/own"
    sed -i 's/format 1:/format 2:/g' "$file"
    refusal=$(timeout $PATIENCE_S "$build/ledger-node" "$cluster/node0" 2>&1)
    [ $? = 1 ] && [[ $refusal = *'use the version of the program that wrote it' ]] || fail "data of another version: $refusal"
    mv "$cluster/own" "$file"
done
start 0
until_true 'node 0 does not start again' tells '^ *0  '
stop_all
echo "$(wc -l <"$cluster/ids") transactions acknowledged; a machine replaced, $NODES nodes upgraded"
