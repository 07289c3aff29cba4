/* Frames of other nodes. */
#include "node/message.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct hash chain;
    static uint8_t again[1 << 20];
    struct reader r = reader_of(slice_of(data, size));
    const struct quorum q = fuzz_quorum(&r);
    const node_id from = (node_id)(read_u8(&r) % q.n);
    const node_id to = (node_id)(read_u8(&r) % q.n);
    struct word word;
    const struct slice frame = slice_of(r.at, reader_left(&r));
    if (frame.size > sizeof again || !message_header_decode(&r, &chain, &word))
        return 0;
    struct writer w = writer_of(again, sizeof again);
    message_header_encode(&w, &chain, &word);
    struct message m;
    while (message_decode(&r, q, from, to, &m)) {
        for (unsigned k = 0; m.kind == MESSAGE_ROOTS && k < m.roots.count; k++) {
            node_id proposer;
            struct hash root;
            message_root_entry(&m, k, &proposer, &root);
            fuzz_require(proposer < q.n);
        }
        message_encode(&w, q, from, to, &m);
        const struct slice written = writer_result(&w);
        fuzz_require(w.ok && memcmp(written.data, frame.data, written.size) == 0);
    }
    fuzz_require(!r.ok || writer_result(&w).size == frame.size);
    return 0;
}
