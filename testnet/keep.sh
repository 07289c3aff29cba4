#!/bin/bash
# Keeps the figures of a run in testnet/results.csv, in place of those that it had before.
# usage: testnet/keep.sh LEDGER-TESTNET EXPERIMENT DIR
set -eu
tool=$1 experiment=$2 directory=$3
file=testnet/results.csv
commit=$(git rev-parse --short=10 HEAD 2>/dev/null || echo unknown)
git diff --quiet HEAD -- . ':!testnet/results.csv' 2>/dev/null || commit=$commit-dirty
{
    read -r head
    read -r line
} < <("$tool" show --csv "$directory")
before=$(tail -n +2 "$file" 2>/dev/null | awk -F, -v e="$experiment" -v run="${line%%,*}" \
    '!($3 == e && $4 == run)')
{
    echo "date,commit,experiment,$head"
    printf '%s' "${before:+$before
}"
    echo "$(date +%F),$commit,$experiment,$line"
} >"$file.new"
mv "$file.new" "$file"
