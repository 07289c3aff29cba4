#!/bin/bash
# What it costs a loaded cluster that its metrics are read: windows with and without, in turn,
# medians. What one reading a second costs is less than how much two windows differ: so in a second
# they are read READS times, on a connection, and the loss is divided. Data in memory.
# usage: tests/bench/metrics.sh BUILD
set -u
name=metrics
cli=ledger-cli
node_program=ledger-node
cluster=/dev/shm/ledger-metrics.$$
NODES=4
PATIENCE_S=60
PAIRS=12
WINDOW_S=3
READS=50
. tests/cluster.sh

requests=
for ((k = 0; k < READS; k++)); do requests+=$'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'; done
requests=${requests%$'\r\n'}$'Connection: close\r\n\r\n'

scrape() { # node: how often its metrics came
    local port
    port=$(($(sed -nE 's/^address = .*:([0-9]+)$/\1/p' "$cluster/cluster.conf" | head -n 1) + 10 * $1 + 4))
    exec 3<>"/dev/tcp/127.0.0.1/$port"
    printf %s "$requests" >&3
    grep -c 'HTTP/1.1 200 OK' <&3
    exec 3>&-
}
confirmed() { values confirmed_bytes stats "$cluster" 0; }
window() { # 1: with scrapes. MB/s confirmed at node 0, and how often a second each node was read
    local before from_ns second i readers=()
    before=$(confirmed)
    from_ns=$(date +%s%N)
    : >"$cluster/read"
    for ((second = 0; second < WINDOW_S; second++)); do
        for ((i = 0; i < NODES && $1; i++)); do
            scrape $i >>"$cluster/read" &
            readers+=($!)
        done
        sleep 1
    done
    [ "$1" = 0 ] || wait "${readers[@]}"
    awk -v bytes=$(($(confirmed) - before)) -v ns=$(($(date +%s%N) - from_ns)) -v n=$NODES \
        '{ reads += $1 } END { printf "%.3f %.3f\n", bytes / ns * 1000, reads / n / ns * 1e9 }' "$cluster/read"
}
median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

cluster_up --app log >/dev/null
"$cli" load "$cluster" --clients 20000 --duration $((2 * PAIRS * (WINDOW_S + 1) + 10)) >/dev/null &
loader=$!
sleep 5
[ "$(scrape 0)" = $READS ] || fail 'no metrics'
for ((k = 0; k < PAIRS; k++)); do
    without+=$(window 0)$'\n'
    with+=$(window 1)$'\n'
done
of() { printf %s "$1" | cut -d ' ' -f "$2" | median; } # windows, column
awk -v a="$(of "$without" 1)" -v b="$(of "$with" 1)" -v reads="$(of "$with" 2)" 'BEGIN {
    printf "log, 250 B: %.2f MB/s with metrics read %.0f times a second, %.2f without: once a second costs %.2f %%\n",
        b, reads, a, 100 * (1 - b / a) / reads
}'
kill $loader
wait $loader 2>/dev/null
loader=
stop_all
rm -rf "$cluster"
