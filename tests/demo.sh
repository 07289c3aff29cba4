#!/bin/bash
# Four nodes on this machine order and execute 10,000 signed transfers. One of them is killed while
# they do, and comes back; at the end the four ledgers are compared, with no node running.
# usage: tests/demo.sh BUILD
# Exit codes: 0 the ledgers are as they should be; 3 they are not; 1 it did not come to that.
# BUILD/demo keeps the cluster, its data and its logs.
set -u
build=$1
cluster=$build/demo
cli=$build/ledger-cli

NODES=4
ACCOUNTS=100
TRANSFERS=10000
CLIENTS=400
VICTIM=3
KILL_AFTER=1000 # Transfers executed there.
AWAY_S=1
PATIENCE_S=60 # For any one thing to happen.

pids=()
loader=
cleanup() {
    kill -KILL "${pids[@]}" $loader
    wait
} 2>/dev/null
trap cleanup EXIT
trap 'exit 1' HUP INT TERM

fail() {
    echo "demo: $*" >&2
    exit 1
}

start() { # node
    "$build/ledger-node" "$cluster/node$1" 2>>"$cluster/node$1.log" &
    pids[$1]=$!
}

running() { # Fails for the first node that has ended by itself.
    local i
    for i in "${!pids[@]}"; do
        if ! kill -0 "${pids[i]}" 2>/dev/null; then
            tail -n 3 "$cluster/node$i.log" >&2
            fail "node $i ended; above is what it said last ($cluster/node$i.log)"
        fi
    done
}

values() { # key, command of ledger-cli...: the key's values in the JSON, a line for each node
    local key=$1
    shift
    "$cli" "$@" --json 2>/dev/null | grep -oE "\"$key\":(\"[^\"]*\"|[0-9.]+)" |
        sed 's/^[^:]*://; s/"//g'
}

until_true() { # what to say if it never is, command...
    local what=$1 deadline=$((SECONDS + PATIENCE_S))
    shift
    until "$@"; do
        running
        [ $SECONDS -lt $deadline ] || fail "after $PATIENCE_S s, $what"
        sleep 0.05
    done
}

all_connected() { [ "$(values peers status "$cluster" | grep -cx $((NODES - 1)))" = $NODES ]; }

loading() { kill -0 $loader 2>/dev/null; }
# The load, at the victim; or there is none any more.
well_under_way() {
    ! loading || [ "$(values confirmed_tx stats "$cluster" $VICTIM)" -ge $KILL_AFTER ] 2>/dev/null
}

starts_said() { grep -c ' replayed=' "$cluster/node$VICTIM.log"; }
restarted() { [ "$(starts_said)" -gt "$starts" ]; }

# What nodes put into blocks once more, since they cannot know that others did, may follow later.
settled() {
    local before
    before=$("$cli" status "$cluster" --json 2>/dev/null)
    sleep 1
    [ "$(values lag_epochs status "$cluster" | grep -cx 0)" = $NODES ] &&
        [ "$(values log_root status "$cluster" | uniq -c | awk '{ print $1 }')" = $NODES ] &&
        [ "$("$cli" status "$cluster" --json 2>/dev/null)" = "$before" ]
}

port_is_free() { ! (: <>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

free_base() {
    local base port
    for base in {27000..32000..100}; do
        for ((port = base; port < base + 10 * NODES; port++)); do
            port_is_free $port || continue 2
        done
        echo "$base"
        return
    done
    return 1
}

stop_all() {
    local i
    kill -TERM "${pids[@]}"
    for i in "${!pids[@]}"; do
        timeout $PATIENCE_S tail --pid="${pids[i]}" -f /dev/null || fail "node $i does not stop"
        wait "${pids[i]}" || fail "node $i did not end in order ($cluster/node$i.log)"
        unset "pids[$i]"
    done
}

strike() { # Kills the victim and starts it again; sets `replayed`.
    local killed_at others_at executed fetched
    killed_at=$(values epoch_agreed stats "$cluster" $VICTIM)
    kill -KILL "${pids[VICTIM]}"
    wait "${pids[VICTIM]}" 2>/dev/null
    unset "pids[$VICTIM]"
    echo "node $VICTIM killed; the last epoch that it said was agreed: $killed_at"
    sleep $AWAY_S
    others_at=$(values epoch_agreed stats "$cluster" $(((VICTIM + 1) % NODES)))
    starts=$(starts_said)
    start $VICTIM
    until_true "node $VICTIM is not back" restarted
    read -r executed replayed < <(sed -nE 's/.* epoch=([0-9]+) .* replayed=([0-9]+).*/\1 \2/p' \
        "$cluster/node$VICTIM.log" | tail -n 1)
    fetched=$((others_at - executed - replayed))
    echo "node $VICTIM back with $executed epochs executed: $replayed in flight replayed from its" \
        "own disk, $((fetched > 0 ? fetched : 0)) to be fetched from others"
}

rm -rf "$cluster"
base=$(free_base) || fail 'no free ports from 27000 to 32000'
genesis=$("$cli" genesis "$cluster" --nodes $NODES --accounts $ACCOUNTS --balance 1000000 \
    --base-port "$base") || exit 1
echo "${genesis%%$'\n'*}"
for ((i = 0; i < NODES; i++)); do start $i; done
until_true 'the nodes are not all connected' all_connected
echo "started, on ports from $base; $TRANSFERS signed transfers are spread over the nodes"

"$cli" load "$cluster" --count $TRANSFERS --clients $CLIENTS --presign --ids "$cluster/ids" --json \
    >"$cluster/load.json" &
loader=$!
replayed=0
until [ "$replayed" != 0 ]; do # It may fall between two epochs, with nothing to read back.
    until_true "node $VICTIM has not executed $KILL_AFTER transfers" well_under_way
    loading || break
    strike
done
[ -n "${starts-}" ] || fail 'the load ended before a node could be killed'

wait $loader
status=$?
loader=
if [ $status != 0 ]; then
    cat "$cluster/load.json" >&2
    fail 'the load failed: above is what became of it'
fi
until_true 'the nodes have not executed the same' settled
stop_all

echo "all executed, all stopped; what the data directories hold:"
inspect=("$cli" inspect "$cluster"/node[0-9] --cluster "$cluster" --ids "$cluster/ids")
"${inspect[@]}"
equal=$?
[ $equal = 0 ] || [ $equal = 3 ] || exit 1
everywhere() { # key, value: whether all four say so
    [ "$("${inspect[@]}" --json | grep -oE "\"$1\":$2[,}]" | wc -l)" = "$3" ]
}
for wanted in "executed $TRANSFERS $((2 * NODES))" "dropped 0 $NODES" "ids $TRANSFERS 1"; do
    # shellcheck disable=SC2086 # Three words.
    if ! everywhere $wanted; then
        echo "DIFFERENT  not $wanted everywhere"
        equal=3
    fi
done
load() { grep -oE "\"$1\":[0-9.]+" "$cluster/load.json" | sed 's/.*://' | head -n 1; }
printf '%.0f transfers/s; latency in ms: 50 %% below %.0f, 95 %% below %.0f, at most %.0f\n' \
    "$(load tx_s)" "$(load p50)" "$(load p95)" "$(load max)"
echo "$SECONDS s in all"
exit $equal
