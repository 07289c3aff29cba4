#!/bin/bash
# The HTTP API from outside: what the README shows, as it stands there; what is refused, and how; who
# waits; and events, followed through kills of the node, by many, and by one who hardly reads.
# usage: tests/integration/api.sh BUILD
set -u
build=$1
name=api
cluster=$build/api
cli=$build/ledger-cli
NODES=4
PATIENCE_S=60
checkpoint_epochs=10
. tests/cluster.sh

followers=()
stop_followers() {
    [ ${#followers[@]} = 0 ] || { kill "${followers[@]}"; wait "${followers[@]}"; }
    followers=()
} 2>/dev/null
trap 'stop_followers; cleanup' EXIT

cluster_up --accounts 10 --balance 1000000
base=$(sed -nE 's/^address = .*:([0-9]+)$/\1/p' "$cluster/cluster.conf" | head -n 1)
at() { echo "http://127.0.0.1:$((base + 10 * $1 + 4))/v1"; } # node
url=$(at 0)

# The README's block of commands with curl: of its own cluster, the first node's port.
"$cli" load "$cluster" --count 1 --amount 0 --ids "$cluster/id" >/dev/null || fail 'the load failed'
awk '/^```/ { inside = !inside; if (!inside && block ~ /curl/) printf "%s", block; block = ""; next }
     inside { block = block $0 "\n" }' README.md |
    sed "s|build/c|$cluster|g; s|build/ledger|$build/ledger|g; s|127\.0\.0\.1:27004|127.0.0.1:$((base + 4))|g" >"$cluster/readme.sh"
[ "$(grep -c curl "$cluster/readme.sh")" -ge 8 ] || fail 'the README shows no use of the API'
bash -eu -o pipefail "$cluster/readme.sh" >"$cluster/readme.out" 2>&1 || { cat "$cluster/readme.out" >&2; fail 'what the README shows fails'; }
for word in '"outcome":"executed"' '"balance":1000005' '"state":"current"' '"position":0' 'which [0-9]* nodes have signed' '^data: {"position":0'; do
    grep -q "$word" "$cluster/readme.out" || fail "what the README shows does not say $word ($cluster/readme.out)"
done

# What is refused: the code, and a sentence.
says() { # code, words, arguments of curl...
    local code=$1 words=$2 got
    shift 2
    got=$(curl -s -o "$cluster/said" -w '%{http_code}' --max-time 20 "$@")
    [ "$got" = "$code" ] && grep -q "$words" "$cluster/said" ||
        fail "curl $*: $got for $code, $(cat "$cluster/said")"
}
json=(-H 'Content-Type: application/json')
none=$(printf 'ab%.0s' {1..32})
says 404 '"outcome":"unknown"' "$url/transactions/$none"
says 404 'an id has 64 hex digits' "$url/transactions/12"
says 404 'an id has 64 hex digits' "$url/transactions/$none/proof"
says 404 'not executed here' "$url/transactions/$none/receipt"
says 400 'wait is a number of seconds, at most 60' "$url/transactions/$none?wait=61"
says 400 'wait is a number' "$url/transactions/$none?wait=-1"
says 404 'its public key' "$url/accounts/x"
says 404 'no such account' "$url/accounts/$none/proof"
says 200 '"balance":0,' "$url/accounts/$none"
says 404 'no such block' "$url/blocks/123456789"
says 404 'a position, a number' "$url/blocks/-1"
says 400 'at most 100' "$url/blocks?count=101"
says 200 '^\[\]$' "$url/blocks?from=123456789"
says 400 'at least 1' "$url/consistency"
says 409 'no signed checkpoint' "$url/consistency?height=123456789"
says 404 'this application answers no queries' "$url/query/6b"
says 404 'a query is 1 to 4096 bytes' "$url/query/6"
says 404 'a query is 1 to 4096 bytes' "$url/query/"
says 404 'a query is 1 to 4096 bytes' "$url/query/6x"
says 404 'a query is 1 to 4096 bytes' "$url/query/$(printf '%08194d' 0)"
says 404 'answers no queries' "$url/query/$(printf '%08192d' 0)"
says 404 'openapi.json says what there is' "$url/nothing"
says 405 'submitted with POST' "$url/transactions"
says 405 'this is read' -X POST -d x "$url/status"
says 405 'Only GET, HEAD and POST' -X DELETE "$url/status"
says 405 'This is read' -X POST -d x "${url%/v1}/metrics"
says 415 'application/json' -d '{"transaction":"ab"}' "$url/transactions"
for body in '' '{}' '{"transaction":""}' '{"transaction":"abc"}' '{"transaction":"zz"}' '[' '{"transaction":"ab","more":1}' '{"transaction":12}'; do
    says 400 'a body is {' "${json[@]}" -d "$body" "$url/transactions"
done
says 400 '"outcome":"malformed"' "${json[@]}" -d '{"transaction":"ab"}' "$url/transactions"
says 413 'At most' "${json[@]}" -d @<(head -c 200000 /dev/zero | tr '\0' a) "$url/transactions"
says 400 'from is a position' "$url/events?from=x"
transfer() { # amount, more options: prints it
    "$cli" transfer "$cluster" --from "$cluster/accounts/2.key" --to "$cluster/accounts/3.key" --amount "$@" --print
}
post() { echo "{\"transaction\":\"$1\"}"; }
too_much=$(transfer 2000000)
says 200 '"outcome":"failed","height":[0-9]*,"index":[0-9]*,"reason":"the sender' "${json[@]}" -d "$(post "$too_much")" "$url/transactions?wait=30"
says 200 '"outcome":"failed"' "${json[@]}" -d "$(post "$too_much")" "$(at 3)/transactions" # Elsewhere: the one outcome.
says 422 '"outcome":"invalid","reason":"its sequence number was used' "${json[@]}" -d "$(post "$(transfer 1 --sequence 0)")" "$url/transactions"
says 503 '"outcome":"overloaded","retry_ms":' "${json[@]}" -d "$(post "$(transfer 1 --sequence 99)")" "$url/transactions"
curl -s -D - -o /dev/null "${json[@]}" -d "$(post "$(transfer 1 --sequence 99)")" "$url/transactions" | grep -qi '^retry-after: 1' || fail 'it is not said when to come again'
# Another node hears of what this one is given, as soon as it is executed.
waited=$(transfer 1)
id=$(curl -s "${json[@]}" -d "$(post "$waited")" "$url/transactions" | grep -oE '[0-9a-f]{64}')
says 200 '"outcome":"executed"' "$(at 2)/transactions/$id?wait=30"
says 200 '"receipt":1' "$(at 2)/transactions/$id/receipt?wait=60"
"$cli" verify "$cluster/said" --cluster "$cluster/cluster.conf" >/dev/null || fail 'a receipt over HTTP does not verify'
# So it is with a client of the other kind, while a node that is asked knows nothing of it.
kill -STOP "${pids[2]}" "${pids[3]}"
id=$(curl -s "${json[@]}" -d "$(post "$(transfer 1)")" "$url/transactions" | grep -oE '[0-9a-f]{64}')
"$cli" receipt "$cluster" "$id" --node 1 2>&1 | grep -q 'does not know that it was executed' || fail 'a receipt before it is executed'
"$cli" receipt "$cluster" "$id" --node 1 --wait 60 >"$cluster/said" &
waiting=$!
sleep 0.5
kill -CONT "${pids[2]}" "${pids[3]}"
wait $waiting || fail 'a receipt is not waited for'
"$cli" verify "$cluster/said" --cluster "$cluster/cluster.conf" >/dev/null || fail 'a receipt that was waited for does not verify'
public=$(sed -n 's/^public = //p' "$cluster/accounts/3.key")
says 200 '"holding":1' "$(at 2)/accounts/$public/proof?wait=60"
"$cli" verify "$cluster/said" --cluster "$cluster/cluster.conf" | grep 'balance 100000[0-9]' || fail 'what an account holds does not verify'
began=$SECONDS
says 404 'unknown' "$url/transactions/$none?wait=2"
[ $((SECONDS - began)) -ge 2 ] || fail 'it does not wait'
echo 'what is refused is refused'

# One follows node 1, which is killed again and again, and goes on where it was.
follow() { # node, file: until it is killed
    local last=0
    while true; do
        curl -sN -H "Last-Event-ID: $last" "$(at "$1")/events" >>"$2"
        last=$(grep -oE '^id: [0-9.]+' "$2" | tail -n 1 | cut -c 5-)
        last=${last:-0}
        sleep 0.2
    done
}
reader() { # node, bytes a second, file: all that there is, slowly
    curl -sN --limit-rate "$2" "$(at "$1")/events?from=0" >"$3"
}
follow 1 "$cluster/followed" &
followers+=($!)
reader 0 60k "$cluster/slow" &
followers+=($!)
"$cli" load "$cluster" --node 0 --rate 300 --duration 12 --ids "$cluster/load.ids" >/dev/null &
loader=$!
for k in 1 2 3; do
    sleep 3
    kill -KILL "${pids[1]}"
    wait "${pids[1]}" 2>/dev/null
    start 1
done
wait $loader || fail 'the load failed'
loader=
until_true 'the nodes have not executed the same' settled
height=$(values height status "$cluster" | head -n 1)
followed() { grep -q "^id: $height\$" "$cluster/$1"; }
until_true 'not all is told to who was cut off' followed followed
until_true 'not all is told to who reads slowly' followed slow
stop_followers
for file in followed slow; do
    grep -oE '"id":"[0-9a-f]{64}"' "$cluster/$file" | cut -c 7-70 | sort >"$cluster/$file.ids"
    [ "$(uniq -d "$cluster/$file.ids" | wc -l)" = 0 ] || fail "$file: something is told twice"
    sort "$cluster/load.ids" | comm -23 - "$cluster/$file.ids" | head -n 1 | grep . && fail "$file: it is not told of this"
    grep -oE '^data: \{"position":[0-9]+' "$cluster/$file" | grep -oE '[0-9]+$' | sort -nc || fail "$file: out of order"
done
cmp "$cluster/followed.ids" "$cluster/slow.ids" || fail 'two are told differently'
echo "$(wc -l <"$cluster/followed.ids") transactions told once each, by a node that was killed three times"

# Who trusts no node hears the same; and goes on where it was.
"$cli" follow "$cluster" --node 2 --verify --json --count 3 --state "$cluster/follow.state" >"$cluster/proven" || fail 'what is proven cannot be followed'
proven=$(grep -oE '"height": ?[0-9]+' <<<"$(curl -s "$url/consistency?height=1")" | head -n 1 | grep -oE '[0-9]+')
[ -n "$proven" ] || fail 'there is no proof of consistency'
until_proven() { # Up to the newest signed checkpoint.
    timeout 8 "$cli" follow "$cluster" --node 2 --verify --json --state "$cluster/follow.state" >>"$cluster/proven"
    true
}
until_proven
[ "$(grep -c '"position":0,' "$cluster/proven")" = 1 ] || fail 'what was told is told again'
grep -oE '"id":"[0-9a-f]{64}"' "$cluster/proven" | cut -c 7-70 | sort >"$cluster/proven.ids"
comm -13 "$cluster/followed.ids" "$cluster/proven.ids" | grep . && fail 'something else is proven'
[ "$(wc -l <"$cluster/proven.ids")" -gt 1000 ] || fail 'hardly anything is proven'
"$cli" consistency "$cluster" "$cluster/said" >/dev/null 2>&1 # said is not a receipt any more.
curl -s "$url/transactions/$id/receipt" >"$cluster/receipt"
"$cli" consistency "$cluster" "$cluster/receipt" --wait 30 >"$cluster/since" || fail 'no proof that it was only added to'
"$cli" verify "$cluster/since" --since "$cluster/receipt" --cluster "$cluster" || fail 'that it was only added to does not verify'

# Sixteen may follow; then the node stops, and they are told.
for ((k = 0; k < 17; k++)); do
    curl -sN -o "$cluster/many.$k" -w '%{http_code}\n' "$url/events" >"$cluster/code.$k" &
    followers+=($!)
done
refused_some() { [ "$(cat "$cluster"/code.* | grep -c 503)" -ge 1 ]; }
until_true "one too many is not refused" refused_some
says 200 '"state"' "$url/status" # Others are served all the same.
began=$SECONDS
stop_all
[ $((SECONDS - began)) -lt 10 ] || fail 'who follows keeps the node from stopping'
wait "${followers[@]}" 2>/dev/null
followers=()
"$cli" inspect "$cluster"/node[0-9] --cluster "$cluster" --ids "$cluster/load.ids" || fail 'the ledgers differ'
