#!/bin/bash
# Seven nodes on shaped links under load, and MINUTES of whatever SEED brings: nodes killed, one, some
# or all at once, stopped in the middle, cut off from one another, on links of a hundredth of their
# rate, on disks that are full; one away for longer than the others keep what it has missed. Then all
# is mended, and everything must be as if nothing had been: equal and sound ledgers, the genesis'
# supply, an outcome of each transaction that was acknowledged, and no two different votes of one node
# among all that any node has heard.
# Two of the seven lie, as liars of the simulator do; nothing is promised to their own clients. When
# the seed is even one lies, and another loses its data again and again, which counts as much.
# usage: tests/chaos.sh BUILD      MINUTES=10 SEED=1 (root)
set -u
build=$1
MINUTES=${MINUTES-10}
SEED=${SEED-$RANDOM}
NODES=7
LIARS=(6)
LOSER=5 # Of its data, and with it of what its clients were told.
((SEED % 2 == 0)) || LIARS=(5 6) LOSER=
TOLD=10 # Times each lie at least, in ten minutes.
RATE=4 # MB/s
WARMUP_S=10
QUIET_S=20 # Without faults at the end.
COMPARED=10000 # Votes at least.
DISK_MB=160 # Of a node whose disk fills up.
out=$build/chaos.out
bin=$build/chaos
run=(--name "chaos-$$")

[ "$(id -u)" = 0 ] || { echo 'chaos: needs root, for shaped links' >&2; exit 1; }
RANDOM=$SEED
runner=
mounted=()
declare -A disks=()
clean_up() {
    [ -z "$runner" ] || { kill $runner; wait $runner; } 2>/dev/null
    for disk in "${mounted[@]}"; do umount "$disk"; done
    mounted=()
}
trap clean_up EXIT
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

away_one() {
    pick 1
    each kill
    lasts 30 60
    each restart
}
ends() { # node: whether it has ended by itself, soon
    local k answer
    for ((k = 0; k < 150; k++)); do
        answer=$(say status) || exit 1
        grep -qE "^ *$1  killed" <<<"$answer" && return
        sleep 0.1
    done
    return 1
}
# The disk is full while the node runs, or when it starts; it ends, and says why. With room it starts.
ended=0
fill() {
    pick 1
    local node=${victims[0]} before=$1
    local disk=$PWD/$out/data/node$node
    say kill $node
    if [ -z "${disks[$node]-}" ]; then
        mv "$disk" "$disk.before"
        mkdir -m 700 "$disk"
        mount -t tmpfs -o size=${DISK_MB}m,mode=700 tmpfs "$disk" || fail 'no small file system'
        mounted+=("$disk")
        disks[$node]=1
        cp -a "$disk.before/." "$disk" || fail "$DISK_MB MB are not enough"
        rm -r "$disk.before"
    fi
    [ $before = 0 ] || cat /dev/zero >"$disk/filler" 2>/dev/null
    say restart $node
    if [ $before = 0 ]; then
        lasts 2 5
        cat /dev/zero >"$disk/filler" 2>/dev/null
    fi
    if ends $node; then
        tail -n 1 "$out/node$node.log" | grep -qE 'make room|No space' || fail "node $node has ended and did not say why"
        ended=$((ended + 1))
    else
        say kill $node
    fi
    rm "$disk/filler"
    say restart $node
}
# It votes for nothing until the others have moved on: the next fault may come meanwhile.
lose() {
    "$bin/ledger-testnet" kill $LOSER "${run[@]}" >/dev/null 2>&1
    say replace $LOSER
}
# Who has said that it had closed what it had not is told of it no more, and lies less and less.
renew() {
    below ${#LIARS[@]}
    "$bin/ledger-testnet" kill "${LIARS[drawn]}" "${run[@]}" >/dev/null 2>&1
    say replace "${LIARS[drawn]}"
}

declare -A faults=()
kinds=(kill_one kill_more kill_all pause_one pause_more isolate split throttle away_one disk_full renew)
[ -z "$LOSER" ] || kinds+=(lose)
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
    away_one) away_one ;;
    disk_full) fill $drawn ;;
    lose) lose ;;
    renew) renew ;;
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
retain = 2 MiB
checkpoint_epochs = 20
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
LEDGER_LIARS="${LIARS[*]}" LEDGER_HEARD=$(cd "$out.heard" && pwd) "$bin/ledger-testnet" run "$out.conf" --out "$out" --keep --endure "${run[@]}" \
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
[ "$(grep -c ',ended,' "$out/events.csv")" = $ended ] || { grep ',ended,' "$out/events.csv" >&2; fail "nodes ended by themselves, and $ended of full disks"; }
echo "$ended nodes ended on full disks; $(cat "$out"/node?.log | grep -c 'the ledger goes on from a snapshot') ledgers went on from snapshots"
[ $status = 0 ] || { cat "$out.log" >&2; fail "the run ended with $status"; }
data=()
for ((i = 0; i < NODES; i++)); do
    [[ " ${LIARS[*]} " != *" $i "* ]] || continue
    data+=("$out/data/node$i")
    [ "$i" = "$LOSER" ] || cat "$out/load$i.ids" >>"$out/ids"
done
[ "$(wc -l <"$out/ids")" -gt $((MINUTES * 1000)) ] || fail 'too few transfers were acknowledged'
"$bin/ledger-cli" inspect "${data[@]}" --cluster "$out/cluster" --ids "$out/ids" ||
    fail 'the ledgers are not as they should be'
cat "$out.heard.lies"/* | awk '{ told[$1] += $2 } END { for (k in told) print told[k], k }' | sort -n >"$out/told"
echo "told: $(awk '{ printf "%s %d, ", $2, $1 }' "$out/told")"
grep -hoE 'kind=[a-z_]+' "$out"/node?.log | sort | uniq -c | sort -n |
    awk '{ sub("kind=", ""); printf "%s%s %d", (NR > 1 ? ", " : "caught, lines of logs: "), $2, $1 } END { print "" }'
for ((i = 0; i < NODES; i++)); do
    [[ " ${LIARS[*]} " = *" $i "* ]] || cat "$out/node$i.log"
done | grep -oE ' kind=.* peer=[0-9]+' | grep -vE "peer=[$(IFS=; echo "${LIARS[*]}")]$" &&
    fail 'correct nodes were caught at lies'
if ((MINUTES >= 10)) && seldom=$(awk -v least=$TOLD '$1 < least && $2 != "silent" && $2 != "late"' "$out/told" | grep .); then
    fail "told too seldom: $seldom"
fi
votes=$("$build/tests/chaos/votes" "${LIARS[*]}" "$out.heard"/*) || { echo "$votes" >&2; fail 'a node voted twice'; }
echo "$votes"
[ "$(grep -oE '[0-9]+ compared' <<<"$votes" | cut -d ' ' -f 1)" -gt $COMPARED ] || fail 'too few votes were compared'
clean_up
[ -z "${CAMPAIGN-}" ] || bash tests/campaign.sh chaos "$MINUTES" $SECONDS '0 failed'
rm -rf "$out" "$out.heard" "$out.heard.lies"
