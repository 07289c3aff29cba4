#!/bin/bash
# Few accounts, and far more of their transfers at once than their windows take: whoever submits
# them is put off until there is room, all are executed, and no block holds a copy for nothing.
# usage: tests/integration/window.sh BUILD
set -u
build=$1
name=window
cluster=$build/window
cli=$build/ledger-cli
NODES=4
PATIENCE_S=60
. tests/cluster.sh

ONE=5000   # Of one account, by `submit`;
MANY=10000 # of ten, by `load`: a closed loop, and then an open one.

everywhere() { # key, value: whether all four ledgers say so
    [ "$("$cli" inspect "$cluster"/node[0-9] --ids "$cluster/ids" --json |
        grep -oE "\"$1\":$2[,}]" | wc -l)" -ge $NODES ]
}

cluster_up --accounts 10 --balance 1000000
"$build/tests/integration/transfers" "$cluster/cluster.conf" "$cluster/accounts/0.key" \
    "$cluster/accounts/1.key" $ONE >"$cluster/transfers" || fail 'no transfers could be signed'
"$cli" submit "$cluster" --file "$cluster/transfers" --ids "$cluster/ids" ||
    fail 'not all were taken'
until_true 'the nodes have not executed the same' settled
"$cli" load "$cluster" --count $MANY --clients 2000 --presign --ids "$cluster/ids.closed" ||
    fail 'a closed loop lost some'
"$cli" load "$cluster" --count $MANY --rate 20000 --ids "$cluster/ids.open" ||
    fail 'an open loop lost some'
until_true 'the nodes have not executed the same' settled
stop_all
cat "$cluster"/ids.* >>"$cluster/ids"
"$cli" inspect "$cluster"/node[0-9] --cluster "$cluster" --ids "$cluster/ids" ||
    fail 'the ledgers are not as they should be'
everywhere executed $((ONE + 2 * MANY)) || fail 'not all were executed, each once'
everywhere dropped 0 || fail 'copies were ignored'
everywhere repeated 0 || fail 'copies were repeated'
