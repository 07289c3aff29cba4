/* A member of a cluster that begins with a snapshot of what the first one has executed. */
#ifndef TESTS_CORE_SNAPSHOT_H
#define TESTS_CORE_SNAPSHOT_H

#include "tests/core_checks.h"

/* The ledger of the first at the end of an epoch, in place of its own. */
static inline void take_ledger(struct member *to, epoch_id epoch)
{
    const struct member *from = &cluster.members[0];
    unsigned height = 0, ids = 0;
    memcpy(to->ledger, from->ledger, sizeof to->ledger);
    memcpy(to->ids, from->ids, sizeof to->ids);
    to->log_root = (struct hash){{0}};
    for (; height < from->height && from->ledger[height].with_epoch <= epoch; height++)
        to->log_root = hash_inner(&to->log_root, &from->ledger[height].commitment);
    assert_true(from->executed < epoch + ENDED);
    ids = from->ended_ids[epoch % ENDED];
    to->executed = epoch;
    to->executed_height = height;
    to->executed_ids = ids;
}

static inline bool can_begin_with_snapshot(struct member *to, epoch_id epoch, char *message,
                                           size_t message_size)
{
    static struct identity_signature signatures[NODES_MAX];
    static struct checkpoint_record r;
    struct store_view *view;
    assert_int_equal(store_view_open(cluster.members[0].store, &view), 0);
    assert_int_equal(driver_checkpoint(view, cluster.quorum, epoch, &r, signatures), 0);
    store_view_close(view);
    assert_true(nodeset_count(&r.signers) >= quorum_some(cluster.quorum));
    member_crash(to);
    take_ledger(to, epoch);
    installed = &r;
    const bool opened = member_can_open(to, message, message_size);
    installed = NULL;
    return opened;
}

static inline void begin_with_snapshot(struct member *to, epoch_id epoch)
{
    char message[256];
    if (!can_begin_with_snapshot(to, epoch, message, sizeof message))
        fail_msg("%s", message);
}

#endif
