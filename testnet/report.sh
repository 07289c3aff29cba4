#!/bin/bash
# Prints what is in a directory of experiments, each beside the paper's figures.
# usage: testnet/report.sh LEDGER-TESTNET DIR EXPERIMENT...
set -u
tool=$1
out=$2
shift 2

# What the paper has, and how its measurement differs from ours.
paper_of() {
    case $1 in
    spatial) cat <<'END' ;;
The paper (16 nodes, MB/s a node): HB 3.93, HB-Link 5.44, DL 6.34; confirmed of the cap 0.29, 0.40, 0.46; DL/HB 1.61,
DL/HB-Link 1.17. There: machines of their own, no Merkle checks, no coin, no authentication, constant payloads. Here:
all of it, on this machine, rates scaled by what the first line says.
END
    temporal) cat <<'END' ;;
The paper (MB/s a node, varying rates): HB 1.88, HB-Link 2.60, DL 3.17; loss against fixed rates: HB 20 %, HB-Link 25 %,
DL 6 %. Here the figures are related to each trace's own mean.
END
    geo) cat <<'END' ;;
The paper (16 sites of AWS, real links): HB 17.58, HB-Link 25.64, DL-Coupled 31.63, DL 36.01; DL/HB 2.05. Here delays
are public figures for such sites, and rates are drawn.
END
    latency) cat <<'END' ;;
The paper (17 sites, p50 / p95 in ms): at 2.1 MB/s DL 728 / 946, HB 893 / 1264; at 10.6 MB/s DL 743 / 964, HB 1698 / 2434.
Here it is the time until the node that took a transaction has executed it.
END
    scale) cat <<'END' ;;
The paper (1 MB blocks, cap 10 MB/s, MB/s a node): 3.77, 3.59, 3.26, 3.08 with 16, 32, 64, 128 nodes.
END
    *) echo "The paper has no such experiment." ;;
    esac
}

# What the table of all runs does not say, of one experiment's runs.
more_of() { # experiment, directories
    local experiment=$1
    shift
    case $experiment in
    latency) latencies "$@" ;;
    censorship) own_shares "$@" ;;
    blip) lags "$@" 30:40 ;;
    catch-up) lags "$@" 20:80 ;;
    esac
}

latencies() {
    echo 'Mean over nodes, ms, of own transactions           p50      p95'
    for directory; do
        awk -F, -v run="$(basename "$directory")" 'NR > 1 && $5 != "" { p50 += $5; p95 += $6; n++ }
            END { if (n) printf "%-45s %8.0f %8.0f\n", run, p50 / n, p95 / n }' "$directory/latency.csv"
    done
}

# Of each node's own transactions the share that was executed when the load ended.
own_shares() {
    echo 'Executed of what each node was given, by node'
    for directory; do
        printf '%s\n ' "$(basename "$directory")"
        for ((i = 0; ; i++)); do
            [ -s "$directory/load$i.json" ] || break
            sed -nE 's/.*"sent":([0-9]+).*"executed":([0-9]+).*/\1 \2/p' "$directory/load$i.json"
        done | awk '{ printf " %.2f", $1 ? $2 / $1 : 0 } END { print "" }'
    done
}

# Before, during and after what happens from A to B s of the measured part: MB/s that the median
# node confirms, and how many epochs the last one is behind what is agreed.
lags() { # directories..., A:B
    local span=${*: -1}
    for directory in "${@:1:$#-1}"; do
        echo "$(basename "$directory"): 10 s from, MB/s a node (least, median, most), most epochs behind"
        awk -F, -v warmup="$(sed -nE 's/^warmup = ([0-9]+) s.*/\1/p' "$directory/scenario.conf")" \
            -v from="${span%:*}" -v to="${span#*:}" '
            NR > 1 {
                k = int(($1 - warmup) / 10)
                if ($1 < warmup) next
                if (!((k, $2) in first)) first[k, $2] = $5
                last[k, $2] = $5
                if ($2 > nodes) nodes = $2
                if ($3 - $4 > behind[k]) behind[k] = $3 - $4
                if (k > most) most = k
            }
            END {
                for (k = 0; k < most; k++) {
                    n = 0
                    for (i = 0; i <= nodes; i++)
                        if ((k, i) in first) {
                            mb_s = (last[k, i] - first[k, i]) / 9e6
                            for (j = n++; j > 0 && v[j - 1] > mb_s; j--) v[j] = v[j - 1]
                            v[j] = mb_s
                        }
                    printf "%5d %8.3f %8.3f %8.3f %6d%s\n", 10 * k, v[0], v[int(n / 2)], v[n - 1],
                        behind[k], (10 * k >= from && 10 * k < to ? "  *" : "")
                }
            }' "$directory/series.csv"
    done
}

echo '# Experiments'
echo
echo "On $(nproc) cores of $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(uname -sr). Written by" \
    '`make paper`; each directory has the series, events, latencies and settings of its run.'
for name; do
    runs=$(ls -d "$out/$name/"*/summary.json 2>/dev/null) || continue
    echo
    echo "## $name"
    echo
    paper_of "$name"
    echo
    echo '```'
    # shellcheck disable=SC2046,SC2086 # Words on purpose.
    "$tool" show $(dirname $runs)
    # shellcheck disable=SC2046,SC2086
    more_of "$name" $(dirname $runs)
    echo '```'
done
