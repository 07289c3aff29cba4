#!/bin/bash
# The node that a client talks to is killed, at random moments, with at least IN_FLIGHT submissions
# under way: each transaction ends with one outcome, and the client and all ledgers say the same of it.
# The client is tests/examples/pay.py.
# usage: tests/integration/once.sh BUILD      KILLS=6
set -u
build=$1
KILLS=${KILLS-4}
name=once
cluster=$build/once
cli=$build/ledger-cli
NODES=4
PATIENCE_S=60
IN_FLIGHT=20
ACCOUNTS=48
PER_KILL=500 # Transactions, about: none is to be lacking when a node is killed.
. tests/cluster.sh

cluster_up --accounts $ACCOUNTS --balance 1000000
base=$(sed -nE 's/^address = .*:([0-9]+)$/\1/p' "$cluster/cluster.conf" | head -n 1)
urls=()
for ((i = 0; i < NODES; i++)); do urls+=("http://127.0.0.1:$((base + 10 * i + 4))"); done
for ((k = 0; k < KILLS * PER_KILL; k++)); do # Signed beforehand: no node is asked.
    "$cli" transfer "$cluster" --from "$cluster/accounts/$((k % ACCOUNTS)).key" --to "$cluster/accounts/$(((k + 1) % ACCOUNTS)).key" \
        --amount 1 --sequence $((k / ACCOUNTS)) --print || fail 'a transfer cannot be signed'
done >"$cluster/signed"
python3 tests/examples/pay.py "${urls[@]}" <"$cluster/signed" >"$cluster/said" &
loader=$!
under_way() { echo $(($(grep -c '^begin' "$cluster/said") - $(grep -c '^end' "$cluster/said"))); }
talks() { [ "$(under_way)" -ge $IN_FLIGHT ]; }
started=$SECONDS
for ((kill = 1; kill <= KILLS; kill++)); do
    until_true 'the nodes are not all connected' all_connected
    until_true 'the client does not talk' talks
    sleep 0.$((RANDOM % 10))$((RANDOM % 10))
    node=$(grep -E '^begin [0-9]+$' "$cluster/said" | tail -n 1 | cut -d ' ' -f 2) # A line that is whole.
    count=$(under_way)
    kill -KILL "${pids[node]}"
    wait "${pids[node]}" 2>/dev/null
    if [ "$count" -ge $IN_FLIGHT ]; then
        counts+=("$count")
    else
        kill=$((kill - 1)) # This one does not count.
    fi
    start "$node"
    kill -0 $loader 2>/dev/null || fail "the client had not enough to do ($kill kills)"
done
took=$((SECONDS - started))
wait $loader || fail 'the client failed'
loader=
until_true 'the nodes have not executed the same' settled

grep '^end' "$cluster/said" | cut -d ' ' -f 2- | sort >"$cluster/ends"
[ "$(wc -l <"$cluster/ends")" = "$(wc -l <"$cluster/signed")" ] || fail 'not every transaction has ended'
grep -v ' executed [0-9]* [0-9]*$' "$cluster/ends" | head -n 3 | grep . && fail 'these were not executed'
[ "$(cut -d ' ' -f 1 "$cluster/ends" | uniq -d | wc -l)" = 0 ] || fail 'two have one id'
# What the log tells: each once, where the client was told that it is.
height=$(values height status "$cluster" | head -n 1)
curl -sN "${urls[2]}/v1/events?from=0" >"$cluster/events" &
watcher=$!
all_told() { grep -q "^id: $height\$" "$cluster/events"; }
until_true 'the log is not told to its end' all_told
kill $watcher
wait $watcher 2>/dev/null
watcher=
grep -oE '\{"id":"[0-9a-f]{64}","outcome":"[a-z]+","height":[0-9]+,"index":[0-9]+' "$cluster/events" |
    sed -E 's/\{"id":"(.*)","outcome":"(.*)","height":(.*),"index":(.*)/\1 \2 \3 \4/' | sort >"$cluster/told"
cmp "$cluster/ends" "$cluster/told" || fail 'the log tells otherwise'
cut -d ' ' -f 1 "$cluster/ends" >"$cluster/ids"
stop_all
"$cli" inspect "$cluster"/node[0-9] --cluster "$cluster" --ids "$cluster/ids" || fail 'the ledgers differ'
echo "$KILLS kills in $took s with $(printf '%s\n' "${counts[@]}" | sort -n | head -n 1) to $(printf '%s\n' "${counts[@]}" | sort -n | tail -n 1) under way; $(wc -l <"$cluster/ends") transactions, one outcome each"
[ -z "${CAMPAIGN-}" ] || bash tests/campaign.sh once "$KILLS" $took '0 failed'
