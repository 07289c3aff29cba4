/* In the daemon of a test (the linker's --wrap): a node named in $LEDGER_LIARS ("5 6") lies. What
 * leaves it is edited as in the simulator, by a few of its lies, others every DRAW_S; how often it
 * told each stands in the file $LEDGER_HEARD.lies/NODE.PID. With $LEDGER_WIRE=2 a node speaks that
 * version of the protocol. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "net/transport.h"
#include "node/driver.h"
#include "tests/chaos/heard.h"
#include "tests/sim/liar.h"

enum {
    TOLD_EVERY = 64, /* Frames. */
    DRAW_S = 10,
    DRAWN = 4,
    COIN_ROUND = 2, /* The first that has one. */
    VOLUNTEERED_MAX = 1024,
};

bool __real_transport_send(struct transport *t, node_id to, enum lane lane, uint64_t order,
                           uint64_t tag, struct frame *frame);
bool __wrap_transport_send(struct transport *t, node_id to, enum lane lane, uint64_t order,
                           uint64_t tag, struct frame *frame);
struct driver *__real_driver_open(const struct driver_options *options, struct store *store,
                                  const struct driver_ports *ports,
                                  const struct driver_ledger *ledger, char *message,
                                  size_t message_size);
struct driver *__wrap_driver_open(const struct driver_options *options, struct store *store,
                                  const struct driver_ports *ports,
                                  const struct driver_ledger *ledger, char *message,
                                  size_t message_size);

node_id heard_self;

static struct liar liar;
static struct prng prng;
static struct code code;
static struct hash chain;
static bool lying;

static bool is_named(node_id self)
{
    const char *at = getenv("LEDGER_LIARS");
    while (at && *at) {
        char *end;
        const unsigned long number = strtoul(at, &end, 10);
        if (end == at)
            break;
        if (number == self)
            return true;
        at = end;
    }
    return false;
}

static void draw_lies(void)
{
    static time_t drawn;
    const time_t now = time(NULL);
    if (drawn + DRAW_S > now)
        return;
    drawn = now;
    memset(liar.lies, 0, sizeof liar.lies);
    for (unsigned k = 0; k < DRAWN; k++)
        liar.lies[prng_below(&prng, LIES)] = true;
    /* Killed nodes are silent, and slow links late, enough. */
    liar.lies[LIE_silent] = liar.lies[LIE_late] = false;
}

struct driver *__wrap_driver_open(const struct driver_options *options, struct store *store,
                                  const struct driver_ports *ports,
                                  const struct driver_ledger *ledger, char *message,
                                  size_t message_size)
{
    const struct node_options *o = &options->node;
    heard_self = o->self;
    lying = is_named(o->self);
    if (lying) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        prng_init(&prng, (uint64_t)now.tv_nsec ^ (uint64_t)getpid() << 32);
        chain = options->chain;
        code_init(&code, o->quorum);
        liar_init(&liar, &prng, o->quorum, o->self, &chain, &code, options->identity);
    }
    return __real_driver_open(options, store, ports, ledger, message, message_size);
}

static void write_told(void)
{
    static unsigned frames;
    const char *heard = getenv("LEDGER_HEARD");
    char path[1024];
    if (!heard || ++frames % TOLD_EVERY != 0)
        return;
    snprintf(path, sizeof path, "%s.lies/%u.%d", heard, (unsigned)liar.self, (int)getpid());
    FILE *file = fopen(path, "w");
    for (unsigned k = 0; file && k < LIES; k++)
        fprintf(file, "%s %" PRIu64 "\n", lie_names[k], liar.told[k]);
    if (file)
        fclose(file);
}

/* Links are not so bad that agreements often come to a coin. So a liar says beforehand what it would
 * say there: CONF of this to some and of that to others, and a share that is none. */
static void volunteer(node_id to, const struct word *word, struct writer *w)
{
    const epoch_id epoch = word->first_unsealed + prng_below(&prng, 2);
    if (liar.lies[LIE_two_confs]) {
        struct message m = {.kind = MESSAGE_VOTES, .epoch = epoch};
        m.votes.vote = (struct ba_message){BA_CONF, COIN_ROUND, to % 2 ? BA_ONE : BA_ZERO};
        nodeset_add(&m.votes.proposers, (unsigned)prng_below(&prng, liar.quorum.n));
        message_encode(w, liar.quorum, liar.self, to, &m);
        liar.told[LIE_two_confs]++;
    }
    if (liar.lies[LIE_bad_share]) {
        struct message m = {.kind = MESSAGE_SHARE,
                            .epoch = epoch,
                            .proposer = (node_id)prng_below(&prng, liar.quorum.n)};
        m.share.round = COIN_ROUND;
        prng_fill(&prng, (uint8_t *)&m.share.share, sizeof m.share.share);
        message_encode(w, liar.quorum, liar.self, to, &m);
        liar.told[LIE_bad_share]++;
    }
}

/* What else leaves with a frame: the frame that does. */
static struct frame *add_to(struct slice edited, node_id to, enum lane lane)
{
    struct frame *frame = frame_new(edited.size + VOLUNTEERED_MAX);
    struct reader r = reader_of(edited);
    struct word word;
    memcpy(frame->bytes, edited.data, edited.size);
    struct writer w = writer_of(frame->bytes + edited.size, VOLUNTEERED_MAX);
    if (lane == LANE_VOTES && message_header_decode(&r, &chain, &word))
        volunteer(to, &word, &w);
    frame->size = edited.size + writer_result(&w).size;
    return frame;
}

bool __wrap_transport_send(struct transport *t, node_id to, enum lane lane, uint64_t order,
                           uint64_t tag, struct frame *frame)
{
    const char *wire = getenv("LEDGER_WIRE");
    if (wire)
        frame->bytes[0] = (uint8_t)atoi(wire);
    if (!lying)
        return __real_transport_send(t, to, lane, order, tag, frame);
    draw_lies();
    const struct slice edited = liar_edit(&liar, to, slice_of(frame->bytes, frame->size));
    write_told();
    if (edited.size == 0)
        return true;
    struct frame *other = add_to(edited, to, lane);
    const bool sent = __real_transport_send(t, to, lane, order, tag, other);
    frame_release(other);
    return sent;
}
