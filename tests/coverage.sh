#!/bin/bash
# What of the protocol (ba, vid, the core) no simulated cluster does: lines of which a branch goes one
# way only, for whoever looks for seeds, and lines that are never reached. Of those each must stand in
# tests/sim/unreached.txt, with a reason. Asserts apart.
# usage: tests/coverage.sh BUILD SEEDS      (make sim-coverage SEEDS=1000)
set -u
build=$1 seeds=$2
. tests/core.sh
find "$build" -name '*.gcda' -delete
for seed in 4 11 12 13; do "$build/sim" --seed $seed --trace >/dev/null; done
"$build/sim" --file tests/sim/seeds.txt --seeds "$seeds" | tail -n 1
shopt -s extglob nullglob

lines_of() { # source: as gcov has counted them
    gcov -b -c -t -o "$build/${1%.c}.o" "$1" 2>/dev/null | awk -v file="$1" '
        / 0:Source:/ { ours = index($0, ":" file) > 0 } # And not of a header.
        !ours { next }
        /^ *(-|#####|=====|[0-9]+\*?): *[0-9]+:/ {
            split($0, part, ":")
            line = part[2] + 0
            text = substr($0, index($0, part[2] ":") + length(part[2]) + 1)
            sub(/^ */, "", text)
            if (part[1] ~ /#####/ && text !~ /assert/) print "never", file, line, text
            next
        }
        /^branch .*(taken 0|never executed)/ && text !~ /assert/ && !(line in said) &&
            part[1] !~ /#####/ { said[line]; print "one way only", file, line, text }'
}

excused() { # Takes out what stands in the list.
    awk 'FNR == NR { if (!/^#/) { sub(/ *\|.*/, ""); list[++n] = $0 } next }
        {
            line = $0
            sub(/^never /, "", line)
            sub(/ [0-9]+ /, " ", line)
            for (k = 1; k <= n; k++) if (index(line, list[k]) == 1) next
            print
        }' tests/sim/unreached.txt -
}

all=$(for source in ba/*.c vid/*.c node/@($core).c; do lines_of "$source"; done)
grep '^one way' <<<"$all"
never=$(grep '^never' <<<"$all" | excused)
[ -z "$never" ] || { echo "$never"; exit 1; }
[ -n "$all" ] && echo 'all other lines are reached'
