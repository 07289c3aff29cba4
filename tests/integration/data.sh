#!/bin/bash
# A node starts on its own data directory only: of another chain, or with a half of it from
# another chain or missing, it is refused in one line.
# usage: tests/integration/data.sh BUILD
set -u
build=$1
name=data
cli=$build/ledger-cli
NODES=4
PATIENCE_S=60
checkpoint_epochs=10 # Soon idle.
. tests/cluster.sh

for cluster in "$build/data.other" "$build/data"; do # The last one is used.
    cluster_up --accounts 2 --balance 10
    "$cli" transfer "$cluster" --from "$cluster/accounts/0.key" --to "$cluster/accounts/1.key" \
        --amount 1 --wait >/dev/null || fail 'a transfer failed'
    until_true 'the nodes have not executed the same' settled
    stop_all
done
node=$cluster/node0
other=$build/data.other/node0
cp -r "$node/data" "$node/own"

refused() { # what it must say
    local said
    said=$(timeout $PATIENCE_S "$build/ledger-node" "$node" 2>&1)
    [ $? = 1 ] || fail "it was not refused: $said"
    [ "$(wc -l <<<"$said")" = 1 ] || fail "not one line: $said"
    [[ $said = *"$1"* ]] || fail "it said: $said"
    echo "$said"
}
half() { # half, the one to put in its place, or nothing
    rm -rf "$node/data"
    cp -r "$node/own" "$node/data"
    rm -rf "${node:?}/data/$1"
    [ -z "${2-}" ] || cp -r "$2" "$node/data/$1"
}

half consensus "$other/data/consensus"
refused 'the consensus store is that of another chain'
half consensus
refused 'the consensus store is missing'
half ledger "$other/data/ledger"
refused 'the ledger is that of another chain'
half ledger
refused 'the ledger is missing'
rm -rf "$node/data"
cp -r "$other/data" "$node/data"
refused 'of another chain'
half none
for ((i = 0; i < NODES; i++)); do start $i; done
until_true 'the nodes are not all connected' all_connected

# A peer that goes is seen to go, and to come back.
said() { [ "$(grep -c "$2" "$cluster/node$1.log")" -ge "$3" ]; }
two_are_connected() { [ "$(values peers status "$cluster" | grep -cx 2)" = 3 ]; }
connected=$(grep -c 'peer 3 connected' "$cluster/node0.log")
PATIENCE_S=8
kill -KILL "${pids[3]}"
wait "${pids[3]}" 2>/dev/null
unset "pids[3]"
until_true 'the others do not see that node 3 is gone' two_are_connected
until_true 'node 0 does not say that node 3 is gone' said 0 'peer 3 is gone' 1
tells() { "$cli" status "$cluster" 2>/dev/null | grep -q "$1"; }
kill -STOP "${pids[2]}"
kill -KILL "${pids[1]}"
wait "${pids[1]}" 2>/dev/null
unset "pids[1]"
until_true 'status does not say whom node 0 waits for' tells 'node 0 waits: nothing is agreed before 1 more of nodes 1, 3 can be reached'
kill -CONT "${pids[2]}"
start 1
start 3
until_true 'node 0 does not say that node 3 is back' said 0 'peer 3 connected' $((connected + 1))
stop_all

# A disk with little room left: no transactions are taken, nobody ends, and with room it goes on.
[ "$(id -u)" = 0 ] || exit 0
small=$node/data
mv "$small" "$node/kept"
mkdir "$small"
mount -t tmpfs -o size=64m tmpfs "$small" 2>/dev/null || exit 0
trap 'cleanup; umount -l "$small"' EXIT
cp -r "$node/kept/." "$small"
for ((i = 0; i < NODES; i++)); do start $i; done
until_true 'the nodes are not all connected' all_connected
pay() {
    timeout 3 "$cli" transfer "$cluster" --node 0 --from "$cluster/accounts/0.key" \
        --to "$cluster/accounts/1.key" --amount 1 --wait >/dev/null 2>&1
}
pay || fail 'a transfer failed on a small disk'
head -c $(($(df --output=avail -B1 "$small" | tail -n 1) - (4 << 20))) /dev/zero >"$small/fill"
until_true 'node 0 does not say that its disk is nearly full' said 0 'the disk is nearly full' 1
until_true "node 0 does not say that it takes no chunks" said 0 "blocks. chunks are not taken" 1
pay && fail 'a full disk takes transactions'
running
rm "$small/fill"
until_true 'it does not go on when there is room' pay
stop_all
