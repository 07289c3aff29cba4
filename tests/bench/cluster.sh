#!/bin/bash
# Four nodes on this machine, as installed (first in PATH), default configuration: what they confirm
# and how soon. Data on the disk, then in memory (tmpfs at /dev/shm).
# usage: tests/bench/cluster.sh BUILD
set -u
build=$1
name=bench
cli=ledger-cli
node_program=ledger-node
NODES=4
PATIENCE_S=60
. tests/cluster.sh

report() { # what, load's arguments...: rates and latencies as the client saw them
    local what=$1
    shift
    "$cli" load "$cluster" "$@" --json >"$cluster/load.json" || fail "the load failed: $what"
    printf '%-8s %-34s' "$where" "$what"
    for field in tx_s bytes_s p50 p99; do
        printf ' %s %10.1f' "$field" "$(grep -oE "\"$field\":[0-9.]+" "$cluster/load.json" |
            sed 's/.*://' | head -n 1)"
    done
    echo
}

at() { # where, directory
    where=$1
    cluster=$2
    cluster_up --app log >/dev/null
    report 'log, 250 B, 20000 clients' --clients 20000 --duration 15
    stop_all
    options='bulk = plain'
    cluster_up --app log >/dev/null
    report 'log, 4 KB, bulk = plain' --clients 4000 --size 4096 --duration 15
    stop_all
    options=
    cluster_up --accounts 100 --balance 1000000 >/dev/null
    report 'transfers, signed beforehand' --count 30000 --clients 2000 --presign
    report 'idle: one transfer at a time' --clients 1 --count 50 --presign
    stop_all
    rm -rf "$cluster"
}

at disk "$build/bench.cluster"
if [ -d /dev/shm ]; then
    at tmpfs "/dev/shm/ledger-bench.$$"
fi
