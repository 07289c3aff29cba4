/* What a simulated node's driver does to the world. */
#include "tests/sim/cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sim_wake(struct sim_node *n)
{
    if (n->flush_due || !n->up)
        return;
    n->flush_due = true;
    struct sim *s = n->sim;
    uint64_t at = s->network.now_us + prng_below(&s->prng, 300);
    if (at < n->disk_us)
        at = n->disk_us; /* It is still committing. */
    network_schedule(
        &s->network,
        (struct happening){.at_us = at, .type = HAPPEN_FLUSH, .node = n->place, .life = n->life});
}

static bool parted(const struct sim *s, node_id a, node_id b)
{
    return !nodeset_empty(&s->side) && nodeset_has(&s->side, a) != nodeset_has(&s->side, b);
}

/* Who of that name hears it; NULL: nobody, as only the other twin is heard there. */
static struct sim_node *listener(const struct sim_node *n, node_id to)
{
    struct sim *s = n->sim;
    if (!s->twins)
        return &s->nodes[to];
    if (n->id == s->twin_of)
        return nodeset_has(&s->twin_side, to) == (n->place != n->id) ? &s->nodes[to] : NULL;
    const bool second = to == s->twin_of && nodeset_has(&s->twin_side, n->id);
    return &s->nodes[second ? s->quorum.n : to];
}

static void deliver_frame(struct sim_node *n, struct sim_node *to, struct slice frame)
{
    struct sim *s = n->sim;
    uint64_t at = s->network.now_us > n->disk_us ? s->network.now_us : n->disk_us;
    if (s->bytes_per_s[n->id] > 0) {
        if (n->free_us < at)
            n->free_us = at;
        n->free_us += frame.size * 1000000 / s->bytes_per_s[n->id];
        at = n->free_us;
    }
    /* Mostly near the mean, now and then far from it: frames overtake one another. */
    const uint64_t spread = prng_chance(&s->prng, 1, 20) ? 10 : 1;
    at += s->delay_us / 2 + prng_below(&s->prng, s->delay_us * spread + 1);
    if (at < s->last_arrival_us[n->id][to->id])
        s->tally->reordered++;
    else
        s->last_arrival_us[n->id][to->id] = at;
    if (n->liar)
        at += liar_delay(&n->lying);
    uint8_t *bytes = malloc(frame.size ? frame.size : 1);
    if (!bytes)
        abort();
    memcpy(bytes, frame.data, frame.size);
    network_schedule(&s->network, (struct happening){.at_us = at,
                                                     .type = HAPPEN_FRAME,
                                                     .node = to->place,
                                                     .from = n->id,
                                                     .bytes = bytes,
                                                     .size = frame.size,
                                                     .life = to->life});
}

/* Whether an open agreement has said SHARE of a round: its CONF is done. A closed one does not tell. */
static bool may_release(const struct node *n, const struct message *m)
{
    struct ba_message said[BA_MESSAGES_MAX];
    unsigned cursor = 0, count;
    bool open = false;
    while ((count = node_resend(n, m->epoch, m->proposer, &cursor, said, BA_MESSAGES_MAX)) > 0)
        for (unsigned k = 0; k < count; k++) {
            open = open || said[k].type != BA_TERM;
            if (said[k].type == BA_SHARE && said[k].round == m->share.round)
                return true;
        }
    return !open;
}

/* Shares are rare: without this hardly a node would come back in the middle of a toss. */
static void crash_soon(struct sim_node *n)
{
    struct sim *s = n->sim;
    if (!s->healed && s->crash_per_mille > 0 && prng_chance(&s->prng, 1, 8))
        network_schedule(&s->network,
                         (struct happening){.at_us = s->network.now_us + prng_below(&s->prng, 2000),
                                            .type = HAPPEN_CRASH,
                                            .node = n->place,
                                            .life = n->life});
}

/* No share of a correct node leaves early (with f+1 of them the scheduler knows the coin), and no
 * word of it is ever another, whatever became of its disk. */
static void check_frame(struct sim_node *n, node_id to, struct slice frame)
{
    struct sim *s = n->sim;
    struct reader r = reader_of(frame);
    struct word word;
    struct message m;
    if (!message_header_decode(&r, &s->chain, &word))
        return;
    while (message_decode(&r, s->quorum, n->id, to, &m)) {
        s->tally->later_pieces += m.kind == MESSAGE_PIECE && m.chunk.offset > 0;
        const char *wrong = m.kind == MESSAGE_SHARE && !may_release(driver_node(n->driver), &m)
                                ? "a share leaves before CONF is done"
                            : !said_add(&s->said, n->id, &m) ? "it says another thing than before"
                                                             : NULL;
        if (m.kind == MESSAGE_SHARE)
            crash_soon(n);
        if (wrong)
            snprintf(s->failure, sizeof s->failure,
                     "node %u: %s (epoch %llu, proposer %u, kind %d)", n->id, wrong,
                     (unsigned long long)m.epoch, m.proposer, (int)m.kind);
    }
}

static void port_send(void *context, node_id to, enum driver_lane lane, uint64_t order,
                      uint64_t tag, struct slice frame)
{
    (void)lane, (void)order, (void)tag;
    struct sim_node *n = context;
    struct sim *s = n->sim;
    struct sim_node *hears = listener(n, to);
    if (!hears)
        return;
    if (!n->liar)
        check_frame(n, to, frame);
    if (n->liar && !hears->liar)
        frame = liar_edit(&n->lying, to, frame);
    if (frame.size == 0)
        return;
    const uint32_t loss = s->healed ? 0 : s->loss_per_mille;
    if (parted(s, n->id, to) || prng_chance(&s->prng, loss, 1000)) {
        s->tally->lost++;
        return;
    }
    deliver_frame(n, hears, frame);
    if (!s->healed && prng_chance(&s->prng, s->repeat_per_mille, 1000)) {
        s->tally->repeated++;
        deliver_frame(n, hears, frame);
    }
}

static void port_drop(void *context, node_id to, enum driver_lane lane, uint64_t tag)
{
    (void)context, (void)to, (void)lane, (void)tag;
}

static void port_work(void *context, struct job *job)
{
    struct sim_node *n = context;
    struct sim *s = n->sim;
    const uint64_t late = prng_chance(&s->prng, 1, 30) ? 20 : 1;
    network_schedule(
        &s->network,
        (struct happening){.at_us = s->network.now_us + prng_below(&s->prng, s->work_us * late + 1),
                           .type = HAPPEN_WORK,
                           .node = n->place,
                           .life = n->life,
                           .job = job});
}

static struct hash content_of(struct slice transactions) { return hash_bytes(transactions); }

static uint32_t port_take(void *context, epoch_id epoch, struct writer *w)
{
    struct sim_node *n = context;
    uint8_t *start = w->at;
    uint32_t count = 0;
    for (size_t k = n->pool_first; k < n->pool_count; k++) {
        struct sim_transaction *t = &n->pool[k];
        if (t->marked || t->done || (size_t)(w->end - w->at) < 4 + t->size)
            continue;
        t->marked = epoch;
        write_u32(w, t->size);
        write_u64(w, t->id);
        for (uint32_t at = sizeof t->id; at < t->size; at += sizeof t->id)
            write_u64(w, ~t->id * at);
        count++;
    }
    const struct hash content = content_of(slice_of(start, (size_t)(w->at - start)));
    if (!n->liar)
        check_proposed(n->sim->check, n->id, driver_node(n->driver), epoch, count, &content);
    sim_node_report_pool(n);
    return count;
}

static void port_given_up(void *context, epoch_id epoch)
{
    struct sim_node *n = context;
    for (size_t k = n->pool_first; k < n->pool_count; k++) {
        struct sim_transaction *t = &n->pool[k];
        if (t->marked != epoch || t->done)
            continue;
        t->marked = 0;
        n->sim->tally->taken_again++;
    }
    sim_node_report_pool(n);
}

static void add_ids(struct sim_node *n, struct slice transactions)
{
    struct slice rest = transactions, one;
    while (block_next(&rest, &one)) {
        if (n->id_count == n->id_capacity) {
            n->id_capacity = n->id_capacity * 2 + 1024;
            n->ids = realloc(n->ids, n->id_capacity * sizeof *n->ids);
            if (!n->ids)
                abort();
        }
        struct reader r = reader_of(one);
        n->ids[n->id_count++] = read_u64(&r);
    }
}

static void port_deliver(void *context, const struct delivery *d)
{
    struct sim_node *n = context;
    struct sim *s = n->sim;
    if (n->broken)
        return; /* It could not read an earlier one, and is about to crash. */
    if (n->entry_count == n->entry_capacity) {
        n->entry_capacity = n->entry_capacity * 2 + 256;
        n->entries = realloc(n->entries, n->entry_capacity * sizeof *n->entries);
        if (!n->entries)
            abort();
    }
    struct sim_entry *e = &n->entries[n->entry_count++];
    *e = (struct sim_entry){.delivery = *d, .first = (uint32_t)n->id_count};
    struct hash content = hash_bytes(slice_of(NULL, 0));
    if (d->valid) {
        struct store_view *view;
        struct slice bytes;
        struct block b;
        int error = store_view_open(n->store, &view);
        if (!error)
            error = driver_block(view, d->epoch, d->proposer, &bytes);
        if (error && error != STORE_MISSING) {
            n->broken = error;
            store_view_close(view);
            return;
        }
        if (error || !block_decode(bytes, s->quorum, d->epoch, &b)) {
            snprintf(s->failure, sizeof s->failure, "node %u: a delivered block is not there",
                     n->id);
            return;
        }
        content = content_of(b.transactions);
        add_ids(n, b.transactions);
        store_view_close(view);
    } else {
        s->tally->bad_blocks++;
    }
    e->count = (uint32_t)n->id_count - e->first;
    if (!n->liar)
        check_delivery(s->check, n->id, d, sim_correct(s, d->proposer), &content);
}

static void port_end_epoch(void *context, epoch_id epoch)
{
    struct sim_node *n = context;
    struct sim *s = n->sim;
    if (n->execute_us < s->network.now_us)
        n->execute_us = s->network.now_us;
    n->execute_us += prng_below(&s->prng, s->execute_us + 1); /* One epoch after another. */
    network_schedule(&s->network, (struct happening){.at_us = n->execute_us,
                                                     .type = HAPPEN_EXECUTED,
                                                     .node = n->place,
                                                     .life = n->life,
                                                     .number = epoch});
}

static void port_fault(void *context, node_id peer, enum fault fault)
{
    struct sim_node *n = context;
    struct sim *s = n->sim;
    if (n->liar)
        return;
    s->tally->caught[fault]++;
    if (sim_correct(s, peer))
        snprintf(s->failure, sizeof s->failure, "node %u accuses correct node %u of %s", n->id,
                 peer, fault_name(fault));
}

static void port_trace(void *context, const char *line)
{
    const struct sim_node *n = context;
    printf("%10.3f node %u %s\n", (double)n->sim->network.now_us / 1000, n->id, line);
}

void sim_ports(struct sim_node *n, struct driver_ports *ports)
{
    *ports = (struct driver_ports){.context = n,
                                   .send = port_send,
                                   .drop = port_drop,
                                   .work = port_work,
                                   .take = port_take,
                                   .given_up = port_given_up,
                                   .deliver = port_deliver,
                                   .end_epoch = port_end_epoch,
                                   .fault = port_fault,
                                   .trace = n->sim->options.trace ? port_trace : NULL};
}
