#!/bin/bash
# Applications in processes of their own, beside the nodes of a cluster: two of them in C, two in Python.
# They and the nodes are killed at random moments, under load; all ledgers are the same in the end, and
# every application has the state of its node's.
# usage: tests/integration/applications.sh BUILD      KILLS=12
set -u
build=$1
KILLS=${KILLS-12}
name=applications
cluster=$build/applications
cli=$build/ledger-cli
NODES=4
PATIENCE_S=60
BATCH=400
. tests/cluster.sh
. tests/applications.sh

number=0
submit() { # node: so many more
    local k
    for ((k = 0; k < BATCH; k++)); do
        number=$((number + 1))
        if ((number % 5)); then
            echo "set key$((number % 97)) value$number $number"
        else
            echo "del key$((RANDOM % 97)) $number"
        fi
    done >"$cluster/transactions"
    "$cli" submit "$cluster" --node "$1" --file "$cluster/transactions" --batch 20 --timeout 2 \
        --ids "$cluster/ids.$number" >/dev/null 2>&1 &
    loader=$!
}

cluster_up --app external
for ((i = 0; i < NODES; i++)); do start_app $i; done
for ((kill = 1; kill <= KILLS; kill++)); do
    [ -n "$loader" ] && kill -0 $loader 2>/dev/null || submit $((RANDOM % NODES))
    sleep 0.$((RANDOM % 10))$((RANDOM % 10))
    victim=$((RANDOM % NODES))
    if ((kill % 3)); then
        kill_app $victim
        start_app $victim
    else
        kill_node $victim
        start $victim
        until_true 'the nodes are not all connected' all_connected
    fi
done
wait $loader
loader=
submit 0
wait $loader || fail 'node 0 does not take all'
loader=
until_true 'the nodes have not executed the same' settled
for ((i = 0; i < NODES; i++)); do # What each tells of itself is of its node's ledger, or its node ends.
    before=$(grep -c 'the application is there' "$cluster/node$i.log")
    kill_app $i
    start_app $i
    until_true "the application of node $i is not asked" there $i "$before"
    grep 'the application is there' "$cluster/node$i.log" | tail -n 1 | grep -q ' given_again=0$' || fail "the application of node $i had lost something"
done
# A query goes by way of the node; the programs say the same.
"$cli" submit "$cluster" --node 1 >/dev/null <<<"set last word $((number + 1))" || fail 'it is not taken'
said() { [ "$("$cli" query "$cluster" last --node "$1" 2>/dev/null)" = word ]; }
for ((i = 0; i < NODES; i++)); do until_true "node $i does not say the last word" said $i; done
"$cli" query "$cluster" nobody 2>&1 | grep -qx 'ledger-cli query: no such key' || fail 'it says something of nobody'
# Over HTTP too, in hex digits.
port=$(sed -nE 's/^address = .*:([0-9]+)$/\1/p' "$cluster/cluster.conf" | head -n 1)
hex() { printf %s "$1" | od -An -tx1 | tr -d ' \n'; }
over_http() { curl -s --max-time 20 -w ' %{http_code}' "127.0.0.1:$((port + 10 * $1 + 4))/v1/query/$(hex "$2")"; }
for ((i = 0; i < NODES; i++)); do
    over_http $i last | tr -d '\n' | grep -q "{\"answer\":\"$(hex word)\"} 200\$" || fail "node $i does not say it over HTTP"
    over_http $i nobody | tr -d '\n' | grep -q 'no such key"} 404$' || fail "node $i says something of nobody over HTTP"
done
# One that has lost everything is given everything again.
kill_app 1
rm -rf "$cluster/node1/state"
start_app 1
again() { grep -qE 'the application is there epoch=0 given_again=[1-9][0-9]' "$cluster/node1.log"; }
until_true 'what was lost is not given again' again
[ "$(sed -nE 's/.*is there epoch=([0-9]+) .*/\1/p' "$cluster"/node0.log | tail -n 1)" -gt 5 ] || fail 'that were few epochs'
running
stop_all
stop_apps
cat "$cluster"/ids.* | sort -u >"$cluster/ids"
[ "$(wc -l <"$cluster/ids")" -ge $((2 * BATCH)) ] || fail 'too few transactions were taken'
! grep -hE ' error | kind=' "$cluster"/node?.log || fail 'something was wrong'
"$cli" inspect "$cluster"/node[0-9] --cluster "$cluster" --ids "$cluster/ids" || fail 'the ledgers differ'
echo "$KILLS kills of applications and nodes; $(wc -l <"$cluster/ids") transactions taken, all executed"
