#!/bin/bash
# A node answers as the OpenAPI document that it serves says: each operation is asked through Prism,
# which refuses whatever of a request or of an answer is not as it stands there.
# usage: tests/pages/api.sh BUILD OUT CLUSTER URL PORT      OUT has Prism; URL of the node; PORT for it
set -u
build=$1 out=$2 cluster=$3 url=$4 port=$5
cli=$build/ledger-cli
through=http://127.0.0.1:$port/v1

fail() {
    echo "$*"
    exit 1
}
curl -s "$url/v1/openapi.json" >"$out/openapi.json"
node "$out/node_modules/@stoplight/prism-cli/dist/index.js" proxy "$out/openapi.json" "$url" --errors -p "$port" >"$out/prism.log" 2>&1 &
prism=$!
trap 'kill $prism; wait $prism 2>/dev/null' EXIT
for ((k = 0; k < 100; k++)); do
    curl -s "$through/status" >/dev/null && break
    sleep 0.2
done

asked=0
ask() { # code, arguments of curl...
    local code=$1 got
    shift
    got=$(curl -s --max-time 90 -o "$out/prism.said" -w '%{http_code} %header{sl-violations}' "$@")
    [ "$got" = "$code " ] || fail "$*: $got for $code: $(cat "$out/prism.said")"
    asked=$((asked + 1))
}
# Account 5 is nobody else's: the load has the even ones.
submit=(-H 'Content-Type: application/json' -d)
transfer() { "$cli" transfer "$cluster" --from "$cluster/accounts/5.key" --to "$cluster/accounts/6.key" --amount "$@" --print; }
post() { echo "{\"transaction\":\"$(transfer "$@")\"}"; }
none=$(printf 'ab%.0s' {1..32})

body=$(post 5)
ask 202 "${submit[@]}" "$body" "$through/transactions"
id=$(grep -oE '[0-9a-f]{64}' "$out/prism.said")
ask 200 "${submit[@]}" "$body" "$through/transactions?wait=30"
ask 200 "${submit[@]}" "$(post 99999999)" "$through/transactions?wait=30" # It fails, and that is final.
ask 422 "${submit[@]}" "$(post 7777 --sequence 0)" "$through/transactions"
ask 503 "${submit[@]}" "$(post 1 --sequence 9000000)" "$through/transactions"
ask 400 "${submit[@]}" '{"transaction":"ab"}' "$through/transactions"
ask 200 "$through/transactions/$id?wait=30"
ask 404 "$through/transactions/$none"
ask 200 "$through/transactions/$id/receipt?wait=60"
ask 404 "$through/transactions/$none/receipt"
ask 200 "$through/accounts/$(sed -n 's/^public = //p' "$cluster/accounts/6.key")"
ask 200 "$through/accounts/$none"
ask 200 "$through/accounts/$(sed -n 's/^public = //p' "$cluster/accounts/6.key")/proof?wait=60"
ask 404 "$through/accounts/$none/proof"
ask 200 "$through/blocks"
ask 200 "$through/blocks?from=0&count=100"
ask 200 "$through/blocks/0"
ask 404 "$through/blocks/123456789"
ask 200 "$through/consistency?height=1&wait=60"
ask 409 "$through/consistency?height=123456789"
ask 404 "$through/query/ab" # The ledger answers none.
ask 200 "$through/status"
ask 200 "$through/openapi.json"
# A stream has no end, and Prism hands on what has one; each event is the schema's, by ajv.
curl -sN --max-time 2 "$url/v1/events?from=0" | sed -n 's/^data: //p' >"$out/events.json"
[ "$(wc -l <"$out/events.json")" -gt 10 ] || fail 'there are no events'
node -e '
const fs = require("fs"), Ajv = require(process.argv[1] + "/node_modules/ajv").default;
const schemas = JSON.parse(fs.readFileSync(process.argv[1] + "/openapi.json")).components.schemas;
const ajv = new Ajv({strict: false, allErrors: true});
ajv.addSchema({$id: "d", components: {schemas}});
const valid = ajv.compile({$ref: "d#/components/schemas/Event"});
for (const line of fs.readFileSync(process.argv[1] + "/events.json", "utf8").split("\n").slice(0, -1))
    if (!valid(JSON.parse(line))) { console.log(line, valid.errors); process.exit(1); }
' "$PWD/$out" || fail 'an event is not as the document says'
operations=$(grep -c '"operationId"' node/openapi.json)
echo "$operations operations, $asked requests through Prism, $(wc -l <"$out/events.json") events"
