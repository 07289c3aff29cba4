#!/bin/bash
# Fuzzes every decoder for some time, beginning with what is kept of earlier times. What reaches new
# code is kept in tests/fuzz/corpus/ (made small again); what crashes a decoder stays in
# BUILD/fuzz/TARGET/, and its bytes are printed.
# usage: tests/fuzz.sh BUILD SECONDS PROGRAM...      (make fuzz SECONDS=60: for each target)
set -u
build=$1 seconds=$2
shift 2
LENGTH_MAX=4096 # Of an input.

total=0 failed=0
SECONDS=0
for program; do
    target=${program##*/fuzz_}
    corpus=tests/fuzz/corpus/$target
    work=$build/fuzz/$target
    rm -rf "$work"
    mkdir -p "$work/found" "$work/kept" "$corpus"
    if ! "$program" -max_total_time="$seconds" -max_len=$LENGTH_MAX -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="$work/" "$work/found" "$corpus" >"$work/log" 2>&1; then
        failed=$((failed + 1))
        tail -n 30 "$work/log"
        echo "$target: CRASHES"
        continue
    fi
    executions=$(sed -nE 's/^stat::number_of_executed_units: *([0-9]+)$/\1/p' "$work/log")
    covered=$(sed -nE 's/.* cov: ([0-9]+) .*/\1/p' "$work/log" | tail -n 1)
    "$program" -merge=1 -max_len=$LENGTH_MAX "$work/kept" "$corpus" "$work/found" >>"$work/log" 2>&1 &&
        rm -r "$corpus" && mv "$work/kept" "$corpus"
    printf '%-14s %12d executions, %5d edges, %4d inputs kept\n' "$target" "$executions" "$covered" \
        "$(find "$corpus" -type f | wc -l)"
    total=$((total + executions))
done
bash tests/campaign.sh fuzz $total $SECONDS "$failed failed"
echo "$total executions over $# targets; $(($# - failed)) passed, $failed failed"
[ "$failed" = 0 ]
