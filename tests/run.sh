#!/bin/bash
# Runs the tests one after another, whatever fails, and adds up: the last line is the total.
# usage: tests/run.sh test|check BUILD PROGRAM...      (make test, make check)
#
# What a program counted itself is taken from its output: cmocka's summaries, or a line of
# `N passed, N failed`. One that fails without counting, or that counts nothing, is one failure.
set -u
mode=$1 build=$2
shift 2

SECONDS_MAX=900 # For one program: longer means that it hangs.

passed=0 failed=0
output=$(mktemp)
trap 'rm -f "$output"' EXIT

# How many, where lines of the output match a pattern with the number in parentheses.
count() {
    sed -nE "s/$1/\1/p" "$output" | awk '{ n += $1 } END { print n + 0 }'
}

add() { # name, exit status, passed, failed
    local bad=$4
    if [ "$bad" = 0 ] && { [ "$2" != 0 ] || [ "$3" = 0 ]; }; then
        bad=1
    fi
    passed=$((passed + $3)) failed=$((failed + bad))
    if [ "$bad" = 0 ]; then
        printf '%-28s %5d passed %4d s\n' "$1" "$3" "$SECONDS"
    else
        printf '%-28s %5d passed %4d s  %d FAILED (exit status %d)\n' "$1" "$3" "$SECONDS" "$bad" "$2"
    fi
    [ "$bad" = 0 ]
}

unit() { # program
    SECONDS=0
    timeout -k 5 $SECONDS_MAX "$1" >"$output" 2>&1
    local status=$? run good skipped
    run=$(count '^\[==========\] ([0-9]+) test\(s\) run.*')
    good=$(count '^\[  PASSED  \] ([0-9]+) test.*')
    skipped=$(count '^\[  SKIPPED \] ([0-9]+) test.*')
    add "${1##*/}" $status "$good" $((run - good - skipped)) ||
        grep -vE '^\[( RUN      |       OK |==========|  PASSED  )\]' "$output"
}

script() { # name, command...: one test
    local name=$1 status
    shift
    SECONDS=0
    timeout -k 5 $SECONDS_MAX "$@" >"$output" 2>&1
    status=$?
    add "$name" $status $((status == 0)) $((status != 0)) || cat "$output"
}

simulate() { # name, options...
    local name=$1
    shift
    SECONDS=0
    timeout -k 5 $SECONDS_MAX "$build/sim" "$@" 2>&1 | tee "$output"
    add "$name" "${PIPESTATUS[0]}" "$(count '^sim: ([0-9]+) passed, .*')" \
        "$(count '^sim: .* ([0-9]+) failed$')"
}

for program; do
    [ "$program" = "$build/sim" ] || unit "$program"
done
script layers bash tests/layers.sh "$build"
case $mode in
test)
    simulate sim --file tests/sim/seeds.txt --seeds 20
    ;;
check)
    simulate sim --file tests/sim/seeds.txt --seeds 200 --complete
    simulate 'sim, disk errors' --seed 13 --nodes 4 --every-call 40
    for program in tests/integration/*.sh; do
        [ ! -e "$program" ] || script "${program##*/}" bash "$program" "$build"
    done
    ;;
esac
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
