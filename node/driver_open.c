/* Opening and recovery: everything the store holds, into the core. */
#include "node/driver_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOST_ADVICE                                                                    \
    "If the disk has lost or changed it, move the data directory away and start with " \
    "--lost-data; not at more than f nodes"

const char *driver_reason(const struct store *s, int error)
{
    if (error == STORE_MISSING)
        return "a record that must be there is not. " LOST_ADVICE;
    return error == STORE_CORRUPT ? "a record is damaged. " LOST_ADVICE : store_message(s);
}

int driver_block(struct store_view *view, epoch_id epoch, node_id proposer, struct slice *block)
{
    uint8_t key[RECORD_KEY_SIZE];
    driver_instance_key(key, epoch, proposer);
    return store_view_get(view, TABLE_BLOCKS, slice_of(key, sizeof key), block);
}

static int restore_outcome(void *context, struct slice key, struct slice value)
{
    struct driver *d = context;
    struct reader r = reader_of(key);
    const epoch_id epoch = read_u64(&r);
    struct nodeset accepted;
    if (!reader_finished(&r) || !records_decode_outcome(value, &accepted))
        return STORE_CORRUPT;
    node_restore_sealed(d->node, epoch, &accepted);
    return 0;
}

static int restore_instance(void *context, struct slice key, struct slice value)
{
    struct driver *d = context;
    epoch_id epoch;
    node_id proposer;
    struct instance_record r;
    if (key.size != RECORD_KEY_SIZE || !records_decode_instance(value, &r))
        return STORE_CORRUPT;
    records_decode_key(key, &epoch, &proposer);
    if (proposer >= d->keys.quorum.n)
        return STORE_CORRUPT;
    node_restore_instance(d->node, epoch, proposer, &r);
    if (proposer == d->keys.self && r.block == BLOCK_GOOD)
        node_restore_proposed(d->node, epoch);
    return 0;
}

static int restore_votes(void *context, struct slice key, struct slice value)
{
    struct driver *d = context;
    struct reader k = reader_of(key);
    const epoch_id epoch = read_u64(&k);
    const uint64_t sequence = read_u64(&k);
    if (!reader_finished(&k) || value.size % RECORD_VOTE_SIZE != 0)
        return STORE_CORRUPT;
    if (sequence >= d->vote_sequence)
        d->vote_sequence = sequence + 1;
    for (size_t at = 0; at < value.size; at += RECORD_VOTE_SIZE) {
        const uint8_t *v = value.data + at;
        if (v[0] >= d->keys.quorum.n)
            return STORE_CORRUPT;
        const struct ba_message m = {v[1], v[2], v[3]};
        node_restore_vote(d->node, epoch, v[0], &m);
    }
    return 0;
}

static void restore_delivered(void *context, epoch_id epoch, node_id proposer)
{
    struct driver *d = context;
    node_restore_delivered(d->node, epoch, proposer);
}

static void count_replayed(struct driver *d, epoch_id first_unsealed)
{
    for (unsigned w = 0; w < d->options.node.epoch_window; w++) {
        struct nodeset decided, ones;
        if (node_epoch_decisions(d->node, first_unsealed + w, &decided, &ones))
            d->replayed++;
    }
}

static int scan_from(struct driver *d, unsigned table, epoch_id from, store_visit visit)
{
    uint8_t key[8];
    struct writer w = writer_of(key, sizeof key);
    write_u64(&w, from);
    return store_scan(d->store, table, writer_result(&w), visit, d);
}

static int note_record(void *context, struct slice key, struct slice value)
{
    (void)key;
    (void)value;
    *(bool *)context = false;
    return 1;
}

/* Of what a node says, something is in one of these tables. */
static int restore_blank(struct driver *d, epoch_id first_unsealed, epoch_id executed)
{
    static const enum consensus_table said[] = {TABLE_INSTANCES, TABLE_VOTES, TABLE_OUTCOMES};
    d->blank = first_unsealed == 1 && executed == 0;
    for (unsigned k = 0; d->blank && k < sizeof said / sizeof *said; k++) {
        const int error = store_scan(d->store, said[k], (struct slice){0}, note_record, &d->blank);
        if (error < 0)
            return error;
    }
    const int error = records_get_number(d->store, "held", 0, &d->held);
    return error ? error : records_get_number(d->store, "lost", 0, &d->lost);
}

/* The last checkpoint, unless its epoch is the one that was executed last: then it is compared. */
static int restore_checkpoint(struct driver *d, epoch_id executed)
{
    struct identity_signature signatures[NODES_MAX];
    struct checkpoint_record r;
    const uint64_t every = d->options.node.checkpoint_epochs;
    const epoch_id last = every > 0 ? executed / every * every : 0;
    if (last == 0 || last == executed)
        return 0;
    const int error = records_get_checkpoint(d->store, last, d->keys.quorum, &r, signatures);
    if (error)
        return error == STORE_MISSING ? 0 : error;
    const struct hash digest = checkpoint_digest(&d->options.chain, &r.checkpoint);
    node_restore_checkpoint(d->node, &r, &digest);
    return 0;
}

int driver_checkpoint(struct store_view *view, struct quorum q, epoch_id epoch,
                      struct checkpoint_record *r, struct identity_signature signatures[])
{
    return records_view_checkpoint(view, epoch, q, r, signatures);
}

struct adoption {
    struct driver *driver;
    epoch_id epoch;
    int error;
};

/* What the snapshot has delivered and this node has of it is pruned with it. */
static void adopt_delivered(void *context, epoch_id epoch, node_id proposer)
{
    struct adoption *a = context;
    uint8_t key[RECORD_KEY_SIZE];
    struct slice value;
    if (a->error || epoch > a->epoch)
        return;
    driver_instance_key(key, epoch, proposer);
    a->error = store_get(a->driver->store, TABLE_INSTANCES, slice_of(key, sizeof key), &value);
    if (!a->error)
        a->error = records_put_delivered(a->driver->store, a->epoch, epoch, proposer);
    if (a->error == STORE_MISSING)
        a->error = 0;
}

/* Who has lost what it said is silent in all epochs through the snapshot's: they are over here. */
static int adopt_silence(struct driver *d, epoch_id through)
{
    epoch_id first_unsealed;
    int error = records_get_number(d->store, "first_unsealed", 1, &first_unsealed);
    if (!error && first_unsealed <= through)
        error = records_put_number(d->store, "first_unsealed", through + 1);
    if (!error)
        error = records_put_number(d->store, "silent", through);
    return error ? error : records_put_number(d->store, "lost", 0);
}

/* What this node has signed of that epoch stays. If it was another ledger, it may not sign this. */
static int adopt_checkpoint(struct driver *d, const struct checkpoint_record *r)
{
    struct identity_signature signatures[NODES_MAX];
    struct checkpoint_record before;
    const int error =
        records_get_checkpoint(d->store, r->checkpoint.epoch, d->keys.quorum, &before, signatures);
    if (error == STORE_MISSING)
        return records_put_checkpoint(d->store, r, d->options.node.checkpoint_epochs);
    const struct hash ours = checkpoint_digest(&d->options.chain, &before.checkpoint);
    const struct hash theirs = checkpoint_digest(&d->options.chain, &r->checkpoint);
    return error ? error : hash_equal(&ours, &theirs) ? 0 : DRIVER_OTHER_STATE;
}

/* The ledger began with a snapshot. That is what is executed and delivered; what is agreed, and what
 * this node has said, is as it was: it closes the epochs before like any other, for others may need
 * to hear it. That its ledger was another once is over. */
static int adopt(struct driver *d, const struct driver_ledger *ledger)
{
    const struct checkpoint_record *r = ledger->installed;
    struct adoption a = {d, r->checkpoint.epoch, 0};
    epoch_id lost, other_state;
    int error = records_get_number(d->store, "lost", 0, &lost);
    if (!error && lost > 0)
        error = adopt_silence(d, a.epoch);
    if (!error)
        error = records_get_number(d->store, "other_state", 0, &other_state);
    if (!error && other_state <= a.epoch)
        error = records_put_number(d->store, "other_state", 0);
    if (!error)
        error = adopt_checkpoint(d, r);
    if (!error && ledger->entries)
        error = ledger->entries(ledger->context, 0, adopt_delivered, &a);
    if (!error)
        error = a.error;
    return error ? error : records_put_number(d->store, "installed", a.epoch);
}

static int adopt_if_new(struct driver *d, const struct driver_ledger *ledger)
{
    epoch_id before;
    int error = ledger->installed ? store_begin(d->store) : 0;
    if (error || !ledger->installed)
        return error;
    error = records_get_number(d->store, "installed", 0, &before);
    if (!error && before < ledger->installed->checkpoint.epoch) {
        error = adopt(d, ledger);
        if (!error)
            return store_commit(d->store);
    }
    store_abort(d->store);
    return error;
}

int driver_restore(struct driver *d, const struct driver_ledger *ledger)
{
    const uint64_t horizon = d->options.node.link_horizon;
    epoch_id first_unsealed, proposed, silent;
    epoch_id other_state;
    int error = records_get_number(d->store, "other_state", 0, &other_state);
    if (!error && other_state != 0 && ledger->executed.epoch >= other_state)
        return DRIVER_OTHER_STATE;
    d->other_state = other_state;
    if (!error)
        error = records_get_number(d->store, "first_unsealed", 1, &first_unsealed);
    if (!error)
        error = records_get_number(d->store, "proposed", 0, &proposed);
    if (!error)
        error = records_get_number(d->store, "silent", 0, &silent);
    if (error)
        return error;
    const struct executed *x = &ledger->executed;
    if ((error = restore_blank(d, first_unsealed, x->epoch)))
        return error;
    node_restore_height(d->node, first_unsealed, x->epoch, x->height);
    node_restore_silent(d->node, silent);
    if (x->epoch > 0)
        driver_executed(d, x); /* Its checkpoint may have to be signed yet. */
    node_restore_proposed(d->node, proposed);
    const epoch_id oldest = x->epoch > horizon ? x->epoch - horizon : 0;
    if (ledger->entries)
        error = ledger->entries(ledger->context, oldest, restore_delivered, d);
    if (!error)
        error = scan_from(d, TABLE_OUTCOMES, first_unsealed, restore_outcome);
    if (!error)
        error = scan_from(d, TABLE_INSTANCES, oldest, restore_instance);
    if (!error)
        error = scan_from(d, TABLE_VOTES, first_unsealed, restore_votes);
    if (!error)
        error = restore_checkpoint(d, x->epoch);
    if (!error)
        count_replayed(d, first_unsealed);
    return error;
}

static void carve(struct driver *d, const struct driver_options *options)
{
    const size_t size = node_memory_size(&options->node);
    const unsigned effects = node_effects_max(&options->node);
    d->memory = NULL;
    if (posix_memalign(&d->memory, 4096, size))
        abort();
    memset(d->memory, 0, size);
    d->node = node_init(d->memory, size, &options->node);
    d->effects = (struct effects){0, effects, calloc(effects, sizeof *d->effects.items)};
    d->frame = malloc(MESSAGE_FRAME_SIZE_MAX);
    struct vid_proof *proofs = calloc((size_t)FETCH_SLOTS * options->node.quorum.n, sizeof *proofs);
    if (!d->effects.items || !d->frame || !proofs)
        abort();
    for (unsigned s = 0; s < FETCH_SLOTS; s++)
        d->gathers[s].proofs = proofs + s * (size_t)options->node.quorum.n;
}

struct driver *driver_open(const struct driver_options *options, struct store *store,
                           const struct driver_ports *ports, const struct driver_ledger *ledger,
                           char *message, size_t message_size)
{
    struct driver *d = calloc(1, sizeof *d);
    if (!d)
        abort();
    d->options = *options;
    d->ports = *ports;
    d->store = store;
    d->worked_end = &d->worked;
    code_init(&d->code, options->node.quorum);
    d->keys = (struct work_keys){
        options->node.quorum, options->node.self,   options->chain,    &d->code,
        options->coin_public, options->coin_secret, options->identity, options->identities};
    d->outbox = outbox_new(options->node.quorum, options->node.self);
    carve(d, options);
    int error = adopt_if_new(d, ledger);
    if (!error)
        error = store_begin(store);
    if (!error) {
        error = driver_restore(d, ledger);
        store_abort(store);
    }
    if (error) {
        snprintf(message, message_size, "%s%s",
                 error == STORE_CORRUPT || error == STORE_MISSING ? "the consensus store: " : "",
                 error == DRIVER_OTHER_STATE
                     ? "the ledger is not what was signed, as was found when this node stopped: "
                       "restore its own ledger of before, or leave it off"
                     : driver_reason(store, error));
        driver_close(d);
        return NULL;
    }
    return d;
}

void driver_close(struct driver *d)
{
    if (!d)
        return;
    while (d->worked) {
        struct job *j = d->worked;
        d->worked = j->next;
        job_free(j);
    }
    for (unsigned k = 0; k < ENCODINGS_KEPT; k++)
        job_free(d->encodings[k]);
    for (unsigned s = 0; s < FETCH_SLOTS; s++)
        free(d->gathers[s].chunks);
    for (size_t k = 0; k < d->votes_capacity; k++)
        free(d->votes[k].bytes);
    free(d->gathers[0].proofs);
    outbox_free(d->outbox);
    free(d->votes);
    free(d->executed);
    free(d->frames);
    free(d->questions);
    free(d->deferred);
    free(d->frame);
    free(d->effects.items);
    free(d->memory);
    free(d);
}
