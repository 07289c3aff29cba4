#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "net/clock.h"
#include "node/daemon_state.h"
#include "node/work.h"

static_assert((int)DRIVER_VOTES == (int)LANE_VOTES, "the driver's lanes are the transport's");
static_assert((int)DRIVER_DISPERSAL == (int)LANE_DISPERSAL, "the same");
static_assert((int)DRIVER_RETRIEVAL == (int)LANE_RETRIEVAL, "the same");

static void send(void *context, node_id to, enum driver_lane lane, uint64_t order, uint64_t tag,
                 struct slice bytes)
{
    struct daemon *d = context;
    struct frame *frame = frame_new(bytes.size);
    memcpy(frame->bytes, bytes.data, bytes.size);
    transport_send(d->transport, to, (enum lane)lane, order, tag,
                   frame); /* Counts what it drops. */
    frame_release(frame);
}

static bool takes(void *context, node_id to, enum driver_lane lane, uint64_t tag, size_t size)
{
    const struct daemon *d = context;
    return transport_takes(d->transport, to, (enum lane)lane, tag, size);
}

static void drop(void *context, node_id to, enum driver_lane lane, uint64_t tag)
{
    struct daemon *d = context;
    transport_drop(d->transport, to, (enum lane)lane, tag);
}

static size_t queued(void *context, node_id to, enum driver_lane of)
{
    const struct daemon *d = context;
    size_t bytes = 0;
    for (enum lane lane = 0; lane < LANES; lane++)
        if (of == DRIVER_LANES || (enum lane)of == lane)
            bytes += transport_queued(d->transport, to, lane);
    return bytes;
}

struct job_task {
    struct task task;
    struct daemon *daemon;
    struct job *job;
};

static void run_job(struct task *task) { job_run(((struct job_task *)task)->job); }

static void finish_job(struct task *task)
{
    struct job_task *j = (struct job_task *)task;
    driver_worked(j->daemon->driver, j->job);
    free(j);
}

static void work(void *context, struct job *job)
{
    struct daemon *d = context;
    struct job_task *j = malloc(sizeof(*j));
    if (!j)
        abort();
    *j = (struct job_task){{.run = run_job, .finish = finish_job}, d, job};
    bool bulk = job->result.kind == WORK_DECODE;
    workers_submit(d->workers, bulk ? WORKERS_BULK : WORKERS_VOTES, &j->task);
}

static uint32_t take(void *context, epoch_id epoch, struct writer *w)
{
    struct daemon *d = context;
    return mempool_take(d->mempool, epoch, d->config.node.block_bytes, w);
}

static void given_up(void *context, epoch_id epoch)
{
    struct daemon *d = context;
    mempool_release(d->mempool, epoch);
}

static void deliver(void *context, const struct delivery *delivery)
{
    struct daemon *d = context;
    execution_deliver(d->execution, delivery);
}

static void end_epoch(void *context, epoch_id epoch)
{
    struct daemon *d = context;
    execution_end_epoch(d->execution, epoch);
}

static void fault(void *context, node_id peer, enum fault kind)
{
    struct daemon *d = context;
    assert(peer < d->quorum.n);
    assert(kind < FAULT_COUNT);
    d->faults[kind][peer]++;
    log_limited(LOG_LEVEL_WARN, "fault", (uint64_t)peer * FAULT_COUNT + kind,
                "node %u: %s kind=%s peer=%u count=%llu", (unsigned)peer, fault_text(kind),
                fault_name(kind), (unsigned)peer, (unsigned long long)d->faults[kind][peer]);
}

static void snapshot(void *context, node_id from, const struct message *m)
{
    daemon_hear_snapshot(context, from, m);
}

static int commit(void *context, struct store *store)
{
    struct daemon *d = context;
    return mempool_commit(d->mempool, store);
}

static uint64_t now_us(void *context)
{
    (void)context;
    return clock_us();
}

static void trace(void *context, const char *line)
{
    (void)context;
    log_line(LOG_LEVEL_DEBUG, "core", "%s", line);
}

struct driver_ports daemon_ports(struct daemon *d, bool traced)
{
    return (struct driver_ports){
        .context = d,
        .send = send,
        .takes = takes,
        .drop = drop,
        .queued = queued,
        .work = work,
        .take = take,
        .given_up = given_up,
        .deliver = deliver,
        .end_epoch = end_epoch,
        .fault = fault,
        .snapshot = snapshot,
        .commit = commit,
        .clock_us = now_us,
        .trace = traced ? trace : NULL,
    };
}

struct executed daemon_executed(const struct daemon *d)
{
    const struct executor_state *x = &d->executed;
    return (struct executed){x->epoch, x->height, x->log_root, x->state_root};
}

void daemon_settle(struct daemon *d, const struct execution_report *report)
{
    settle(&d->settler, report);
    d->executed = report->state;
    const struct executed x = daemon_executed(d);
    driver_executed(d->driver, &x);
}
