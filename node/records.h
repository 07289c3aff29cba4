/* How what a node remembers lies in the consensus store. Format 1; integers big-endian, so that
 * keys are in the order of epochs. All functions return 0 or a store error. */
#ifndef NODE_RECORDS_H
#define NODE_RECORDS_H

#include "node/driver.h"

enum {
    RECORD_INSTANCE_SIZE = 2 + 4 + 4 * HASH_SIZE,
    RECORD_VOTE_SIZE = 4, /* proposer, type, round, values */
    RECORD_KEY_SIZE = 9,
    RECORD_CHECKPOINTS_KEPT = 64, /* The last ones. */
};

int records_put_instance(struct store *s, epoch_id epoch, node_id proposer,
                         const struct instance_record *r);
bool records_decode_instance(struct slice value, struct instance_record *r);
/* A record of nothing when there is none. */
int records_get_instance(struct store *s, epoch_id epoch, node_id proposer,
                         struct instance_record *r);
void records_decode_key(struct slice key, epoch_id *epoch, node_id *proposer);

/* A chunk of ours with all that is needed to serve it. */
struct stored_chunk {
    struct hash root;
    struct vid_header header;
    struct vid_proof proof;
    struct slice data;
};
int records_put_chunk(struct store *s, epoch_id epoch, node_id proposer,
                      const struct stored_chunk *c);
bool records_decode_chunk(struct slice value, struct stored_chunk *c);

int records_put_outcome(struct store *s, epoch_id epoch, const struct nodeset *accepted);
bool records_decode_outcome(struct slice value, struct nodeset *accepted);
/* Own messages of one epoch's agreements, as one batch said them. */
int records_put_votes(struct store *s, epoch_id epoch, uint64_t sequence, struct slice votes);
int records_drop_votes(struct store *s, epoch_id epoch);

int records_put_number(struct store *s, const char *name, uint64_t value);
/* `otherwise` when there is none. */
int records_get_number(struct store *s, const char *name, uint64_t otherwise, uint64_t *value);

/* Drops those that are too old then. `every`: epochs from one to the next. */
int records_put_checkpoint(struct store *s, const struct checkpoint_record *r, uint64_t every);
/* STORE_MISSING when there is none. `signatures`: n of them, those of others are left as they are. */
int records_get_checkpoint(struct store *s, epoch_id epoch, struct quorum q,
                           struct checkpoint_record *r, struct identity_signature signatures[]);
int records_view_checkpoint(struct store_view *v, epoch_id epoch, struct quorum q,
                            struct checkpoint_record *r, struct identity_signature signatures[]);

int records_put_delivered(struct store *s, epoch_id with_epoch, epoch_id epoch, node_id proposer);
/* Drops chunk, block and record of up to `limit` dispersals delivered with an epoch <= `through`,
 * of as many of an epoch <= `past`, that will never be delivered if they were not by now, and as
 * many outcomes through `sealed`. Sets *more if some may be left. */
int records_prune(struct store *s, epoch_id through, epoch_id past, epoch_id sealed, unsigned limit,
                  bool *more);

#endif
