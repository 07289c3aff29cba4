#!/bin/bash
# Four nodes on shaped links, MINUTES at half of what the links carry, and nothing else happens: what
# they take of memory stands still, and of disk what is kept for ever is all that grows. A sample of
# each every STEP_S: OUT.csv. The first third is not judged. Early in it all nodes stand still for
# STILL_S: what was submitted meanwhile comes in one epoch, and what LMDB takes for the pages of a
# transaction it keeps for the next. So a machine that is busy for a moment does not look like a leak.
# usage: tests/soak.sh BUILD      MINUTES=90 (root)
# Exit codes: 0 all nodes are within the bars; 1 not.
set -u
build=$1
MINUTES=${MINUTES-90}
NODES=4
RATE=400 # kB/s of a link. A node downloads all that all of them take.
LOAD=50  # kB/s of payload, each node.
STEP_S=10
STILL_AT=60
STILL_S=20
GROWTH_MOST=2     # Percent of its mean that RssAnon's fit may rise, over what is judged ...
GROWTH_LEAST=512  # ... or kB: an arena's page more or less.
PER_TRANSACTION=150 # Bytes of the ledger on disk.
out=$build/soak.out
bin=$build/soak/bin
run=(--name "soak-$$")

[ "$(id -u)" = 0 ] || { echo 'soak: needs root, for shaped links' >&2; exit 1; }
runner=
trap '[ -z "$runner" ] || { kill $runner; wait $runner; } 2>/dev/null' EXIT
trap 'echo "soak: interrupted" >&2; exit 1' HUP INT TERM
fail() {
    echo "soak: $* ($out)" >&2
    exit 1
}
node_pid() { # Not pgrep: a minimal Debian has none.
    local process
    for process in /proc/[0-9]*; do
        [[ $(tr '\0' ' ' 2>/dev/null <"$process/cmdline") = */ledger-node\ "$out/cluster/node$1 " ]] && echo "${process#/proc/}" && return
    done
    return 1
}
sample() { # A line a node: seconds, node, RssAnon in kB, kB of the consensus store, kB of the ledger.
    local i pid
    for ((i = 0; i < NODES; i++)); do
        pid=$(node_pid $i) || return 1
        echo "$((SECONDS - from)),$i,$(awk '/^RssAnon/ { print $2 }' "/proc/$pid/status"),$(
            du -sk "$out/data/node$i/consensus" | cut -f 1),$(du -sk "$out/data/node$i/ledger" | cut -f 1)"
    done
}

rm -rf "$out" "$out.conf" "$build/soak"
make -s install DESTDIR="$PWD/$build/soak" PREFIX= || exit 1
cat >"$out.conf" <<END
[scenario]
nodes = $NODES
duration = $((MINUTES * 60)) s
warmup = 10 s
app = ledger
height_floor = 0.9
[links]
delay = 20 ms
[rates constant]
rate = $RATE kB/s
[load]
kind = poisson
rate = $LOAD kB/s
payload = 200 B
END
"$bin/ledger-testnet" run "$out.conf" --out "$out" --keep "${run[@]}" >"$out.log" 2>&1 &
runner=$!
until "$bin/ledger-testnet" status "${run[@]}" >/dev/null 2>&1; do
    kill -0 $runner 2>/dev/null || { cat "$out.log" >&2; fail 'it does not begin'; }
    sleep 0.5
done
from=$SECONDS
echo 'seconds,node,rss_anon_kb,consensus_kb,ledger_kb' >"$out.csv"
stand_still() {
    local i pids=()
    for ((i = 0; i < NODES; i++)); do pids+=("$(node_pid $i)"); done
    kill -STOP "${pids[@]}"
    sleep $STILL_S
    kill -CONT "${pids[@]}"
}
for ((at = STEP_S; at < MINUTES * 60; at += STEP_S)); do
    while [ $((SECONDS - from)) -lt $at ]; do sleep 0.2; done
    [ $at != $STILL_AT ] || stand_still
    sample >>"$out.csv" || { tail -n 3 "$out.log" >&2; fail 'a node does not run'; }
done
wait $runner
status=$?
runner=
[ $status = 0 ] || { tail -n 3 "$out.log" >&2; fail "the run ended with $status"; }
cat "$out"/load*.ids >"$out/ids"
data=()
for ((i = 0; i < NODES; i++)); do data+=("$out/data/node$i"); done
"$bin/ledger-cli" inspect "${data[@]}" --cluster "$out/cluster" --ids "$out/ids" || fail 'the ledgers are not as they should be'
# Least squares of what is judged; the stores by their most, in the first half of it and the second.
awk -F , -v judged=$((MINUTES * 20)) -v all=$((MINUTES * 60)) -v executed="$(wc -l <"$out/ids")" -v most=$GROWTH_MOST -v least=$GROWTH_LEAST -v per=$PER_TRANSACTION '
    NR == 1 || $1 < judged { next }
    !($2 in n) { first[$2] = $3; nodes++ }
    {
        n[$2]++; x[$2] += $1; y[$2] += $3; xx[$2] += $1 * $1; xy[$2] += $1 * $3; last[$2] = $3; ledger[$2] = $5
        half = $1 > (judged + all) / 2
        if ($4 > store[$2, half]) store[$2, half] = $4
    }
    END {
        print "node  RssAnon kB: from     to    mean  kB/min  growth  consensus MB, most: before  after  ledger B a transaction"
        for (i = 0; i < nodes; i++) {
            slope = (n[i] * xy[i] - x[i] * y[i]) / (n[i] * xx[i] - x[i] * x[i])
            mean = y[i] / n[i]
            growth = slope * (all - judged)
            bytes = ledger[i] * 1024 / executed
            good = (growth <= mean * most / 100 || growth <= least) && store[i, 1] <= store[i, 0] * 1.1 && bytes <= per
            printf "%4d  %16d %6d %7d %7.1f %6.2f%%  %25.1f %6.1f %23.0f  %s\n", i, first[i], last[i], mean, slope * 60,
                100 * growth / mean, store[i, 0] / 1024, store[i, 1] / 1024, bytes, good ? "" : "grows"
            failed += !good
        }
        printf "%d transactions; %d passed, %d failed\n", executed, nodes - failed, failed
        exit failed > 0
    }' "$out.csv"
failed=$?
[ -z "${CAMPAIGN-}" ] || bash tests/campaign.sh soak "$MINUTES" $SECONDS "$failed failed"
[ $failed = 0 ] && rm -rf "$out" "$build/soak"
exit $failed
