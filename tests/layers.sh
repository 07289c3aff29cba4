#!/bin/bash
# Who may know whom, and what the core may call. usage: tests/layers.sh BUILD
#
#   shell -> { driver, net }    driver -> { core, storage }    core -> { vid, ba }
#   vid, ba, storage, net -> crypto                            tests/sim -> all but net
#   testnet -> { node, net, crypto }                           nothing -> testnet
#   node/client (libledger) -> what a client needs of node, net, crypto
#
# crypto, vid, ba and the core are functions of what they are given: no heap, clock, file, socket,
# thread, randomness or variable of their own. Lists say what they may include and, since a
# declaration needs no include, which symbols vid, ba and the core may leave to others.
set -u
shopt -s nullglob extglob
build=$1

. tests/core.sh
driver='driver|driver_effects|driver_open|driver_send|driver_private|outbox|records|work'

pure='<(assert|inttypes|limits|stdbool|stddef|stdint|string)\.h>'
calls='__assert_fail|(__)?mem(cpy|move|set|cmp)(_chk)?|__stack_chk_fail'
calls="$calls|__(popcount|clz|ctz|u?div|u?mod)[dst]i[234]|_GLOBAL_OFFSET_TABLE_|__(asan|ubsan)_.*"
coding='ec_(encode_data|init_tables)|gf_[a-z0-9_]*' # ISA-L, pure too.

only() { # pattern, file...: prints the includes that do not match
    local pattern=$1
    shift
    grep -HnE '^ *# *include' "$@" | grep -vE "# *include ($pattern)"
}

includes() {
    only "$pure|<(endian|intel-ipsec-mb)\.h>|<(openssl/|secp256k1)|\"crypto/" crypto/*.[ch]
    only "$pure|<isa-l/erasure_code.h>|\"(crypto|vid)/" vid/*.[ch]
    only "$pure|\"(crypto|ba)/" ba/*.[ch]
    only "$pure|\"(crypto|vid|ba)/|\"node/(core|$core).h" node/@(core|$core).[ch] |
        grep -v '^node/event.c:.*<stdio.h>' # snprintf, for traces.
    only "$pure|<std(io|lib).h>|\"(crypto|vid|ba|storage)/|\"node/(core|$core|$driver).h" \
        node/@($driver).[ch]
    only '<|"(crypto|storage)/' storage/*.[ch]
    only '<|"(crypto|net)/' net/*.[ch]
    only '<|"(crypto|vid|ba|storage|node|tests)/' tests/sim/*.[ch]
    only '<|"(crypto|net|node|testnet)/' testnet/*.[ch]
    only '<|"(crypto|net)/|"node/(client|accounts|application|config|libraries|transaction)[/.]' node/client/*.[ch]
    grep -HnE '# *include "testnet/' node/*.[ch] node/cli/*.[ch] # Others have a list above.
}

symbols() {
    local objects=("$build"/crypto/*.o "$build"/vid/*.o "$build"/ba/*.o) name
    for name in ${core//|/ }; do objects+=("$build/node/$name.o"); done
    nm -A -P "${objects[@]}" 2>&1 | awk -v calls="^($calls)\$" -v coding="^($coding)\$" '
        / no symbols|No such file/ { print; next }
        { file = $1; sub(/:$/, "", file) }
        $3 ~ /^[TRVW]$/ { ours[$2] }
        file ~ /\/crypto\// { next }
        $3 ~ /^[bBC]$/ && $2 !~ /^__odr_asan\./ { print file ": " $2 " is a variable" }
        $3 == "U" && $2 !~ calls && !($2 ~ coding && file ~ /\/vid\/code.o$/) &&
            !($2 ~ /^(__)?snprintf(_chk)?$/ && file ~ /\/node\/event.o$/) { used[file, $2] }
        END {
            for (use in used) {
                split(use, at, SUBSEP)
                if (!(at[2] in ours)) print at[1] ": calls " at[2]
            }
        }'
}

found=$(includes; symbols)
if [ -n "$found" ]; then
    printf '%s\n' "$found" 'layers: the lines above cross them (tests/layers.sh)'
    exit 1
fi
echo 'layers: ok'
