#!/bin/bash
# The test network: what it makes is gone afterwards, however it ends; commands do what they say; a
# run ends with equal ledgers and figures. Without root, loopback alone.
# usage: tests/integration/testnet.sh BUILD
set -u
tool=$1/ledger-testnet
out=$1/testnet.test
name=test-$$

fail() {
    echo "testnet: $*" >&2
    exit 1
}
trap '"$tool" down --name "$name" >/dev/null' EXIT

left() { # What there is of this run.
    ls -d /run/netns/ledger."$name".* /dev/shm/ledger."$name" 2>/dev/null
    # Not pgrep: a minimal Debian has none.
    for process in /proc/[0-9]*; do
        command=$(tr '\0' ' ' 2>/dev/null <"$process/cmdline")
        [[ $command = *ledger-@(node|cli)\ *"$out/"* ]] && echo "$command"
    done
}
clean() { [ -z "$(left)" ] || fail "$1: left are $(left)"; }
run() { timeout 120 "$tool" "$@" --name "$name"; }

rm -rf "$out"
mkdir -p "$out"
cat >"$out/small.conf" <<END
[scenario]
nodes = 4
seed = 3
warmup = 2 s
duration = 12 s
block = 300 kB
height_floor = 0.01
[links]
delay = 20 ms
[rates constant]
rate = 4 MB/s
[load]
kind = backlog
payload = 1000 B
[events]
1 s = kill 3
2 s = restart 3
9 s = rate 1 1 MB/s
10 s = partition 0,1|2,3
11 s = heal
END

if [ "$(id -u)" != 0 ]; then
    run run "$out/small.conf" --out "$out/shaped" 2>&1 | grep -q 'need root' ||
        fail 'without root it does not say what it needs'
    sed -i '/partition/d; /heal/d; /rate 1/d' "$out/small.conf"
    run run "$out/small.conf" --plain --out "$out/plain" || fail 'a run on loopback failed'
    exit 0
fi

# A run with every kind of event, in two modes. Small payloads are loads too.
cp "$out/small.conf" "$out/dl.conf"
sed 's/^payload.*/payload = 20 B/' "$out/small.conf" >"$out/hb.conf"
for mode in dl hb; do
    run run "$out/$mode.conf" --mode $mode --out "$out/$mode" || fail "the run of $mode failed"
    clean "the run of $mode"
    [ "$(wc -l <"$out/$mode/events.csv")" = 6 ] || fail 'an event is missing in events.csv'
    grep -q '"ledgers_equal": true' "$out/$mode/summary.json" || fail 'no equal ledgers'
    [ "$(wc -l <"$out/$mode/series.csv")" -gt 24 ] || fail 'series.csv is short'
done

# What is measured is the measured part: without warm-up, while node 0 is away, and without what
# comes until all have settled. A link's rate is the one that it had.
sed 's/^warmup.*/warmup = 0 s/; s/^duration.*/duration = 9 s/; s/^kind.*/kind = poisson\nrate = 100 kB\/s/
    /\[events\]/,$d' "$out/small.conf" >"$out/edges.conf"
printf '[events]\n1 s = kill 0\n3 s = rate 1 1 MB/s\n7 s = restart 0\n' >>"$out/edges.conf"
run run "$out/edges.conf" --keep --out "$out/edges" || fail 'the run without warm-up failed'
figure() { # of the summary, its K-th
    sed -nE "s/^ *\"$1\": ([0-9.]+),?\$/\1/p" "$out/edges/summary.json" | sed -n "$2p"
}
within() { awk -v v="${2:-none}" -v a="$3" -v b="$4" 'BEGIN { exit !(v + 0 >= a && v + 0 <= b) }' ||
    fail "$1 is ${2:-none}, not $3 to $4"; }
within 'the measured time' "$(figure measured_s 1)" 8.9 10.1
rates=$(grep -c '"rate_in": [0-9]' "$out/edges/summary.json")
[ "$rates" = 5 ] || fail "there are $rates rates, not of four nodes and their mean"
within "the rate of node 1's link" "$(figure rate_in 3)" 1.9e6 2.1e6
within "the rate of node 2's link" "$(figure rate_in 4)" 3.99e6 4.01e6
within "node 2's transactions" "$(sed -nE 's/.*"executed": ?([0-9]+).*/\1/p' "$out/hb/load2.json")" 1 1e9

# What cannot be done is said once; a rate is for loads that have one.
printf '[events]\n1 s = kill 3\n2 s = kill 3\n' |
    cat <(sed '/\[events\]/,$d; s/^warmup.*/warmup = 0 s/' "$out/small.conf") - >"$out/twice.conf"
run run "$out/twice.conf" --plain --out "$out/twice" 2>"$out/twice.err" && fail 'a dead node was killed'
[ "$(grep -c 'ledger-testnet: ' "$out/twice.err")" = 1 ] || fail "it says: $(cat "$out/twice.err")"
grep -q 'kill 3: that node does not run' "$out/twice.err" || fail 'it does not say what it could not do'
run run "$out/twice.conf" --plain --load 1 --out "$out/load" 2>&1 | grep -q 'has no rate' ||
    fail 'a backlog has a rate'

# What was offered is known of a run, and what is made of it.
sed '/\[events\]/,$d; s/^warmup.*/warmup = 0 s/; s/^duration.*/duration = 4 s/; s/^kind.*/kind = poisson\nrate = 20 kB\/s/' \
    "$out/small.conf" >"$out/offered.conf"
run run "$out/offered.conf" --plain --load 0.05 --out "$out/offered" || fail 'the run with a rate failed'
"$1/ledger-dashboard" export "$out/offered" --csv "$out/csv" || fail 'the run with a rate is not exported'
[ "$(cut -d , -f 4 "$out/csv/nodes.csv" | sort -u | tr '\n' ' ')" = '50000 load_bytes_s ' ] ||
    fail "offered was: $(cut -d , -f 4 "$out/csv/nodes.csv")"

# By hand, and its commands.
status() { run status | awk -v node="$1" '$1 == node { print $2 }'; }
until_status() { # node, state
    local k
    for ((k = 0; k < 100; k++)); do
        [ "$(status "$1")" != "$2" ] || return 0
        sleep 0.1
    done
    fail "node $1 is $(status "$1") and not $2"
}
# It leaves the terminal: a pipe ends when it is up.
timeout 60 "$tool" up --out "$out/up" --name "$name" 2>&1 | cat >/dev/null
[ "${PIPESTATUS[0]}" = 0 ] || fail 'it does not come up'
run up --out "$out/up2" 2>/dev/null && fail 'two of one name are up'
run check 2>&1 | grep -q 'is alive' || fail 'a check takes the name of what is up'
until_status 2 runs
run kill 2 || fail 'kill failed'
run kill 2 2>/dev/null && fail 'a dead node was killed'
until_status 2 killed
run restart 2 || fail 'restart failed'
until_status 2 runs
across() { ip netns exec "ledger.$name.0" ping -q -c 1 -W 1 "10.88.0.$(($1 + 1))" >/dev/null; }
across 2 || fail 'no way from 0 to 2'
run partition '0,1|2,3' || fail 'partition failed'
across 1 || fail 'a partition cuts inside a group'
across 2 && fail 'a partition cuts nothing'
run heal || fail 'heal failed'
across 2 || fail 'heal heals nothing'
run rate 1 5mbit || fail 'rate failed'
ip netns exec "ledger.$name.1" tc qdisc show dev wan | grep -q 'tbf.*rate 5Mbit' ||
    fail 'the rate is not set'
run down || fail 'down failed'
clean 'after down'

# Killed at any moment, it leaves namespaces and files; one `down` removes them.
for k in 1 2 3 4 5; do
    rm -rf "$out/killed"
    run_at=$((RANDOM % 3)).$((1 + RANDOM % 9)) # 0 would be never.
    timeout -s KILL "$run_at" "$tool" run "$out/small.conf" --out "$out/killed" --name "$name" \
        >/dev/null 2>&1
done
run down >/dev/null || fail 'down failed after a kill'
clean 'after kills and down'

# Interrupted, more than once too, it leaves nothing.
interrupt() { # after so many seconds, how often, what is done
    local k after=$1 times=$2
    shift 2
    setsid "$tool" "$@" --name "$name" >/dev/null 2>&1 &
    sleep "$after"
    for ((k = 0; k < times; k++)); do
        kill -INT -- "-$!" 2>/dev/null || break
        sleep 0.02
    done
    wait "$!"
    clean "$times interrupts of $1 after $after s"
}
interrupt 4 400 run "$out/small.conf" --out "$out/stormed"
interrupt 2 1 check --sites 4
interrupt 0.4 1 up --out "$out/early"
timeout -s INT 4 "$tool" run "$out/small.conf" --out "$out/interrupted" --name "$name" \
    >/dev/null 2>&1
clean 'after an interrupt'
timeout -s TERM 4 "$tool" compare "$out/small.conf" --modes dl --out "$out/ended" --name "$name" \
    >/dev/null 2>&1
for ((k = 0; k < 100; k++)); do
    [ -n "$(left)" ] || break
    sleep 0.1
done
clean 'after the end of a comparison'
echo 'testnet: ok'
