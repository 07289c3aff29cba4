/* Byzantine nodes. A liar runs a correct driver and edits what leaves it, so that it stays
 * plausible for long enough to do harm; a table names the ways to lie. About an outcome it lies
 * with TERM: nothing else says one. */
#ifndef TESTS_SIM_LIAR_H
#define TESTS_SIM_LIAR_H

#include "node/message.h"
#include "node/work.h"
#include "tests/sim/prng.h"

#define LIE_MAP(X)   \
    X(silent)        \
    X(withhold)      \
    X(gaps)          \
    X(two_blocks)    \
    X(no_encoding)   \
    X(no_block)      \
    X(lying_seen)    \
    X(bad_chunk)     \
    X(wrong_piece)   \
    X(no_pieces)     \
    X(two_roots)     \
    X(two_bits)      \
    X(two_confs)     \
    X(two_terms)     \
    X(bad_share)     \
    X(old_news)      \
    X(far_future)    \
    X(lying_word)    \
    X(early_term)    \
    X(complete)      \
    X(requests)      \
    X(many_votes)    \
    X(late)          \
    X(any_field)     \
    X(noise)         \
    X(bad_signature) \
    X(other_ledger)

enum lie {
#define X(name) LIE_##name,
    LIE_MAP(X)
#undef X
        LIES,
    LIES_DRAWN = LIE_bad_signature, /* The others are given, as seeds have checkpoints. */
};
extern const char *const lie_names[LIES];

struct liar {
    struct prng *prng;
    struct quorum quorum;
    node_id self;
    const struct hash *chain;
    const struct code *code;
    const struct identity_secret *identity;
    bool lies[LIES];
    uint64_t told[LIES];
    /* Another block for its own epochs, and what it is committed as. */
    struct forged {
        epoch_id epoch;
        enum lie lie;
        struct hash original; /* What the driver's own votes say. */
        struct vid_encoding encoding;
        uint8_t *chunks;
    } forged[16];
    struct { /* What it may ask others for, without end. */
        epoch_id epoch;
        node_id proposer;
        struct hash root;
    } known[16];
    bool bulk; /* In the last frame: it may come late. */
    struct {   /* Old news. */
        uint8_t *bytes;
        size_t size;
    } old[16];
    uint8_t *buffer;
};

void liar_init(struct liar *l, struct prng *prng, struct quorum q, node_id self,
               const struct hash *chain, const struct code *code,
               const struct identity_secret *identity);
void liar_free(struct liar *l);
/* Edits a frame on its way to `to`: returns what goes instead; size 0: nothing. The slice is
 * lent until the next call. */
struct slice liar_edit(struct liar *l, node_id to, struct slice frame);
/* How much later than others' that frame arrives, in us. */
uint64_t liar_delay(struct liar *l);

#endif
