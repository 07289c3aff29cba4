/* Receipts as files that somebody gives: what is taken is written as it was, and proves nothing to a
 * cluster whose keys have signed nothing. */
#include <stdlib.h>
#include <string.h>

#include "node/receipt.h"
#include "tests/fuzz/fuzz.h"

static struct cluster cluster;

static void prepare(void)
{
    if (cluster.node_count > 0)
        return;
    fuzz_require(hash_init() && identity_init(NULL));
    cluster.node_count = 4;
    for (unsigned i = 0; i < cluster.node_count; i++) {
        const struct identity_secret secret = {{(uint8_t)(i + 1)}};
        fuzz_require(identity_derive(&secret, &cluster.nodes[i].identity));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct receipt r;
    char reason[PROOF_REASON_MAX];
    prepare();
    if (!receipt_parse(slice_of(data, size), &r))
        return 0;
    char *text = receipt_text(&r);
    fuzz_require(text && strlen(text) == size && memcmp(text, data, size) == 0);
    free(text);
    cluster.chain = r.chain;
    fuzz_require(!receipt_verify(&r, &cluster, reason));
    return 0;
}
