#!/bin/bash
# Runs the tests, whatever fails, and adds up: the last line is the total. One more at a time than
# there are cores, for many wait more than they compute; those that measure time, or count on a
# thread to have had it, run alone, at the end.
# usage: tests/run.sh test|check BUILD PROGRAM...      (make test, make check)
#
# What a program counted itself is taken from its output: cmocka's summaries, or a line of
# `N passed, N failed`. One that fails without counting, or that counts nothing, is one failure.
set -u
mode=$1 build=$2
shift 2

SECONDS_MAX=900 # For one program: longer means that it hangs.
ALONE=' test_core_large test_intake test_connections test_transport test_transport_plain test_reset
 test_http test_http_later test_zap test_workers test_metrics test_recording testnet.sh '

passed=0 failed=0
jobs=$(mktemp -d)
slots=$(($(nproc) + 1))
trap 'rm -rf "$jobs"' EXIT
trap 'kill $(jobs -p) 2>/dev/null; exit 1' HUP INT TERM

# How many, where lines of the output match a pattern with the number in parentheses.
count() { # pattern, file
    sed -nE "s/$1/\1/p" "$2" | awk '{ n += $1 } END { print n + 0 }'
}

add() { # name, exit status, seconds, passed, failed
    local bad=$5
    if [ "$bad" = 0 ] && { [ "$2" != 0 ] || [ "$4" = 0 ]; }; then
        bad=1
    fi
    passed=$((passed + $4)) failed=$((failed + bad))
    if [ "$bad" = 0 ]; then
        printf '%-28s %5d passed %4d s\n' "$1" "$4" "$3"
    else
        printf '%-28s %5d passed %4d s  %d FAILED (exit status %d)\n' "$1" "$4" "$3" "$bad" "$2"
    fi
    [ "$bad" = 0 ]
}

# What has been started: unit, script or sim; and its name.
kinds=() names=() running=0

report() { # number: it has ended
    local k=$1 run good skipped status seconds
    local output=$jobs/$k.out
    read -r status seconds <"$jobs/$k.end"
    rm "$jobs/$k.end"
    case ${kinds[k]} in
    unit)
        run=$(count '^\[==========\] ([0-9]+) test\(s\) run.*' "$output")
        good=$(count '^\[  PASSED  \] ([0-9]+) test.*' "$output")
        skipped=$(count '^\[  SKIPPED \] ([0-9]+) test.*' "$output")
        add "${names[k]}" "$status" "$seconds" "$good" $((run - good - skipped)) ||
            grep -vE '^\[( RUN      |       OK |==========|  PASSED  )\]' "$output"
        ;;
    script)
        add "${names[k]}" "$status" "$seconds" $((status == 0)) $((status != 0)) || cat "$output"
        ;;
    sim)
        cat "$output"
        add "${names[k]}" "$status" "$seconds" "$(count '^sim: ([0-9]+) passed, .*' "$output")" \
            "$(count '^sim: .* ([0-9]+) failed$' "$output")"
        ;;
    esac
}

finish() { # Until at most so many run.
    local ended
    while [ $running -gt "$1" ]; do
        wait -n
        running=$((running - 1))
        for ended in "$jobs"/*.end; do
            [ ! -e "$ended" ] || report "$(basename "$ended" .end)"
        done
    done
}

start() { # kind, name, command...
    local k=${#names[@]}
    kinds+=("$1") names+=("$2")
    shift 2
    finish $((slots - 1))
    (
        SECONDS=0
        LEDGER_TEST=$k timeout -k 5 $SECONDS_MAX "$@" >"$jobs/$k.out" 2>&1
        echo "$? $SECONDS" >"$jobs/$k.writing"
        mv "$jobs/$k.writing" "$jobs/$k.end"
    ) &
    running=$((running + 1))
}

alone() { [[ $ALONE = *[[:space:]]${1##*/}[[:space:]]* ]]; }

case $mode in
test)
    start sim sim "$build/sim" --file tests/sim/seeds.txt --seeds 20
    ;;
check)
    start sim sim "$build/sim" --file tests/sim/seeds.txt --seeds 200 --complete
    start sim 'sim, disk errors' "$build/sim" --seed 13 --nodes 4 --every-call 40
    ;;
esac
for program; do
    [ "$program" = "$build/sim" ] || alone "$program" || start unit "${program##*/}" "$program"
done
start script layers bash tests/layers.sh "$build"
start script patches bash tests/patches.sh
for program in tests/integration/*.sh; do
    [ "$mode" != check ] || alone "$program" || start script "${program##*/}" bash "$program" "$build"
done
finish 0
slots=1
for program; do
    ! alone "$program" || start unit "${program##*/}" "$program"
done
for program in tests/integration/*.sh; do
    [ "$mode" != check ] || ! alone "$program" || start script "${program##*/}" bash "$program" "$build"
done
finish 0
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
