#!/bin/bash
# Whoever reads a node's metrics without a pause takes a twentieth of its time, not all of it.
# usage: tests/integration/http.sh BUILD
set -u
build=$1
name=http
cluster=$build/http
cli=$build/ledger-cli
NODES=4
PATIENCE_S=30
READERS=4
READ_S=3
BATCH=100 # Requests on a connection, without waiting for answers.
MOST_PERCENT=30 # Of a core: what is beside the twentieth is the node's own.
. tests/cluster.sh

requests=
for ((i = 0; i < BATCH; i++)); do requests+=$'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'; done
requests=${requests%$'\r\n'}$'Connection: close\r\n\r\n'
read_on() { # port: how many came, in READ_S
    local end=$((SECONDS + READ_S))
    while [ $SECONDS -lt $end ]; do
        exec 3<>"/dev/tcp/127.0.0.1/$1"
        printf %s "$requests" >&3
        grep -c '^HTTP/1.1 200 OK' <&3
        exec 3>&-
    done
}
ticks() { awk '{ print $14 + $15 }' "/proc/${pids[0]}/stat"; }

cluster_up --accounts 4 --balance 1000
port=$(($(sed -nE 's/^address = .*:([0-9]+)$/\1/p' "$cluster/cluster.conf" | head -n 1) + 4))
before=$(ticks)
from_ns=$(date +%s%N)
readers=()
for ((i = 0; i < READERS; i++)); do
    read_on $port >"$cluster/read.$i" &
    readers+=($!)
done
wait "${readers[@]}"
percent=$((($(ticks) - before) * 100 * 1000000000 / $(getconf CLK_TCK) / ($(date +%s%N) - from_ns)))
reads=$(awk '{ n += $1 } END { print n }' "$cluster"/read.*)
stop_all
echo "metrics read $reads times in $READ_S s by $READERS: $percent % of a core"
[ "$reads" -ge 20 ] || fail 'they were hardly served'
[ $percent -lt $MOST_PERCENT ] || fail 'who reads metrics takes the node'
echo '2 passed, 0 failed'
