#!/bin/bash
# Which branches of the protocol no simulated cluster takes: lines of ba, vid and the core of which a
# branch was never taken, or that were never reached; asserts apart.
# usage: tests/coverage.sh BUILD SEEDS      (make sim-coverage SEEDS=1000)
set -u
build=$1 seeds=$2
core='ahead|block|delivery|dispersal|epoch|event|history|link|message|mode|node|pace|propose|retrieval|status|window'
find "$build" -name '*.gcda' -delete
"$build/sim" --seed 4 --trace >/dev/null
"$build/sim" --file tests/sim/seeds.txt --seeds "$seeds" | tail -n 1
shopt -s extglob nullglob
missing=0
for source in ba/*.c vid/*.c node/@($core).c; do
    object=$build/${source%.c}.o
    [ -e "${object%.o}.gcda" ] || { echo "$source: never called"; continue; }
    gcov -b -c -t -o "$object" "$source" 2>/dev/null | awk -v file="$source" '
        / 0:Source:/ { ours = index($0, ":" file) > 0 } # And not of a header.
        !ours { next }
        /^ *(-|#####|=====|[0-9]+\*?): *[0-9]+:/ {
            split($0, part, ":")
            line = part[2] + 0
            text = substr($0, index($0, part[2] ":") + length(part[2]) + 1)
            if (part[1] ~ /#####/ && text !~ /assert/) { print file ":" line ": never: " text; n++ }
            next
        }
        /^branch .*(taken 0|never executed)/ && text !~ /assert/ && !(line in said) &&
            part[1] !~ /#####/ { said[line]; print file ":" line ": one way only: " text; n++ }
        END { exit n > 250 ? 250 : n }'
    missing=$((missing + PIPESTATUS[1]))
done
echo "$missing lines"
