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

# A run with every kind of event, in two modes.
for mode in dl hb; do
    run run "$out/small.conf" --mode $mode --out "$out/$mode" || fail "the run of $mode failed"
    clean "the run of $mode"
    [ "$(wc -l <"$out/$mode/events.csv")" = 6 ] || fail 'an event is missing in events.csv'
    grep -q '"ledgers_equal": true' "$out/$mode/summary.json" || fail 'no equal ledgers'
    [ "$(wc -l <"$out/$mode/series.csv")" -gt 24 ] || fail 'series.csv is short'
done

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
run up --out "$out/up" >/dev/null || fail 'it does not come up'
run up --out "$out/up2" 2>/dev/null && fail 'two of one name are up'
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
    run_at=$((RANDOM % 3)).$((RANDOM % 10))
    timeout -s KILL "$run_at" "$tool" run "$out/small.conf" --out "$out/killed" --name "$name" \
        >/dev/null 2>&1
done
run down >/dev/null || fail 'down failed after a kill'
clean 'after kills and down'

# Interrupted, more than once too, it leaves nothing.
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
