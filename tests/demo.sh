#!/bin/bash
# Four nodes on this machine order and execute 10,000 signed transfers. One of them is killed while
# they do, and comes back; at the end the four ledgers are compared, with no node running.
# usage: tests/demo.sh BUILD
# Exit codes: 0 the ledgers are as they should be; 3 they are not; 1 it did not come to that.
# BUILD/demo keeps the cluster, its data and its logs, and a page of what happened.
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
name=demo
. tests/cluster.sh

loading() { kill -0 $loader 2>/dev/null; }
# The load, at the victim; or there is none any more.
well_under_way() {
    ! loading || [ "$(values confirmed_tx stats "$cluster" $VICTIM)" -ge $KILL_AFTER ] 2>/dev/null
}

starts_said() { grep -c ' replayed=' "$cluster/node$VICTIM.log"; }
restarted() { [ "$(starts_said)" -gt "$starts" ]; }

strike() { # Kills the victim and starts it again; sets `replayed`.
    local killed_at others_at executed fetched
    killed_at=$(values epoch_agreed stats "$cluster" $VICTIM)
    kill -KILL "${pids[VICTIM]}"
    event kill
    wait "${pids[VICTIM]}" 2>/dev/null
    unset "pids[$VICTIM]"
    echo "node $VICTIM killed; the last epoch that it said was agreed: $killed_at"
    sleep $AWAY_S
    others_at=$(values epoch_agreed stats "$cluster" $(((VICTIM + 1) % NODES)))
    starts=$(starts_said)
    start $VICTIM
    event restart
    until_true "node $VICTIM is not back" restarted
    read -r executed replayed < <(sed -nE 's/.* epoch=([0-9]+) .* replayed=([0-9]+).*/\1 \2/p' \
        "$cluster/node$VICTIM.log" | tail -n 1)
    fetched=$((others_at - executed - replayed))
    echo "node $VICTIM back with $executed epochs executed: $replayed in flight replayed from its" \
        "own disk, $((fetched > 0 ? fetched : 0)) to be fetched from others"
}

seen() { [ "$(wc -l <"$cluster/demo/series.csv")" -gt 1 ]; } 2>/dev/null
event() { # kind: when it was, as the watcher counts
    echo "$((SECONDS - watched_from)),$1,$VICTIM,\"\"" >>"$cluster/demo/events.csv"
}

cluster_up --accounts $ACCOUNTS --balance 1000000
echo "started; $TRANSFERS signed transfers are spread over the nodes"

"$build/ledger-dashboard" serve "$cluster" --port 0 --out "$cluster/demo" >"$cluster/page.log" &
watcher=$!
watched_from=$SECONDS
until_true 'the dashboard sees nothing' seen
echo 't_s,kind,nodes,detail' >"$cluster/demo/events.csv"

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
kill $watcher
wait $watcher
watcher=
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
"$build/ledger-dashboard" export "$cluster/demo" --html "$cluster/dashboard.html" || exit 1
echo "what happened, to look at: $cluster/dashboard.html"
echo "$SECONDS s in all"
exit $equal
