#include "node/catch_up.h"

#include <string.h>

enum { OFFER_MS = 2000 }; /* Between two offers of a peer that are looked at. */

static void gather(struct catch_up *c, uint64_t now_ms)
{
    c->gathering = true;
    c->begun_ms = now_ms;
    c->bytes = 0;
    c->next = c->here = 0;
    c->silent = (struct nodeset){0};
    c->slots = CATCH_UP_PIECES / 2;
    c->patience_ms = CATCH_UP_PATIENCE_MS;
    c->moved_ms = now_ms;
    memset(c->asked, 0, sizeof c->asked);
}

/* As if nobody had offered anything. */
static int give_up(struct catch_up *c)
{
    const bool gathered = c->gathering;
    c->gathering = c->have = false;
    c->offering = (struct nodeset){0};
    memset(c->last, 0, sizeof c->last);
    return gathered ? snapshots_abandon(c->store, c->head.checkpoint.epoch) : 0;
}

int catch_up_open(struct catch_up *c, const struct snapshot_rules *rules, struct store *store,
                  const struct catch_up_ports *ports)
{
    struct store_view *view;
    *c = (struct catch_up){
        .rules = *rules, .store = store, .ports = *ports, .piece_ms = CATCH_UP_PIECE_MS};
    int error = store_view_open(store, &view);
    if (error)
        return error;
    error = snapshots_last(view, rules->quorum, SNAPSHOT_GATHERED, &c->head);
    store_view_close(view);
    if (error)
        return error == STORE_MISSING ? 0 : error;
    c->have = true;
    c->teller = rules->quorum.n; /* Of before the restart: nobody to blame. */
    gather(c, 0);
    return 0;
}

static struct catch_up_offer offer_of(const struct snapshot_head *h)
{
    return (struct catch_up_offer){h->checkpoint.epoch, h->accounts,   h->runs, h->ids,
                                   h->state_pieces,     h->pieces_root};
}

static bool same(const struct catch_up_offer *a, const struct catch_up_offer *b)
{
    return a->epoch == b->epoch && a->accounts == b->accounts && a->runs == b->runs &&
           a->ids == b->ids && a->state_pieces == b->state_pieces &&
           hash_equal(&a->pieces_root, &b->pieces_root);
}

/* How many of those who are believed have offered it last. */
static unsigned count_of(const struct catch_up *c, const struct catch_up_offer *offer)
{
    unsigned count = 0;
    for (unsigned p = 0; p < c->rules.quorum.n; p++)
        count += same(&c->last[p], offer) && !nodeset_has(&c->banned, p);
    return count;
}

/* One that f+1 offer, of whom one is correct, before any other; then the newest. */
static bool is_better(const struct catch_up *c, const struct catch_up_offer *offer)
{
    const struct catch_up_offer now = offer_of(&c->head);
    const bool some = count_of(c, offer) >= quorum_some(c->rules.quorum);
    const bool had = c->have && count_of(c, &now) >= quorum_some(c->rules.quorum);
    return !c->have || (some != had ? some : offer->epoch > now.epoch);
}

/* More than f cannot all be liars: then it was something else, and each may try again. */
static void ban(struct catch_up *c, uint64_t now_ms)
{
    if (c->teller >= c->rules.quorum.n)
        return;
    c->banned_ms = now_ms;
    nodeset_add(&c->banned, c->teller);
    if (nodeset_count(&c->banned) > c->rules.quorum.f)
        c->banned = (struct nodeset){0};
}

static bool listens(struct catch_up *c, node_id from, uint64_t now_ms)
{
    if (!c->gathering && now_ms >= c->banned_ms + CATCH_UP_BAN_MS)
        c->banned = (struct nodeset){0};
    if (nodeset_has(&c->banned, from) ||
        (c->heard_ms[from] != 0 && now_ms < c->heard_ms[from] + OFFER_MS))
        return false;
    c->heard_ms[from] = now_ms;
    return true;
}

void catch_up_offer(struct catch_up *c, node_id from, epoch_id executed, struct slice bytes,
                    uint64_t now_ms)
{
    struct snapshot_head head;
    if (!listens(c, from, now_ms))
        return;
    if (!snapshot_head_decode(bytes, c->rules.quorum, &head) ||
        !snapshot_head_verify(&head, &c->rules)) {
        c->ports.fault(c->ports.context, from);
        return;
    }
    const struct catch_up_offer offer = offer_of(&head), now = offer_of(&c->head);
    if (offer.epoch <= executed)
        return;
    c->last[from] = offer;
    if (!c->gathering && !(c->have && same(&offer, &now)) && is_better(c, &offer)) {
        c->have = true;
        c->head = head;
        c->teller = from;
        c->offering = (struct nodeset){0};
        for (unsigned p = 0; p < c->rules.quorum.n; p++)
            if (same(&c->last[p], &offer))
                nodeset_add(&c->offering, p);
    } else if (c->have && same(&offer, &now)) {
        nodeset_add(&c->offering, from);
    }
}

/* The next of those who offer it; if nobody does any more, of those who offer another, and may have
 * kept it. Those who let a piece wait only when all have. n: there is none. */
static node_id next_peer(struct catch_up *c)
{
    const unsigned n = c->rules.quorum.n;
    const bool some = !nodeset_empty(&c->offering);
    for (unsigned k = 0; k < 2 * n; k++) {
        if (k == n)
            c->silent = (struct nodeset){0};
        c->turn = (node_id)((c->turn + 1u) % n);
        if ((some ? nodeset_has(&c->offering, c->turn) : c->last[c->turn].epoch > 0) &&
            !nodeset_has(&c->silent, c->turn))
            return c->turn;
    }
    return (node_id)n;
}

bool catch_up_is_offered(const struct catch_up *c)
{
    bool some = !nodeset_empty(&c->offering);
    for (unsigned p = 0; p < c->rules.quorum.n; p++)
        some = some || c->last[p].epoch > 0;
    return some;
}

static void ask(struct catch_up *c, unsigned slot, uint32_t index, uint64_t now_ms)
{
    const bool run = index < snapshot_run_pieces(&c->head) && c->teller < c->rules.quorum.n;
    const node_id peer = run ? c->teller : next_peer(c); /* For runs one answers. */
    c->asked[slot].open = true;
    c->asked[slot].index = index;
    c->asked[slot].peer = peer;
    c->asked[slot].asked_ms = now_ms;
    if (peer < c->rules.quorum.n)
        c->ports.ask(c->ports.context, peer, c->head.checkpoint.epoch, index);
}

/* The next piece that is not here; the number of pieces when all are here or asked for. */
static int find_next(struct catch_up *c, uint32_t *index)
{
    const uint32_t pieces = snapshot_pieces(&c->head);
    struct store_view *view;
    struct slice piece;
    int error = c->next < pieces ? store_view_open(c->store, &view) : STORE_MISSING;
    if (error) {
        *index = pieces;
        return error == STORE_MISSING ? 0 : error;
    }
    for (; c->next < pieces; c->next++, c->here++)
        if ((error = snapshots_piece(view, c->head.checkpoint.epoch, c->next, &piece)))
            break;
    store_view_close(view);
    *index = c->next;
    if (error == STORE_MISSING)
        c->next++;
    return error == STORE_MISSING ? 0 : error;
}

static int ask_more(struct catch_up *c, uint64_t now_ms, bool *all)
{
    bool late = false;
    *all = true;
    for (unsigned slot = 0; slot < CATCH_UP_PIECES; slot++) {
        const bool open = c->asked[slot].open;
        uint32_t index = c->asked[slot].index;
        if (open && now_ms < c->asked[slot].asked_ms + c->patience_ms) {
            *all = false;
            continue;
        }
        if (open && c->asked[slot].asked_ms != 0) {
            late = true;
            if (c->asked[slot].peer < c->rules.quorum.n)
                nodeset_add(&c->silent, c->asked[slot].peer);
        }
        if (!open) {
            const int error = slot < c->slots ? find_next(c, &index) : 0;
            if (error)
                return error;
            if (slot >= c->slots || index == snapshot_pieces(&c->head))
                continue;
            c->asked[slot].first_ms = now_ms;
        }
        *all = false;
        ask(c, slot, index, now_ms);
    }
    if (late) { /* The link is slow, or somebody is. */
        c->slots -= c->slots > 1;
        if (c->patience_ms < CATCH_UP_PATIENCE_MS_MAX)
            c->patience_ms *= 2;
    }
    return 0;
}

/* Who offers another could be asked, if this one does not come. */
static bool is_choice(const struct catch_up *c)
{
    for (unsigned p = 0; p < c->rules.quorum.n; p++)
        if (c->last[p].epoch > 0 && !nodeset_has(&c->offering, p) && !nodeset_has(&c->banned, p))
            return true;
    return false;
}

/* A piece came. */
static void moved(struct catch_up *c, unsigned slot, bool run, uint64_t now_ms)
{
    const uint64_t ms = run ? CATCH_UP_RUN_MS : is_choice(c) ? c->piece_ms : CATCH_UP_GIVE_UP_MS;
    const uint64_t patience_ms = 2 * (now_ms - c->asked[slot].first_ms);
    c->patience_ms = patience_ms < CATCH_UP_PATIENCE_MS       ? CATCH_UP_PATIENCE_MS
                     : patience_ms < CATCH_UP_PATIENCE_MS_MAX ? patience_ms
                                                              : CATCH_UP_PATIENCE_MS_MAX;
    c->slots += c->slots < CATCH_UP_PIECES;
    c->moved_ms = now_ms > c->moved_ms + ms ? c->moved_ms + ms : now_ms;
}

int catch_up_piece(struct catch_up *c, node_id from, const struct message *m, uint64_t now_ms)
{
    struct hash path[MERKLE_LOG_DEPTH_MAX];
    const unsigned length = (unsigned)(m->snapshot.path.size / HASH_SIZE);
    const uint32_t index = m->snapshot.index;
    unsigned slot = 0;
    while (slot < CATCH_UP_PIECES && !(c->asked[slot].open && c->asked[slot].index == index))
        slot++;
    if (!c->gathering || m->epoch != c->head.checkpoint.epoch || slot == CATCH_UP_PIECES)
        return 0;
    const bool run = index < snapshot_run_pieces(&c->head);
    if (run && from != c->asked[slot].peer)
        return 0; /* Who was asked before may be late; for runs one answers. */
    memcpy(path, m->snapshot.path.data, m->snapshot.path.size);
    if (!snapshot_piece_valid(&c->head, index, m->snapshot.data, path, length)) {
        c->ports.fault(c->ports.context, from);
        if (from == c->asked[slot].peer)
            c->asked[slot].asked_ms = 0; /* Somebody else is asked at the next tick. */
        return 0;
    }
    const int error = snapshots_put(c->store, &c->head, index, m->snapshot.data);
    if (error)
        return error;
    c->asked[slot].open = false;
    nodeset_remove(&c->silent, from);
    moved(c, slot, run, now_ms);
    c->here++;
    c->bytes += m->snapshot.data.size;
    return 0;
}

static bool some_alike(const struct catch_up *c)
{
    const struct catch_up_offer offer = offer_of(&c->head);
    return c->have && count_of(c, &offer) >= quorum_some(c->rules.quorum);
}

bool catch_up_waits(const struct catch_up *c)
{
    return c->rules.opaque && c->have && !c->gathering && !some_alike(c);
}

static bool begins(const struct catch_up *c, uint64_t still_ms)
{
    unsigned count = 0; /* Whatever each has: nodes make them at different checkpoints. */
    for (unsigned p = 0; c->have && p < c->rules.quorum.n; p++)
        count += c->last[p].epoch > 0 && !nodeset_has(&c->banned, p);
    if (c->rules.opaque)
        return still_ms >= CATCH_UP_STILL_MS && some_alike(c);
    return (count >= quorum_some(c->rules.quorum) && still_ms >= CATCH_UP_STILL_MS) ||
           (count > 0 && still_ms >= CATCH_UP_LONG_MS);
}

/* Its pieces may each fit and be none of the checkpoint all the same: the sizes are not signed, nor
 * are single runs. Then it is the teller who lied, or who sent runs. */
static int finish(struct catch_up *c, uint64_t now_ms, bool *complete)
{
    const int error =
        snapshots_finish(c->store, c->rules.quorum, &c->head, c->rules.link_horizon, complete);
    if (error)
        return error;
    if (*complete) {
        c->gathering = c->have = false;
        c->piece_ms = CATCH_UP_PIECE_MS;
        return 0;
    }
    if (c->teller < c->rules.quorum.n)
        c->ports.fault(c->ports.context, c->teller);
    ban(c, now_ms);
    return give_up(c);
}

int catch_up_tick(struct catch_up *c, epoch_id executed, uint64_t still_ms, uint64_t now_ms,
                  bool *complete)
{
    bool all;
    *complete = false;
    if (c->have && c->head.checkpoint.epoch <= executed)
        return give_up(c); /* Blocks came after all. */
    if (!c->gathering) {
        if (!begins(c, still_ms))
            return 0;
        gather(c, now_ms);
        const int error = snapshots_begin(c->store, &c->head);
        if (error)
            return error;
    }
    if (c->begun_ms == 0) /* It goes on after a restart. */
        c->begun_ms = c->moved_ms = now_ms;
    if (!catch_up_is_offered(c)) { /* After a restart it is not, for a while. */
        c->moved_ms = now_ms;
        return 0;
    }
    int error = ask_more(c, now_ms, &all);
    if (error)
        return error;
    if (all)
        return finish(c, now_ms, complete);
    if (now_ms < c->moved_ms + CATCH_UP_GIVE_UP_MS)
        return 0;
    if (c->piece_ms < CATCH_UP_GIVE_UP_MS) /* It may be our own link. */
        c->piece_ms *= 2;
    ban(c, now_ms);
    return give_up(c);
}
