#!/bin/bash
# The experiments of the DispersedLedger paper, and some of our own, on shaped links on this machine.
# usage: testnet/paper.sh BUILD      (make paper)
# ONLY=spatial,bursty:dl runs only these, of the latter dl alone; RUNS=3 runs each three times.
# What is in build/paper already is not run again, unless it failed; build/paper/REPORT.md is written
# anew each time. The figures are kept in testnet/results.csv, to be committed.
# Exit codes: 0 all ran, with equal ledgers; 1 not.
set -u
build=$1
tool=$build/ledger-testnet
scenarios=testnet/scenarios
out=build/paper
RUNS=${RUNS-1}
ONLY=${ONLY-}
OVERHEAD_S=20 # Of a run: starting, stopping, comparing.

# Experiment, scenario, mode, and what is changed in the scenario: a word for it, and a sed command.
# Baselines have two sizes of block, and are compared by their better one. Sixteen nodes are the
# paper's, on links so slow that two cores carry them; eight have links five times as fast, on
# which TCP is less of a limit, and blocks of the paper's size. Large blocks make few epochs: one
# more or less of them is much of a ledger. What was dispersed in the warm-up is confirmed after it: what
# is compared takes as long.
plan='
spatial      spatial        dl
spatial      spatial        hb-link
spatial      spatial        hb-link     8MB     s/^block = .*/block = 8 MB/
spatial      spatial        hb
spatial      spatial        hb          8MB     s/^block = .*/block = 8 MB\nheight_floor = 0.25/
spatial      spatial        dl          all     s/^seed = .*/seed = 1\nretrieval = all/
spatial      spatial        hb-link     8MB-all s/^seed = .*/seed = 1\nretrieval = all/; s/^block = .*/block = 8 MB\nheight_floor = 0.25/
spatial      spatial        hb          8MB-all s/^seed = .*/seed = 1\nretrieval = all/; s/^block = .*/block = 8 MB\nheight_floor = 0.25/
spatial      spatial        dl          8nodes  s/^nodes = .*/nodes = 8/; s/^scale = .*/scale = 0.2/; s/^block = .*/block = 1 MB/
spatial      spatial        hb          8nodes  s/^nodes = .*/nodes = 8/; s/^scale = .*/scale = 0.2/; s/^block = .*/block = 1 MB/
temporal     temporal       dl
temporal     temporal       dl          lag60s  s/^seed = .*/seed = 1\nlag_target = 60 s/
temporal     temporal       dl          fixed   s/gauss-markov/constant/; s/^mean/rate/; /^deviation/d; /^correlation/d
temporal     temporal       hb
temporal     temporal-fast  dl
temporal     temporal-fast  hb
bursty       bursty         dl
bursty       bursty         hb-link
bursty       bursty         hb-link     8MB     s/^block = .*/block = 8 MB\nheight_floor = 0.25/
bursty       bursty         hb
bursty       bursty         hb          8MB     s/^block = .*/block = 8 MB\nheight_floor = 0.25/
bursty       bursty         dl          8nodes  s/^nodes = .*/nodes = 8/; s/^scale = .*/scale = 0.2/; s/^block = .*/block = 1 MB/; s/^duration = .*/duration = 120 s/
bursty       bursty         hb-link     8nodes  s/^nodes = .*/nodes = 8/; s/^scale = .*/scale = 0.2/; s/^block = .*/block = 1 MB/; s/^duration = .*/duration = 120 s/
bursty       bursty         hb          8nodes  s/^nodes = .*/nodes = 8/; s/^scale = .*/scale = 0.2/; s/^block = .*/block = 1 MB/; s/^duration = .*/duration = 120 s/
geo          geo            dl
geo          geo            dl-coupled
geo          geo            hb-link
geo          geo            hb
latency      latency        dl          20kB
latency      latency        dl          50kB    s/^rate = 20 kB/rate = 50 kB/
latency      latency        dl          100kB   s/^rate = 20 kB/rate = 100 kB/
latency      latency        hb          100kB   s/^rate = 20 kB/rate = 100 kB/
latency      latency-16     dl
latency      latency-16     dl          7nodes  s/^nodes = .*/nodes = 7/; s/^rate = .* # A node.*/rate = 143 kB\/s/
latency      latency-16     dl          half    s/^rate = .* # A node.*/rate = 312 kB\/s/
scale        scale-4        dl
scale        scale-16       dl
scale        scale-32       dl
scale        scale-64       dl
scale        scale-16       dl          500kB   s/^block = .*/block = 12.5 MB/; s/^duration = .*/duration = 480 s/
scale        scale-64       dl          500kB   s/^scale = .*/scale = 0.04\ndata = disk/; s/^block = .*/block = 12.5 MB/; s/^duration = .*/duration = 480 s/
slow-node    slow-node      dl
slow-node    slow-node      dl          equal   s/^rate = 1 MB/rate = 10 MB/
slow-node    slow-node      hb
tiers        tiers          dl
tiers        tiers          hb
censorship   censorship     dl
censorship   censorship     hb
blip         blip           dl
catch-up     catch-up       dl
catch-up     catch-up       dl          nobody  /^.events./,$d
'

order=$(awk 'NF { print $1 }' <<<"$plan" | uniq)
known=$(awk 'NF { print $1; print $1 ":" $3 }' <<<"$plan")
for name in ${ONLY//,/ }; do
    grep -qx -- "$name" <<<"$known" ||
        { echo "paper: there is no experiment $name; there are: ${order//$'\n'/ }" >&2; exit 1; }
done

wanted() { [ -z "$ONLY" ] || [[ ,$ONLY, = *,$1,* || ,$ONLY, = *,$1:$2,* ]]; }
seconds_of() { # key, scenario, change
    sed "$3" "$scenarios/$2.conf" | sed -nE "s/^$1 = ([0-9]+) s\$/\1/p"
}
each() { # command: gets experiment, scenario, mode, change, directory
    local experiment scenario mode word change k
    while read -r experiment scenario mode word change; do
        [ -n "$experiment" ] || continue
        wanted "$experiment" "$mode" || continue
        for ((k = 1; k <= RUNS; k++)); do
            "$1" "$experiment" "$scenario" "$mode" "$change" \
                "$out/$experiment/$scenario-$mode${word:+-$word}-$k"
        done
    done <<<"$plan"
}

total_s=0
done_already() { [ -e "$1/summary.json" ] && [ ! -e "$1/failed" ]; } # directory
count() {
    done_already "$5" ||
        total_s=$((total_s + $(seconds_of warmup "$2" "$4") + $(seconds_of duration "$2" "$4") + OVERHEAD_S))
}
each count
echo "about $(((total_s + 59) / 60)) minutes"

failed=0
run() {
    done_already "$5" && return
    rm -rf "$5"
    mkdir -p "$(dirname "$5")"
    local file=$out/$1/$2.conf
    sed "${4:-}" "$scenarios/$2.conf" >"$file"
    cp "$scenarios"/*.csv "$out/$1/"
    echo "$(date +%H:%M) $5"
    if "$tool" run "$file" --mode "$3" --out "$5" --name paper >"$out/$1/last.txt" </dev/null; then
        bash testnet/keep.sh "$tool" "$1" "$5"
    else
        touch "$5/failed"
        failed=$((failed + 1))
    fi
}
each run

# shellcheck disable=SC2086 # Words on purpose.
bash testnet/report.sh "$tool" "$out" $order >"$out/REPORT.md"
echo "$out/REPORT.md"
[ $failed = 0 ] || { echo "paper: $failed runs failed: above is why" >&2; exit 1; }
