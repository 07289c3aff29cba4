#!/bin/bash
# usage: tests/ctime.sh PROGRAM      (make ctime)
set -u
passed=0 failed=0
run() { valgrind --quiet --error-exitcode=9 "$@" 2>&1; }
if run "$1"; then
    passed=$((passed + 1))
else
    failed=$((failed + 1))
fi
run "$1" leak >/dev/null
if [ $? = 9 ]; then
    passed=$((passed + 1))
else
    failed=$((failed + 1))
    echo 'ctime: a branch on the secret was not seen'
fi
echo "$passed passed, $failed failed"
[ $failed = 0 ]
