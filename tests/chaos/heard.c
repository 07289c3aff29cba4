/* In place of message_decode in the daemon of a test (the linker's --wrap): what it decodes goes to
 * the file $LEDGER_HEARD/NODE too, before anybody acts on it, with a write each. A record that a
 * killed node wrote is in the file. */
#include "tests/chaos/heard.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/hash.h"

bool __real_message_decode(struct reader *r, struct quorum q, node_id from, node_id to,
                           struct message *m);
bool __wrap_message_decode(struct reader *r, struct quorum q, node_id from, node_id to,
                           struct message *m);

static void put(const struct heard *h, node_id to)
{
    static int file = -1;
    const char *directory = getenv("LEDGER_HEARD");
    char path[1024];
    if (!directory)
        return;
    if (file < 0) {
        snprintf(path, sizeof path, "%s/%u", directory, (unsigned)to);
        file = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    }
    if (write(file, h, sizeof *h) != sizeof *h) {
        perror("LEDGER_HEARD");
        abort();
    }
}

static void put_roots(struct heard *h, const struct message *m, node_id to)
{
    h->type = (uint8_t)m->roots.vote;
    for (unsigned i = 0; i < m->roots.count; i++) {
        node_id proposer;
        message_root_entry(m, i, &proposer, &h->value);
        h->proposers = (struct nodeset){0};
        nodeset_add(&h->proposers, proposer);
        put(h, to);
    }
}

static void note(node_id from, node_id to, const struct message *m)
{
    if (to != heard_self) /* A liar decodes what it says, too. */
        return;
    struct heard h = {.epoch = m->epoch, .kind = (uint8_t)m->kind, .from = (uint8_t)from};
    nodeset_add(&h.proposers, m->proposer);
    switch (m->kind) {
    case MESSAGE_VOTES:
        h.type = m->votes.vote.type;
        h.round = m->votes.vote.round;
        h.values = m->votes.vote.values;
        h.proposers = m->votes.proposers;
        break;
    case MESSAGE_ROOTS: put_roots(&h, m, to); return;
    case MESSAGE_SHARE:
        h.round = m->share.round;
        memcpy(&h.value, &m->share.share, HASH_SIZE);
        break;
    case MESSAGE_CHECKPOINT: h.value = m->checkpoint.digest; break;
    case MESSAGE_CHUNK: h.value = m->chunk.header.tree_root; break;
    case MESSAGE_WANT_VOTES:
    case MESSAGE_WANT_ROOTS:
    case MESSAGE_REQUEST:
    case MESSAGE_CANCEL:
    case MESSAGE_NONE:
    case MESSAGE_PIECE:
    case MESSAGE_READY:
    case MESSAGE_WANT_CHECKPOINT:
    case MESSAGE_PING:
    case MESSAGE_OFFER:
    case MESSAGE_WANT_SNAPSHOT:
    case MESSAGE_SNAPSHOT:
    case MESSAGE_PONG: return; /* No votes; and READY is for the root of the GOT before it. */
    }
    put(&h, to);
}

bool __wrap_message_decode(struct reader *r, struct quorum q, node_id from, node_id to,
                           struct message *m)
{
    const bool is = __real_message_decode(r, q, from, to, m);
    if (is)
        note(from, to, m);
    return is;
}
