/* A data directory that holds nothing: the node is new, or has lost it. Who has lost it may have voted,
 * and must never vote in those epochs again, for it does not know how. So a node with nothing is mute
 * until others have said where they are. If f+1 of them have agreed on something, the chain has moved
 * without it, and it ends: unless it is told that its data was lost. Then it stays mute, and begins
 * with a snapshot of an epoch that it cannot have voted in yet. */
#include <inttypes.h>
#include <stdio.h>

#include "node/daemon_state.h"
#include "node/lost.h"

enum { PING_MS = 500, HEAR_MS = 2000, ALL_MS = 20000 };

int daemon_open_lost(struct daemon *d, bool lost_data, char *message, size_t message_size)
{
    struct driver *driver = d->driver;
    if (lost_data && !driver_is_blank(driver) && driver_lost(driver) == 0) {
        snprintf(message, message_size,
                 "%s is not empty: this node knows what it has said, start it without --lost-data",
                 d->config.node.data);
        return -1;
    }
    if (lost_data && driver_lost(driver) == 0 &&
        driver_remember_lost(driver, LOST_NOT_KNOWN) != 0) {
        snprintf(message, message_size, "%s", store_message(d->consensus));
        return -1;
    }
    d->mute = driver_lost(driver) > 0 ? MUTE_LOST : driver_is_blank(driver) ? MUTE_NEW : MUTE_NOT;
    driver_mute(driver, d->mute != MUTE_NOT);
    if (d->mute == MUTE_LOST)
        log_line(LOG_LEVEL_WARN, "lost",
                 "the data was lost: until it has a snapshot of an epoch that it cannot have voted "
                 "in, this node votes for nothing, and counts against f");
    return 0;
}

static void ping(struct daemon *d)
{
    const struct message m = {.kind = MESSAGE_PING, .epoch = 1, .ping = {d->now_ms}};
    if (d->now_ms < d->lost.pinged_ms + PING_MS)
        return;
    d->lost.pinged_ms = d->now_ms;
    daemon_say_all(d, &m);
}

/* Where all say that nothing is agreed, N-f with this node begin. Where somebody says otherwise, it takes
 * N-f others to tell a liar from a cluster that has moved. */
static int look_new(struct daemon *d, char *message, size_t message_size)
{
    unsigned moved;
    const unsigned others = lost_heard(d->lost.words, d->quorum, d->self, &moved);
    if (others + (moved == 0) < quorum_all(d->quorum) && moved < quorum_some(d->quorum))
        return 0;
    if (d->lost.heard_ms == 0)
        d->lost.heard_ms = d->now_ms;
    if (others + 1 < d->quorum.n && d->now_ms < d->lost.heard_ms + HEAR_MS &&
        peers_connected(&d->peers) > others)
        return 0; /* Those who are there are heard too. */
    if (moved >= quorum_some(d->quorum)) {
        snprintf(message, message_size,
                 "the cluster is at epoch %" PRIu64
                 " and %s is empty. If this node's data was lost, or "
                 "it never ran, start it with --lost-data: it then votes for nothing until it has "
                 "a snapshot of the others. Else give it its own data directory",
                 daemon_credible(d), d->config.node.data);
        return -1;
    }
    d->mute = MUTE_NOT;
    driver_mute(d->driver, false);
    return 0;
}

/* Once all others have been heard, or no more have for a while. */
static epoch_id least_epoch(struct daemon *d)
{
    unsigned moved;
    const unsigned others = lost_heard(d->lost.words, d->quorum, d->self, &moved);
    if (others > d->lost.others || d->lost.heard_ms == 0) {
        d->lost.others = others;
        d->lost.heard_ms = d->now_ms;
    }
    if (others + 1 < d->quorum.n && d->now_ms < d->lost.heard_ms + ALL_MS)
        return 0;
    return lost_least(d->lost.words, d->quorum, d->self, d->config.cluster.epoch_window);
}

static int look_lost(struct daemon *d, char *message, size_t message_size)
{
    const epoch_id least = driver_lost(d->driver) == LOST_NOT_KNOWN ? least_epoch(d) : 0;
    if (least > 0) {
        if (driver_remember_lost(d->driver, least) != 0) {
            snprintf(message, message_size, "%s", store_message(d->consensus));
            return -1;
        }
        log_line(LOG_LEVEL_INFO, "lost",
                 "waiting for a snapshot of epoch=%" PRIu64 " or later: the others make one when "
                 "they come to a checkpoint, and come to one when there are transactions",
                 least);
    }
    const bool comes =
        d->snapshots.gathering.gathering && catch_up_is_offered(&d->snapshots.gathering);
    if (driver_lost(d->driver) != LOST_NOT_KNOWN && !comes)
        daemon_want_snapshot(d, driver_lost(d->driver), true);
    return 0;
}

int daemon_look_after_lost(struct daemon *d, char *message, size_t message_size)
{
    if (d->mute == MUTE_NOT)
        return 0;
    ping(d);
    return d->mute == MUTE_NEW ? look_new(d, message, message_size)
                               : look_lost(d, message, message_size);
}
