# Clusters of real processes on this machine, for the scripts that source this: they set `name`,
# `cluster`, `cli`, `build`, NODES and PATIENCE_S first, and `options`, lines for every node.conf,
# `node_program`, or `checkpoint_epochs`, if they like. shellcheck shell=bash

pids=()
loader=
watcher=
cleanup() {
    kill -KILL "${pids[@]}" $loader $watcher
    wait
} 2>/dev/null
trap cleanup EXIT
trap 'echo "$name: interrupted" >&2; exit 1' HUP INT TERM

fail() {
    echo "$name: $*" >&2
    exit 1
}

start() { # node
    "${node_program-$build/ledger-node}" "$cluster/node$1" 2>>"$cluster/node$1.log" &
    pids[$1]=$!
}

running() { # Fails for the first node that has ended by itself.
    local i
    for i in "${!pids[@]}"; do
        if ! kill -0 "${pids[i]}" 2>/dev/null; then
            tail -n 3 "$cluster/node$i.log" >&2
            fail "node $i ended; above is what it said last ($cluster/node$i.log)"
        fi
    done
}

values() { # key, command of ledger-cli...: the key's values in the JSON, a line for each node
    local key=$1
    shift
    "$cli" "$@" --json 2>/dev/null | grep -oE "\"$key\":(\"[^\"]*\"|[0-9.]+)" |
        sed 's/^[^:]*://; s/"//g'
}

until_true() { # what to say if it never is, command...
    local what=$1 deadline=$((SECONDS + PATIENCE_S))
    shift
    until "$@"; do
        running
        [ $SECONDS -lt $deadline ] || fail "after $PATIENCE_S s, $what"
        sleep 0.05
    done
}

all_connected() { [ "$(values peers status "$cluster" | grep -cx $((NODES - 1)))" = $NODES ]; }

# What nodes put into blocks once more, since they cannot know that others did, may follow later.
stands() { values '(epoch_agreed|height|peers|checkpoint_signers|snapshot_here)' status "$cluster"; }
settled() {
    local before
    before=$(stands)
    sleep 1
    [ "$(values lag_epochs status "$cluster" | grep -cx 0)" = $NODES ] &&
        [ "$(values log_root status "$cluster" | uniq -c | awk '{ print $1 }')" = $NODES ] &&
        [ "$(stands)" = "$before" ]
}

port_is_free() { ! (: <>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Of two that begin at once, each looks elsewhere.
free_base() {
    local base port
    for ((base = 27000 + ${LEDGER_TEST-0} % 10 * 500; base <= 32000; base += 100)); do
        for ((port = base; port < base + 10 * NODES; port++)); do
            port_is_free $port || continue 2
        done
        echo "$base"
        return
    done
    return 1
}

stop_all() {
    local i
    kill -TERM "${pids[@]}"
    for i in "${!pids[@]}"; do
        timeout $PATIENCE_S tail --pid="${pids[i]}" -f /dev/null || fail "node $i does not stop"
        wait "${pids[i]}" || fail "node $i did not end in order ($cluster/node$i.log)"
        unset "pids[$i]"
    done
}

# A fresh cluster, all of it running and connected. Arguments: those of genesis.
cluster_up() {
    local i base genesis
    rm -rf "$cluster"
    base=$(free_base) || fail 'no free ports from 27000 to 32000'
    genesis=$("$cli" genesis "$cluster" --nodes "$NODES" --base-port "$base" "$@") || exit 1
    echo "${genesis%%$'\n'*}; ports from $base"
    [ -z "${checkpoint_epochs-}" ] ||
        sed -i "s/^checkpoint_epochs = .*/checkpoint_epochs = $checkpoint_epochs/" "$cluster/cluster.conf"
    for ((i = 0; i < NODES; i++)); do
        printf '%s\n' "${options-}" >>"$cluster/node$i/node.conf"
        start $i
    done
    until_true 'the nodes are not all connected' all_connected
}
