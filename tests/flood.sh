#!/bin/bash
# What floods cost: four nodes of which one is off, and its keys are the liar's; half of what the
# other three can execute, with a flood of node 0 and without, in turn. For each kind, of node 1: the
# rate executed and the latency, medians of PAIRS; and the memory that node 0 took for it.
# usage: tests/flood.sh BUILD      (make flood)
# KINDS=a,b: only these. MBIT: of what is sent (100). PAIRS (3), WINDOW_S (6).
# Exit codes: 0 each within the bars; 1 not.
set -u
build=$1
name=flood
cluster=/dev/shm/ledger-flood.$$
cli=$build/ledger-cli
NODES=4
PATIENCE_S=60
PAIRS=${PAIRS-3}
WINDOW_S=${WINDOW_S-6}
MBIT=${MBIT-100}
LOSS_MOST=5         # Percent of the rate.
MEMORY_MOST=$((256 << 10)) # kB.
WINDOWS_BEFORE=1    # Not counted.
KINDS=${KINDS-half-open,garbage,client-reconnects,client-small,client-large,peer-reconnects,peer-small,peer-large,peer-future,peer-shares,peer-requests}
. tests/cluster.sh

failed=0
passed=0
median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
field() { grep -oE "\"$1\":[0-9.]+" "$cluster/load.json" | head -n 1 | sed 's/.*://'; }
agreed() { values epoch_executed status "$cluster" | head -n 1; }
anon_kb() { awk '/^RssAnon/ { print $2 }' "/proc/${pids[0]}/status"; }
watch_memory() { while sleep 0.1; do anon_kb; done; } 2>/dev/null

load() { # duration, or more arguments
    "$cli" load "$cluster" --node 1 "$@" --presign --json >"$cluster/load.json" || fail 'the load failed'
}
window() { # kind or nothing: rate, p50 and p99 in ms, memory in kB
    local flood= watch
    watch_memory >"$cluster/memory" &
    watch=$!
    if [ -n "$1" ]; then
        "$build/tests/flood/flood" "$1" "$cluster/node3" 0 $((WINDOW_S + 1)) "$MBIT" "$(agreed)" "$epochs_a_second" \
            >"$cluster/sent" &
        flood=$!
        sleep 0.5
    fi
    load --rate "$rate" --duration "$WINDOW_S"
    [ -z "$flood" ] || wait $flood || fail "the flood failed: $1"
    kill $watch
    running
    echo "$(field tx_s) $(field p50) $(field p99) $(sort -n "$cluster/memory" | tail -n 1)"
}
of() { cut -d ' ' -f "$1" | median; }

options='log_level = warn'
cluster_up --accounts 200 --balance 100000000 >/dev/null
kill -TERM "${pids[3]}"
wait "${pids[3]}"
unset 'pids[3]'
load --count 20000 --clients 1000
rate=$(awk -v r="$(field tx_s)" 'BEGIN { print int(r / 2) }')
from=$(agreed)
for ((k = 0; k < WINDOWS_BEFORE; k++)); do window '' >/dev/null; done
epochs_a_second=$(awk -v a="$from" -v b="$(agreed)" -v s=$((WINDOW_S * WINDOWS_BEFORE)) 'BEGIN { print (b - a) / s }')
echo "half of what they can: $rate transfers/s, $epochs_a_second epochs/s; floods at $MBIT Mbit/s"
echo 'kind               rate without   with  loss %   p50 ms without  with   p99 ms without  with   memory MB more   sent'
for kind in ${KINDS//,/ }; do
    without= with=
    before_kb=$(anon_kb)
    for ((pair = 0; pair < PAIRS; pair++)); do
        without+=$(window '')$'\n'
        with+=$(window "$kind")$'\n'
    done
    a=$(printf %s "$without" | of 1)
    b=$(printf %s "$with" | of 1)
    more_kb=$(($(printf %s "$with" | cut -d ' ' -f 4 | sort -n | tail -n 1) - before_kb))
    loss=$(awk -v a="$a" -v b="$b" 'BEGIN { printf "%.1f", 100 * (1 - b / a) }')
    printf '%-18s %12.0f %6.0f %7.1f %16.1f %5.1f %16.1f %5.1f %16.1f %6d\n' "$kind" "$a" "$b" "$loss" \
        "$(printf %s "$without" | of 2)" "$(printf %s "$with" | of 2)" \
        "$(printf %s "$without" | of 3)" "$(printf %s "$with" | of 3)" \
        "$(awk -v k=$more_kb 'BEGIN { print k / 1024 }')" "$(cat "$cluster/sent")"
    if awk -v l="$loss" -v m=$LOSS_MOST 'BEGIN { exit !(l <= m) }' && [ "$more_kb" -le $MEMORY_MOST ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
done
# What node 0 caught: faults by kind, connections cut or refused, clients put off.
port=$(($(sed -nE 's/^address = .*:([0-9]+)$/\1/p' "$cluster/cluster.conf" | head -n 1) + 4))
exec 3<>"/dev/tcp/127.0.0.1/$port"
printf 'GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' >&3
awk '/^ledger_faults_total/ && $2 > 0 { sub(/.*kind="/, ""); sub(/".*}/, ""); caught[$1] += $2 }
    /^ledger_(cut|refused)_connections_total|^ledger_client_(overloaded|malformed)/ { sub(/^ledger_/, ""); caught[$1] = $2 }
    END { for (what in caught) printf "%s %.0f, ", what, caught[what]; print "caught by node 0" }' <&3
exec 3>&-
stop_all
rm -rf "$cluster"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
