#!/bin/bash
# What a cluster does with more than it can: four nodes, and a load that sends what a node puts off
# not again. A ramp finds the peak of the rate executed; then 80 % and 200 % of it, in turn, medians
# of PAIRS; then one client that wants GREED times the peak, by way of the node that another one, with
# a tenth of it, uses.
# usage: tests/overload.sh BUILD      (make overload)
# PAIRS (3), WINDOW_S (6).
# Exit codes: 0 all within the bars; 1 not.
set -u
build=$1
name=overload
cluster=/dev/shm/ledger-overload.$$
cli=${cli-$build/ledger-cli}
NODES=4
PATIENCE_S=60
PAIRS=${PAIRS-3}
WINDOW_S=${WINDOW_S-6}
WARMUP_S=1            # Of a window: no latencies.
POLL_MS=20            # More often, and the asking is a load of its own.
ACCOUNTS=6000         # A number that was refused may be used once more, up to 64 later.
STEPS='30 45 60 75 90 105 120' # Percent of what a closed loop brings.
GREED=2
GOODPUT_LEAST=90      # Percent of the peak, at twice the peak.
LATENCY_MOST=3        # Times p99 at 80 %.
POLITE_LEAST=95       # Percent of what the other client sends.
. tests/cluster.sh

passed=0
failed=0
median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
of() { printf %s "$1" | cut -d ' ' -f "$2" | median; } # windows, column
field() { grep -oE "\"$1\":[0-9.]+" "$2" | head -n 1 | sed 's/.*://'; }
load() { # file, arguments...: executed a second, p50 and p99 in ms, sent, put off
    local file=$1
    shift
    "$cli" load "$cluster" --presign --no-retry --poll $POLL_MS --json "$@" >"$file" || fail "the load failed: $*"
    running
    echo "$(field tx_s "$file") $(field p50 "$file") $(field p99 "$file") $(field sent "$file") $(field overloaded "$file")"
}
percent() { awk -v a="$1" -v p="$2" 'BEGIN { printf "%.0f", a * p / 100 }'; }
window() { load "$cluster/load.json" --rate "$1" --duration "$WINDOW_S" --warmup $WARMUP_S; }
row() { printf '%-34s %9.0f %9.0f %8.1f %8.1f %8.1f\n' "$@"; }
of_sent() { awk '{ printf "%.1f", ($4 > 0) ? 100 * $5 / $4 : 0 }' <<<"$1"; }
show() { # what, offered, window
    local w
    read -ra w <<<"$3"
    row "$1" "$2" "${w[0]}" "${w[1]}" "${w[2]}" "$(of_sent "$3")"
}
put_off() { values put_off stats "$cluster" 0; }
put_off_beyond() { [ "$(put_off)" -gt "$1" ]; }
bar() { # what, whether it holds: an awk expression
    if awk "BEGIN { exit !($2) }"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "not so: $1"
    fi
}

options='log_level = warn'
cluster_up --accounts $ACCOUNTS --balance 100000000 >/dev/null
closed=$(load "$cluster/load.json" --count 30000 --clients 2000 | cut -d ' ' -f 1)
printf 'closed loop, 2000 clients: %.0f transfers/s\n' "$closed"
printf '%-34s %9s %9s %8s %8s %8s\n' what offered/s exec/s 'p50 ms' 'p99 ms' 'put off %'
peak=0
for step in $STEPS; do
    rate=$(percent "$closed" "$step")
    w=$(window "$rate")
    show "ramp" "$rate" "$w"
    peak=$(awk -v a="$peak" -v b="${w%% *}" 'BEGIN { print (a > b) ? a : b }')
done
below=
above=
for ((pair = 0; pair < PAIRS; pair++)); do
    w=$(window "$(percent "$peak" 80)")
    show '80 % of the peak' "$(percent "$peak" 80)" "$w"
    below+=$w$'\n'
    w=$(window "$(percent "$peak" 200)")
    show '200 %' "$(percent "$peak" 200)" "$w"
    above+=$w$'\n'
done
goodput=$(awk -v a="$(of "$above" 1)" -v b="$peak" 'BEGIN { printf "%.1f", 100 * a / b }')
times=$(awk -v a="$(of "$above" 3)" -v b="$(of "$below" 3)" 'BEGIN { printf "%.2f", a / b }')
printf 'at 200 %%: %s %% of the peak, p99 %s times that at 80 %%\n' "$goodput" "$times"
bar "at least $GOODPUT_LEAST % of the peak" "$goodput >= $GOODPUT_LEAST"
bar "p99 at most $LATENCY_MOST times" "$times <= $LATENCY_MOST"
bar 'anything was put off' "$(of "$above" 5) > 0"

polite=
for ((pair = 0; pair < PAIRS; pair++)); do
    before=$(put_off)
    load "$cluster/greedy.json" --node 0 --part 0/2 --duration $((WINDOW_S + 1)) \
        --rate "$(percent "$peak" $((100 * GREED)))" >"$cluster/greedy" &
    loader=$!
    until_true 'the greedy client is not put off' put_off_beyond "$before"
    w=$(load "$cluster/load.json" --node 0 --part 1/2 --duration "$WINDOW_S" --warmup $WARMUP_S \
        --rate "$(percent "$peak" 10)")
    wait $loader || fail 'the greedy client failed'
    loader=
    show 'greedy, of one node' "$(percent "$peak" $((100 * GREED)))" "$(cat "$cluster/greedy")"
    show 'polite, of the same' "$(percent "$peak" 10)" "$w"
    polite+=$w$'\n'
done
kept=$(awk -v s="$(of "$polite" 4)" -v o="$(of "$polite" 5)" 'BEGIN { printf "%.1f", 100 * (1 - o / s) }')
times=$(awk -v a="$(of "$polite" 3)" -v b="$(of "$below" 3)" 'BEGIN { printf "%.2f", a / b }')
printf 'polite beside greedy: %s %% taken, p99 %s times that at 80 %%\n' "$kept" "$times"
bar "at least $POLITE_LEAST % of the polite client's is taken" "$kept >= $POLITE_LEAST"
bar "its p99 is at most $LATENCY_MOST times that at 80 %" "$times <= $LATENCY_MOST"
stop_all
rm -rf "$cluster"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
