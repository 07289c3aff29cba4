/* Whether there is room for what others' blocks and one's own votes take. Transactions grow the ledger,
 * which only grows: they need room on the disk. Chunks need it in the consensus store, whose file may
 * have some. */
#include <inttypes.h>
#include <sys/statvfs.h>

#include "node/daemon_state.h"
#include "node/log.h"

enum { LOOK_MS = 1000 };
/* Left for what is promised: of a small file system a part. */
static const uint64_t reserve_bytes = 64 << 20;
enum { RESERVE_PART = 8 };
enum { FLOOR_PART = 4 }; /* A part of it is free: what is large may fit nowhere within a file. */
static const size_t map_most = DAEMON_MAP_BYTES / 8 * 7;

void daemon_look_at_disk(struct daemon *d)
{
    struct statvfs v;
    if (d->disk.looked_ms != 0 && d->now_ms < d->disk.looked_ms + LOOK_MS)
        return;
    d->disk.looked_ms = d->now_ms;
    d->disk.free = d->disk.reserve = UINT64_MAX;
    if (statvfs(d->config.node.data, &v) != 0)
        return;
    const uint64_t part = (uint64_t)v.f_blocks * v.f_frsize / RESERVE_PART;
    d->disk.free = (uint64_t)v.f_bavail * v.f_frsize;
    d->disk.reserve = part < reserve_bytes ? part : reserve_bytes;
}

uint64_t daemon_store_limit(const struct daemon *d)
{
    const uint64_t consensus = store_used(d->consensus), ledger = store_used(d->ledger);
    const uint64_t used = consensus > ledger ? consensus : ledger;
    return d->disk.free < DAEMON_MAP_BYTES - used ? used + d->disk.free : DAEMON_MAP_BYTES;
}

bool daemon_store_filling(const struct daemon *d)
{
    const char *what = d->disk.free < d->disk.reserve        ? "disk"
                       : store_used(d->consensus) > map_most ? "consensus store"
                       : store_used(d->ledger) > map_most    ? "ledger store"
                                                             : NULL;
    if (what)
        log_limited(LOG_LEVEL_ERROR, "store", 0,
                    "the %s is nearly full: no transactions are taken; free bytes=%" PRIu64, what,
                    d->disk.free);
    return what != NULL;
}

bool daemon_may_promise(const struct daemon *d)
{
    const bool fits = store_used(d->consensus) <= map_most &&
                      (d->disk.free >= d->disk.reserve ||
                       (d->disk.free >= d->disk.reserve / FLOOR_PART &&
                        d->disk.free + store_reusable(d->consensus) >= d->disk.reserve));
    if (!fits)
        log_limited(
            LOG_LEVEL_ERROR, "store", 1,
            "there is no room to keep what others ask it to: their blocks' chunks are not taken");
    return fits;
}
