# For tests of applications beside the nodes of a cluster: the example in C for even nodes, that in Python
# for odd ones. Sourced after tests/cluster.sh, with its variables.
. tests/python.sh
export PYTHONDONTWRITEBYTECODE=1
installed=$PWD/$build/$name.installed
make -s install BUILD="$build" DESTDIR="$installed" PREFIX= >/dev/null || fail 'it cannot be installed'
# shellcheck disable=SC2046
${CC-cc} -std=c17 -o "$build/$name.store" tests/examples/store.c \
    $(PKG_CONFIG_PATH=$installed/lib/pkgconfig pkg-config --define-prefix --cflags --libs libledger lmdb libcrypto) || fail 'store.c does not build'

apps=()
stop_apps() { kill -KILL "${apps[@]}" && wait "${apps[@]}"; } 2>/dev/null
trap 'stop_apps; cleanup' EXIT # It waits for all.
start_app() { # node
    local program=("$build/$name.store")
    [ $(($1 % 2)) = 0 ] || program=("$python" tests/examples/store.py)
    "${program[@]}" "$cluster/node$1/application.sock" "$cluster/node$1/state" 2>>"$cluster/app$1.log" &
    apps[$1]=$!
}
kill_app() { kill -KILL "${apps[$1]}" && wait "${apps[$1]}"; } 2>/dev/null
kill_node() { kill -KILL "${pids[$1]}" && wait "${pids[$1]}"; } 2>/dev/null
there() { # node, lines before: its application has come again
    [ "$(grep -c 'the application is there' "$cluster/node$1.log")" -gt "$2" ]
}
