#!/bin/bash
# Each patch of tests/mutants/ is a bug. Built into a copy of this tree, it must be caught: a unit test
# fails, or else one of 200 simulated clusters, or one in which a disk fails at each of its calls, or
# else real nodes forget what they said when their power is cut. The tree as it is must pass all of
# that first, or its own failures would pass for catches. usage: tests/mutants.sh BUILD PROGRAM...
# What caught each is written to caught.txt beside the patches, to be committed.
# PATCHES=tests/mutants/search: those that an exhaustive search must find; the programs are it then,
# each with an argument if need be, the quick ones first.
set -u
shopt -s nullglob
build=$1
shift
SEEDS=200
SEEDS_AT_A_TIME=10
CUTS=20
PATCHES=${PATCHES-tests/mutants}
SECONDS_MAX=${SECONDS_MAX-300} # For one program: a bug that makes it hang is caught, too.

export UNTIMED=1 # A machine that is busy is no bug.

work=$build/mutants
rm -rf "$work"
mkdir -p "$work"

# Prints which one fails, here, and what a search calls broken; nothing when all pass.
caught_by() { # program...
    local program first
    : >"$log"
    for program; do
        [ "$program" != "$build/sim" ] || continue
        # shellcheck disable=SC2086 # A program and its argument.
        if ! timeout -k 5 $SECONDS_MAX $program >>"$log" 2>&1; then
            echo "${program##*/}$(sed -nE 's/^broken: (.*), after.*/: \1/p' "$log" | head -n 1)"
            return
        fi
    done
    [[ " $* " = *" $build/sim "* ]] || return
    for ((first = 1; first <= SEEDS; first += SEEDS_AT_A_TIME)); do
        if ! timeout -k 5 $SECONDS_MAX "$build/sim" --first $first --seeds $SEEDS_AT_A_TIME \
            >"$log" 2>&1; then
            sed -nE 's/^(seed [0-9]+).*: ([A-Z]+).*/\1: \2/p' "$log" | head -n 1 | grep . ||
                echo "seeds from $first on: no verdict"
            return
        fi
    done
    if ! "$build/sim" --seed 13 --nodes 4 --every-call 40 >"$log" 2>&1; then
        echo 'a disk that fails'
        return
    fi
    CUTS=$CUTS SEED=1 timeout -k 5 $SECONDS_MAX bash tests/integration/power.sh "$build" \
        >"$log" 2>&1 || echo 'power cuts'
}

mutant() { # patch, program...: prints the verdict, fails if it is not "caught"
    local patch=$PWD/$1 tree by log=mutant.log
    tree=$work/$(basename "$1" .patch)
    shift
    local targets=("${@%% *}")
    [ "$PATCHES" != tests/mutants ] || targets+=(tools)
    mkdir -p "$tree/$build"
    cp -a Makefile packages.txt crypto vid ba node storage net testnet tests "$tree/"
    # Objects with their times, so that only what the patch touches is compiled.
    cp -a "$build"/{command,ledger.a,testnet.a,crypto,vid,ba,node,storage,net,testnet,tests} "$tree/$build/"
    cd "$tree" || exit 1
    if ! { patch -p1 --batch --fuzz=0 <"$patch" && [ -s "$patch" ]; } >"$log" 2>&1; then
        echo 'does NOT APPLY'
    elif ! make --no-print-directory "${targets[@]}" >"$log" 2>&1; then
        echo 'does NOT BUILD'
    else
        by=$(caught_by "$@")
        echo "${by:-SURVIVES}"
        [ -n "$by" ]
        return
    fi
    cat "$log" >&2
    return 1
}

row() { # name, verdict
    printf '%-29s %-42s %4d s\n' "$1" "$2" "$SECONDS"
}

SECONDS=0
log=$work/none.log
by=$(caught_by "$@")
row '(none)' "${by:-passes}"
[ "$PATCHES" = tests/mutants ] || grep -E '[0-9] states' "$log" # How far they went.
if [ -n "$by" ]; then
    cat "$log" >&2
    echo 'mutants: the tree fails without them, so that nothing can be shown'
    exit 1
fi

total=$SECONDS passed=0 failed=0
: >"$work/caught"
for patch in "$PATCHES"/*.patch; do
    SECONDS=0
    if verdict=$(mutant "$patch" "$@"); then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
    row "$(basename "$patch" .patch)" "$verdict"
    printf '%-32s %s\n' "$(basename "$patch" .patch)" "$verdict" >>"$work/caught"
    total=$((total + SECONDS))
done
sort -n "$work/caught" >"$PATCHES/caught.txt"
bash tests/campaign.sh "${PATCHES##*/}" $((passed + failed)) $total "$failed survive"
echo "$passed caught, $failed not"
[ "$failed" = 0 ]
