#!/bin/bash
# Power cuts: nodes under load are killed, all at once or one, and start again from what a disk
# might have held then: kill -9 alone does not show that a sync was forgotten, since the kernel
# keeps what was written. Clients note what was acknowledged, and resubmit nothing. Every image
# must be sound; in the end all that was acknowledged is executed everywhere, and no node has heard
# another vote twice, and differently.
# usage: tests/integration/power.sh BUILD      CUTS=200 so many restarts at least; SEED=1
set -u
build=$1
name=power
cluster=$build/power
cli=$build/ledger-cli
NODES=4
PATIENCE_S=60
CUTS=${CUTS-20}
SEED=${SEED-$RANDOM}
TRANSFERS=2000 # Of one account to one node; more than it takes before it is killed.
. tests/cluster.sh

start() { # node
    LD_PRELOAD=$build/undo.so "$build/ledger-node" "$cluster/node$1" 2>>"$cluster/node$1.log" &
    pids[$1]=$!
}

RANDOM=$SEED
rounds=$(((2 * CUTS + NODES) / (NODES + 1))) # All four, then one, and so on.
echo "seed $SEED, $rounds rounds"
cluster_up --accounts $((NODES * rounds + NODES)) --balance 1000000

submitters=()
submit() { # round
    local i account
    submitters=()
    for ((i = 0; i < NODES; i++)); do
        account=$((NODES * $1 + i))
        "$build/tests/integration/transfers" "$cluster/cluster.conf" \
            "$cluster/accounts/$account.key" "$cluster/accounts/$i.key" $TRANSFERS \
            >"$cluster/transfers.$i" || fail 'no transfers could be signed'
        "$cli" submit "$cluster" --node $i --file "$cluster/transfers.$i" --batch 8 --timeout 1 \
            --ids "$cluster/ids.$1.$i" >/dev/null 2>&1 &
        submitters+=($!)
    done
}

kill_nodes() { # node...
    local i victims=()
    for i; do victims+=("${pids[i]}"); done
    kill -KILL "${victims[@]}"
    wait "${victims[@]}"
    for i; do unset "pids[$i]"; done
}

cut_power() { # node...: kills them in one moment, and makes their disks
    local i stores=() now taken
    for i; do stores+=("$cluster/node$i/data/consensus" "$cluster/node$i/data/ledger"); done
    kill_nodes "$@" 2>/dev/null # The shell speaks of each that was killed.
    read -r now taken < <("$build/tests/power/cut" $((SEED * 1000 + round)) "${stores[@]}") ||
        fail 'no disk could be made'
    pending=$((pending + now)) taken_back=$((taken_back + taken)) cuts=$((cuts + $#))
    for i; do
        "$cli" inspect "$cluster/node$i" --cluster "$cluster" >"$cluster/inspect" ||
            { cat "$cluster/inspect"; fail "the disk of node $i is not as it should be"; }
    done
}

pending=0 taken_back=0 cuts=0
for ((round = 0; round < rounds; round++)); do
    submit $round
    sleep "0.$((RANDOM % 5 + 1))$((RANDOM % 10))"
    running
    for i in "${submitters[@]}"; do # Each waits for what a node says to 8 transfers.
        kill -0 "$i" 2>/dev/null || fail 'the load had ended before the power went'
    done
    if ((round % 2 == 0)); then
        victims=(0 1 2 3)
    else
        victims=($((RANDOM % NODES)))
    fi
    cut_power "${victims[@]}"
    for i in "${victims[@]}"; do start "$i"; done
    for i in "${!submitters[@]}"; do # Those of the victims find out by themselves.
        [[ " ${victims[*]} " = *" $i "* ]] || kill -KILL "${submitters[i]}" 2>/dev/null
    done
    wait "${submitters[@]}" 2>/dev/null
    until_true 'the nodes are not all connected' all_connected
done
until_true 'the nodes have not executed the same' settled
stop_all

grep -hxE '[0-9a-f]{64}' "$cluster"/ids.* >"$cluster/ids" # A killed client wrote half a line.
echo "$cuts restarts; $(wc -l <"$cluster/ids") transfers acknowledged;" \
    "$taken_back of $pending sectors that were not synced taken back"
[ $taken_back -gt 0 ] || fail 'no power cut took anything back: this shows nothing'
[ "$(wc -l <"$cluster/ids")" -gt $((10 * rounds)) ] || fail 'too few transfers were acknowledged'
! grep -h ' kind=' "$cluster"/node?.log || fail 'correct nodes were caught at lies'
"$cli" inspect "$cluster"/node[0-9] --cluster "$cluster" --ids "$cluster/ids" ||
    fail 'the ledgers are not as they should be'
[ -z "${CAMPAIGN-}" ] || bash tests/campaign.sh power $cuts $SECONDS '0 failed'
