#!/bin/bash
# The bugs of tests/mutants/ are patches of this tree: each must still apply, or `make mutants` and
# `make model` show less than they say. usage: tests/patches.sh
set -u
failed=0
for patch in tests/mutants/*.patch tests/mutants/search/*.patch; do
    patch -p1 --dry-run --batch --fuzz=0 <"$patch" >/dev/null || {
        echo "$patch does not apply: mend it, and see that its bug is still caught"
        failed=1
    }
done
[ $failed = 0 ] && echo 'patches: ok'
exit $failed
