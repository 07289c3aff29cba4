#!/bin/bash
# Simulated clusters of new seeds for some hours, on all cores; each that fails is printed with its
# seed. usage: tests/night.sh BUILD HOURS      (make sim-night HOURS=8)
set -u
build=$1 hours=$2
AT_A_TIME=100 # Seeds of one process.
end=$(awk -v now="$(date +%s)" -v hours="$hours" 'BEGIN { printf "%d", now + hours * 3600 }')
first=$(($(date +%s) * 1000)) # Nobody had these before.
work=$build/night
rm -rf "$work"
mkdir -p "$work"
trap 'kill $(jobs -p) 2>/dev/null; wait; exit 1' HUP INT TERM

one_core() { # number
    local k
    for ((k = $1; $(date +%s) < end; k += cores)); do
        "$build/sim" --first $((first + k * AT_A_TIME)) --seeds $AT_A_TIME >"$work/$k" 2>&1 ||
            grep '^seed' "$work/$k"
        sed -nE -e 's/^sim: ([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' -e 's/.*: CRASHED$/0 1/p' \
            "$work/$k" >>"$work/counts.$1"
    done
}

cores=$(nproc)
SECONDS=0
echo "seeds from $first on, until $(date -d "@$end" +%H:%M)"
for ((core = 0; core < cores; core++)); do one_core $core & done
wait
read -r passed failed < <(cat "$work"/counts.* | awk '{ p += $1; f += $2 } END { print p + 0, f + 0 }')
bash tests/campaign.sh sim $((passed + failed)) $SECONDS "$failed failed"
echo "sim: $passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
