#!/bin/bash
# What fails says why: in one line on stderr, with the file or the node that it is about.
# usage: tests/integration/reasons.sh BUILD
set -u
build=$1
name=reasons
cluster=$build/reasons
cli=$build/ledger-cli
NODES=1
PATIENCE_S=60
. tests/cluster.sh

refused() { # what it must say, command...: it fails, and says so
    local wanted=$1 said
    shift
    said=$("$@" 2>&1 >"$cluster/out" </dev/null)
    [ $? = 1 ] || fail "$*: was not refused: $said"
    [ "$(wc -l <<<"$said")" = 1 ] || fail "$*: not one line: $said"
    [[ $said = *"$wanted"* ]] || fail "$*: not '$wanted' but '$said'"
    echo "$said"
}
from=(--from "$cluster/accounts/0.key" --to "$cluster/accounts/1.key")
node=$cluster/node0
run=(timeout $PATIENCE_S "$build/ledger-node" "$node")
setting() { sed -i "/^$1 = /d" "$node/node.conf" && echo "$1 = $2" >>"$node/node.conf"; }

cluster_up --accounts 2 --balance 10
"$cli" stats "$cluster" 0 | grep -E '"cpu_s": [0-9]+\.[0-9]{1,3},?$' || fail 'cpu_s is not in ms'
refused 'does not know it' "$cli" tx "$cluster" "$(printf 'ab%.0s' {1..32})"
refused 'failed at height' "$cli" transfer "$cluster" "${from[@]}" --amount 11 --wait
refused 'try again in' "$cli" transfer "$cluster" "${from[@]}" --amount 1 --sequence 99 --timeout 1
refused "$cluster: cannot be read: Is a directory" "$cli" submit "$cluster" --file "$cluster"
refused '/dev/full: No space left' "$cli" load "$cluster" --count 1000 --ids /dev/full
stop_all
refused 'node 0 at 127.0.0.1' "$cli" load "$cluster" --node 0 --timeout 1
refused 'none of the 1 nodes answers in 1 s' "$cli" load "$cluster" --timeout 1

cp -r "$node" "$cluster/own"
setting listen 192.0.2.1
refused 'give an address of this machine as listen' "${run[@]}"
setting listen 127.0.0.1
setting client 192.0.2.1
refused 'give an address of this machine as client' "${run[@]}"
setting client 127.0.0.1
setting data /nonexistent/a/b
refused '/nonexistent/a/b: cannot be made: No such file or directory; make' "${run[@]}"
sed -i '/^coin_secret/d' "$node/node.key"
refused 'coin_secret is missing; put the file back from its copy' "${run[@]}"
: >"$node/node.conf"
refused "$node/node.conf: node is missing" "${run[@]}"
rm -r "$node"
mv "$cluster/own" "$node"
truncate -s 12288 "$node/data/ledger/data.mdb"
refused "$node/data/ledger: data.mdb is shorter than what it holds" "${run[@]}"
refused "$node/data/ledger: data.mdb is shorter than what it holds" "$cli" inspect "$node"
