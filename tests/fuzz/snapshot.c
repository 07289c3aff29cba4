/* Heads of snapshots that others offer, and what is done with a piece. */
#include "node/snapshot.h"
#include "tests/fuzz/fuzz.h"

static struct identity_key identities[NODES_MAX];

static void prepare(void)
{
    static bool ready;
    if (ready)
        return;
    ready = hash_init() && identity_init(NULL);
    for (unsigned i = 0; i < NODES_MAX && ready; i++) {
        const struct identity_secret secret = {{(uint8_t)(i + 1)}};
        struct identity_public public;
        ready = identity_derive(&secret, &public) && identity_parse(&public, &identities[i]);
    }
    fuzz_require(ready);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t again[SNAPSHOT_HEAD_SIZE_MAX];
    static struct snapshot_head head;
    struct reader r = reader_of(slice_of(data, size));
    prepare();
    const struct quorum q = fuzz_quorum(&r);
    const uint32_t index = read_u32(&r);
    const struct slice bytes = slice_of(r.at, reader_left(&r));
    if (!r.ok || bytes.size > sizeof again || !snapshot_head_decode(bytes, q, &head))
        return 0;
    struct writer w = writer_of(again, sizeof again);
    snapshot_head_encode(&w, &head);
    const struct slice written = writer_result(&w);
    fuzz_require(w.ok && slice_equal(written, bytes));
    const struct snapshot_rules rules = {
        .quorum = q, .link_horizon = 100, .identities = identities, .opaque = head.opaque};
    fuzz_require(!snapshot_head_verify(&head, &rules)); /* Nobody has signed anything. */
    const uint32_t pieces = snapshot_pieces(&head);
    fuzz_require(snapshot_run_pieces(&head) <= pieces);
    if (index < pieces) {
        const size_t piece = snapshot_piece_size(&head, index);
        fuzz_require(piece > 0 && piece <= SNAPSHOT_PIECE_SIZE_MAX);
        snapshot_piece_valid(&head, index, slice_of(data, piece < size ? piece : size), NULL, 0);
    }
    fuzz_require(!snapshot_piece_valid(&head, pieces, slice_of(data, size), NULL, 0));
    return 0;
}
