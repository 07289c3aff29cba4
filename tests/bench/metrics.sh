#!/bin/bash
# What it costs a loaded cluster that its metrics are read each second: windows with and without, in
# turn, medians. Data in memory.
# usage: tests/bench/metrics.sh BUILD
set -u
name=metrics
cli=ledger-cli
cluster=/dev/shm/ledger-metrics.$$
NODES=4
PATIENCE_S=60
PAIRS=12
WINDOW_S=3
. tests/cluster.sh
start() { # node: the installed one
    ledger-node "$cluster/node$1" 2>>"$cluster/node$1.log" &
    pids[$1]=$!
}

scrape() { # node: its metrics' size
    local port
    port=$(($(sed -nE 's/^address = .*:([0-9]+)$/\1/p' "$cluster/cluster.conf" | head -n 1) + 10 * $1 + 4))
    exec 3<>"/dev/tcp/127.0.0.1/$port"
    printf 'GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' >&3
    wc -c <&3
    exec 3>&-
}
confirmed() { values confirmed_bytes stats "$cluster" 0; }
window() { # 1: with scrapes. MB/s confirmed at node 0
    local before from_ns second i
    before=$(confirmed)
    from_ns=$(date +%s%N)
    for ((second = 0; second < WINDOW_S; second++)); do
        [ "$1" = 0 ] || for ((i = 0; i < NODES; i++)); do scrape $i >/dev/null; done
        sleep 1
    done
    awk -v bytes=$(($(confirmed) - before)) -v ns=$(($(date +%s%N) - from_ns)) \
        'BEGIN { printf "%.3f\n", bytes / ns * 1000 }'
}
median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

cluster_up --app log >/dev/null
"$cli" load "$cluster" --clients 20000 --duration $((2 * PAIRS * (WINDOW_S + 1) + 10)) >/dev/null &
loader=$!
sleep 5
[ "$(scrape 0)" -gt 5000 ] || fail 'no metrics'
for ((k = 0; k < PAIRS; k++)); do
    without+=$(window 0)$'\n'
    with+=$(window 1)$'\n'
done
a=$(printf %s "$without" | median) b=$(printf %s "$with" | median)
awk -v a="$a" -v b="$b" 'BEGIN { printf "log, 250 B, metrics read each second: %.2f MB/s, not read: %.2f: %+.1f %%\n", b, a, 100 * (b / a - 1) }'
kill $loader
wait $loader 2>/dev/null
loader=
stop_all
rm -rf "$cluster"
