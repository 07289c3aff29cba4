#!/bin/bash
# Seven nodes on shaped links under load, and MINUTES of whatever SEED brings: nodes killed, one, some
# or all at once, stopped in the middle, cut off from one another, on links of a hundredth of their
# rate. Then all is mended, and everything must be as if nothing had been: equal and sound ledgers,
# the genesis' supply, an outcome of each transaction that was acknowledged, and no two different
# votes of one node among all that any node has heard.
# Two of the seven lie, as liars of the simulator do; nothing is promised to their own clients.
# usage: tests/chaos.sh BUILD      MINUTES=10 SEED=1 (root)
set -u
build=$1
MINUTES=${MINUTES-10}
SEED=${SEED-$RANDOM}
NODES=7
LIARS=(5 6)
TOLD=10 # Times each lie at least, in ten minutes.
RATE=4 # MB/s
WARMUP_S=10
QUIET_S=20 # Without faults at the end.
COMPARED=10000 # Votes at least.
out=$build/chaos.out
bin=$build/chaos
run=(--name "chaos-$$")

[ "$(id -u)" = 0 ] || { echo 'chaos: needs root, for shaped links' >&2; exit 1; }
RANDOM=$SEED
runner=
trap '[ -z "$runner" ] || { kill $runner; wait $runner; } 2>/dev/null' EXIT
trap 'echo "chaos: interrupted" >&2; exit 1' HUP INT TERM
fail() {
    echo "chaos: $* (seed $SEED; $out)" >&2
    exit 1
}
say() { "$bin/ledger-testnet" "$@" "${run[@]}" || fail "$* was refused"; }
# A subshell has random numbers of its own: what is drawn is left in variables.
below() { drawn=$((RANDOM % $1)); }
victims=() spared=()
pick() { # how many: victims, and who is spared
    local left=$1 i
    victims=() spared=()
    for ((i = 0; i < NODES; i++)); do
        if ((RANDOM % (NODES - i) < left)); then
            victims+=($i)
            left=$((left - 1))
        else
            spared+=($i)
        fi
    done
}
lasts() { # least seconds, most
    below $((10 * ($2 - $1) + 1))
    drawn=$((10 * $1 + drawn))
    sleep "$((drawn / 10)).$((drawn % 10))"
}
list() { local IFS=,; echo "$*"; }
each() { # command, what follows the node...
    local i
    for i in "${victims[@]}"; do say "$1" "$i" "${@:2}"; done
}

kill_some() {
    pick "$1"
    each kill
    lasts 0 8
    each restart
}
pause_some() {
    pick "$1"
    each pause
    lasts 1 12
    each resume
}
isolate() {
    pick "$1"
    say partition "$(list "${spared[@]}")"
    lasts 2 14
    say heal
}
split() { # Two groups, neither of which is a quorum.
    pick 3
    say partition "$(list "${victims[@]}")|$(list "${spared[@]}")"
    lasts 2 14
    say heal
}
throttle() {
    pick "$1"
    each rate "$((RATE * 10))kB/s"
    lasts 5 20
    each rate "${RATE}MB/s"
}

declare -A faults=()
kinds=(kill_one kill_more kill_all pause_one pause_more isolate split throttle)
fault() {
    below ${#kinds[@]}
    local kind=${kinds[drawn]}
    faults[$kind]=$((${faults[$kind]-0} + 1))
    below 2
    case $kind in
    kill_one) kill_some 1 ;;
    kill_more) kill_some $((drawn + 2)) ;; # f = 2 may be away.
    kill_all) kill_some $NODES ;;
    pause_one) pause_some 1 ;;
    pause_more) pause_some $((drawn + 2)) ;;
    isolate) isolate $((drawn + 1)) ;;
    split) split ;;
    throttle) throttle $((drawn + 1)) ;;
    esac
}

mkdir -p "$bin"
for program in ledger-testnet ledger-cli; do ln -f "$build/$program" "$bin/$program"; done
rm -rf "$out" "$out.heard" "$out.heard.lies" "$out.conf"
mkdir -p "$out.heard" "$out.heard.lies"
cat >"$out.conf" <<END
[scenario]
nodes = $NODES
seed = $SEED
duration = $((MINUTES * 60)) s
warmup = $WARMUP_S s
app = ledger
height_floor = 0
[links]
delay = 10 ms
[rates constant]
rate = $RATE MB/s
[load]
kind = poisson
rate = 10 kB/s
payload = 200 B
END
LEDGER_LIARS="${LIARS[*]}" LEDGER_HEARD=$(cd "$out.heard" && pwd) "$bin/ledger-testnet" run "$out.conf" --out "$out" --keep "${run[@]}" \
    >"$out.log" 2>&1 &
runner=$!
deadline=$((SECONDS + 120))
until "$bin/ledger-testnet" status "${run[@]}" >/dev/null 2>&1; do
    kill -0 $runner 2>/dev/null && [ $SECONDS -lt $deadline ] || { cat "$out.log" >&2; fail 'it does not begin'; }
    sleep 0.5
done
sleep $WARMUP_S
end=$((SECONDS + MINUTES * 60 - QUIET_S - 5))
while [ $SECONDS -lt $end ]; do
    fault
    kill -0 $runner 2>/dev/null || { cat "$out.log" >&2; fail 'the run has ended'; }
    lasts 0 4
done
wait $runner
status=$?
runner=
for kind in "${!faults[@]}"; do printf '%s %d, ' "$kind" "${faults[$kind]}"; done
echo "seed $SEED"
[ $status = 0 ] || { cat "$out.log" >&2; fail "the run ended with $status"; }
data=()
for ((i = 0; i < NODES; i++)); do
    [[ " ${LIARS[*]} " != *" $i "* ]] || continue
    data+=("$out/data/node$i")
    cat "$out/load$i.ids" >>"$out/ids"
done
[ "$(wc -l <"$out/ids")" -gt $((MINUTES * 1000)) ] || fail 'too few transfers were acknowledged'
"$bin/ledger-cli" inspect "${data[@]}" --cluster "$out/cluster" --ids "$out/ids" ||
    fail 'the ledgers are not as they should be'
cat "$out.heard.lies"/* | awk '{ told[$1] += $2 } END { for (k in told) print told[k], k }' | sort -n >"$out/told"
echo "told: $(awk '{ printf "%s %d, ", $2, $1 }' "$out/told")"
grep -hoE 'kind=[a-z_]+' "$out"/node?.log | sort | uniq -c | sort -n |
    awk '{ sub("kind=", ""); printf "%s%s %d", (NR > 1 ? ", " : "caught, lines of logs: "), $2, $1 } END { print "" }'
grep -hoE ' kind=.* peer=[0-9]+' "$out"/node[0-4].log | grep -vE "peer=(${LIARS[0]}|${LIARS[1]})$" &&
    fail 'correct nodes were caught at lies'
if ((MINUTES >= 10)) && seldom=$(awk -v least=$TOLD '$1 < least && $2 != "silent" && $2 != "late"' "$out/told" | grep .); then
    fail "told too seldom: $seldom"
fi
votes=$("$build/tests/chaos/votes" "${LIARS[*]}" "$out.heard"/*) || { echo "$votes" >&2; fail 'a node voted twice'; }
echo "$votes"
[ "$(grep -oE '[0-9]+ compared' <<<"$votes" | cut -d ' ' -f 1)" -gt $COMPARED ] || fail 'too few votes were compared'
[ -z "${CAMPAIGN-}" ] || bash tests/campaign.sh chaos "$MINUTES" $SECONDS '0 failed'
rm -rf "$out" "$out.heard" "$out.heard.lies"
