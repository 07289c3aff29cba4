#!/bin/bash
# What people look at, as they do: metrics by promtool and a real Prometheus, pages by a real
# Chromium, the terminal's view in a terminal.
# usage: tests/pages/check.sh BUILD      (make check-pages)
# The last line: N passed, N failed. BUILD/pages keeps screenshots.
set -u
build=$1
here=tests/pages
out=$build/pages
cluster=$out/cluster
cli=$build/ledger-cli
NODES=4
PATIENCE_S=30
name=pages
. tests/cluster.sh

passed=0 failed=0
check() { # what, command...
    local what=$1 output
    shift
    if output=$("$@" 2>&1); then
        passed=$((passed + 1))
        echo "ok      $what${output:+: ${output##*$'\n'}}"
    else
        failed=$((failed + 1))
        printf 'FAILED  %s\n%s\n' "$what" "$output"
    fi
}

uplot_is_npms() {
    local part
    for part in dist/uPlot.esm.js dist/uPlot.min.css; do
        cmp "$out/node_modules/uplot/$part" "testnet/page/${part#dist/}" || return
    done
    cmp "$out/node_modules/uplot/LICENSE" testnet/page/uPlot.LICENSE
}

rules_hold() { (cd testnet/prometheus && promtool check rules rules.yml && promtool test rules rules_test.yml); }

http_port() { sed -nE 's/^address = .*:([0-9]+)$/\1/p' "$cluster/cluster.conf" | sed -n "$(($1 + 1))p" | awk '{ print $1 + 4 }'; }
metrics() { node -e 'fetch(process.argv[1]).then((r) => r.text()).then((t) => process.stdout.write(t))' "http://127.0.0.1:$(http_port "$1")/metrics"; }
metrics_are_in_order() {
    metrics "$1" >"$out/metrics.txt"
    [ -s "$out/metrics.txt" ] && promtool check metrics <"$out/metrics.txt"
}

# Each metric that a panel asks for is there.
grafana_is_of_metrics() {
    "$build/ledger-dashboard" export --grafana "$out/grafana.json" || return
    local name found
    metrics 0 >"$out/metrics.txt"
    found=$(grep -oE 'ledger_[a-z0-9_]+' "$out/grafana.json" | sort -u)
    [ -n "$found" ] || return
    for name in $found; do
        grep -qE "^# TYPE ${name%_bucket} " "$out/metrics.txt" || { echo "no metric $name"; return 1; }
    done
    echo "$(wc -w <<<"$found") metrics"
}

prometheus_up() {
    local i targets=
    for ((i = 0; i < NODES; i++)); do targets+="${targets:+, }'127.0.0.1:$(http_port $i)'"; done
    rm -rf "$out/prometheus"
    mkdir -p "$out/prometheus"
    cp testnet/prometheus/rules.yml "$out/prometheus/"
    cat >"$out/prometheus/prometheus.yml" <<END
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [rules.yml]
scrape_configs: [{job_name: ledger, static_configs: [{targets: [$targets]}]}]
END
    prometheus --config.file="$out/prometheus/prometheus.yml" --storage.tsdb.path="$out/prometheus/data" \
        --web.listen-address="127.0.0.1:$1" >"$out/prometheus/log" 2>&1 &
    scraper=$!
}
asked() { # of Prometheus: the values of an expression, one a line
    node -e 'fetch(process.argv[1] + encodeURIComponent(process.argv[2])).then((r) => r.json()).then((j) => j.data.result.forEach((r) => console.log(r.value[1])))' \
        "http://127.0.0.1:$scrape_port/api/v1/query?query=" "$1" 2>/dev/null
}
prometheus_scrapes_all() {
    local deadline=$((SECONDS + PATIENCE_S))
    until [ "$(asked 'sum(up)')" = $NODES ] && [ "$(asked 'count(ledger:confirmed_bytes:rate1m > 0)')" = $NODES ]; do
        [ $SECONDS -lt $deadline ] || { tail -n 5 "$out/prometheus/log"; asked 'sum(up)'; return 1; }
        sleep 0.5
    done
    echo "$(asked 'ledger:confirmed_bytes:rate1m' | head -n 1) bytes/s at a node"
}

watch_quits() {
    (sleep 3; printf q) | script -qec "stty cols 100 rows 10; $cli status $cluster --watch" "$out/watch.txt" >/dev/null || return
    grep -q 'current' "$out/watch.txt" && grep -q $'\033\[?1049l' "$out/watch.txt"
}

rm -rf "$out/cluster" "$out"/*.png
mkdir -p "$out"
cp $here/package.json $here/package-lock.json "$out/"
# node.js trusts its own list of authorities alone; what the machine's owner added counts here too.
authorities=/etc/ssl/certs/ca-certificates.crt
[ ! -e $authorities ] || export NODE_EXTRA_CA_CERTS=${NODE_EXTRA_CA_CERTS-$authorities}
check 'npm has what the pages are checked with' npm --prefix "$out" ci --no-audit --no-fund
check "uPlot is npm's" uplot_is_npms
check 'rules do what their test says' rules_hold

cluster_up --accounts 20 --balance 1000000
scrape_port=$(($(http_port $((NODES - 1))) + 1))
page_port=$((scrape_port + 1))
prometheus_up $scrape_port
"$build/ledger-dashboard" serve "$cluster" --port $page_port --out "$out/cluster/seen" >"$out/serve.log" &
watcher=$!
"$cli" load "$cluster" --part 0/2 --rate 100 --duration 300 >"$out/load.log" 2>&1 &
loader=$!
trap 'kill -KILL $scraper 2>/dev/null; cleanup' EXIT
until_true 'the page is not served' grep -q 'shows the cluster' "$out/serve.log"

check 'promtool has nothing to say' metrics_are_in_order 1
check 'each metric of the Grafana dashboard is there' grafana_is_of_metrics
check 'a node answers as its OpenAPI document says' bash $here/api.sh "$build" "$out" "$cluster" \
    "http://127.0.0.1:$(http_port 1)" $((page_port + 1))
check 'Prometheus scrapes all nodes, and records' prometheus_scrapes_all
check 'status --watch shows the nodes, and ends with q' watch_quits
check 'the live page shows what the metrics say; a killed node within 3 s' \
    node $here/live.mjs "$out" "http://127.0.0.1:$page_port/" "http://127.0.0.1:$(http_port 0)/metrics" \
    "${pids[3]}"
kill -KILL "${pids[3]}" 2>/dev/null # Unless it was done there.
wait "${pids[3]}" 2>/dev/null
unset 'pids[3]'
kill $watcher $loader $scraper
wait $watcher $loader $scraper 2>/dev/null
watcher= loader= scraper=
stop_all

if [ "$(id -u)" = 0 ]; then
    run=(timeout 180 "$build/ledger-testnet" run $here/loaded.conf --name "pages-$$")
    rm -rf "$out/loaded" "$out/loaded-hb"
    check 'a run on shaped links, with its page' node $here/run.mjs "$out" "${run[@]}" --out "$out/loaded" \
        --dashboard --port $page_port
    check 'the same in another mode' "${run[@]}" --mode hb --out "$out/loaded-hb"
    check 'bytes by purpose are what the link carried' bash $here/bytes.sh "$out/loaded/series.csv"
    check 'export' "$build/ledger-dashboard" export "$out/loaded" "$out/loaded-hb" --html "$out/runs.html" \
        --json "$out/runs.json" --csv "$out/csv" --svg "$out/svg"
    check 'the export opens from the disk, without a network' node $here/export.mjs "$out" "$out/runs.html"
else
    echo 'not root: nothing is run on shaped links'
fi
bash $here/hour.sh "$out/hour"
check '64 nodes and an hour are exported' "$build/ledger-dashboard" export "$out/hour" --html "$out/hour.html"
check 'and open soon' node $here/opens.mjs "$out" "$out/hour.html"
rm -rf "$out/hour"
cp -r "$out/cluster/seen" "$out/aborted"
check 'what was watched is exported' "$build/ledger-dashboard" export "$out/aborted" --html "$out/seen.html"
check 'and opens from the disk' node $here/export.mjs "$out" "$out/seen.html"
rm -rf "$out/aborted"

echo "$passed passed, $failed failed"
[ $failed = 0 ]
