/* A fuzz target is one function of bytes: it crashes when something is wrong. libFuzzer calls it
 * with what it makes up (`make fuzz`), a test with what it found once (tests/fuzz/corpus/, by
 * replay.c). Each decoder has one; what decodes must encode to itself where it has an encoding. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include "crypto/bytes.h"
#include "crypto/quorum.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* Returns 0. */

static inline void fuzz_require(bool condition)
{
    if (!condition)
        abort();
}

/* The first byte says how many nodes there are: mostly few. */
static inline struct quorum fuzz_quorum(struct reader *r)
{
    static const uint8_t sizes[] = {4, 7, 8, 128};
    return quorum_of(sizes[read_u8(r) % 4]);
}

#endif
