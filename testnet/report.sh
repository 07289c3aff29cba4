#!/bin/bash
# Prints what is in a directory of experiments, each beside the paper's figures.
# usage: testnet/report.sh LEDGER-TESTNET DIR
set -u
tool=$1
out=$2

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

echo '# Experiments'
echo
echo "On $(nproc) cores of $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(uname -sr). Written by" \
    '`make paper`; each directory has the series, events, latencies and settings of its run.'
for directory in "$out"/*/; do
    name=$(basename "$directory")
    runs=$(ls -d "$directory"*/summary.json 2>/dev/null) || continue
    echo
    echo "## $name"
    echo
    paper_of "$name"
    echo
    echo '```'
    # shellcheck disable=SC2086 # Words on purpose.
    "$tool" show $(dirname $runs)
    echo '```'
done
