/* A whole node of four, on the store in memory, and three peers that say what the bytes say: votes
 * of any kind, on dispersals that exist and that do not, chunks and pieces with proofs that hold or
 * do not, coin shares, frames of any bytes; while time passes, epochs are executed, and the node is
 * killed. Three liars of four may make it deliver anything; it must not fall over. */
#include "node/driver.h"
#include "node/work.h"
#include "storage/store_memory.h"
#include "tests/fuzz/fuzz.h"

#include "crypto/identity.h"

#include <stdio.h>

enum { NODES = 4, EPOCHS = 16, OPERATIONS_MAX = 400, JOBS_MAX = 1024, LEDGER_MAX = 4096 };

static struct hash chain;
static struct coin_public coin;
static struct coin_secret secrets[NODES];
static struct identity_secret identities[NODES];
static struct identity_key keys[NODES];
static struct code code;
static struct quorum quorum;

/* What peers disperse: `kind` says whether it is a block, no block, or no encoding. */
enum block_kind { GOOD, EMPTY, NO_BLOCK, NO_ENCODING, BLOCK_KINDS };
static struct dispersal {
    struct vid_encoding encoding;
    uint8_t *chunks;
} dispersals[EPOCHS + 1][NODES][BLOCK_KINDS];

static struct {
    struct store *store;
    struct driver *driver;
    struct job *jobs[JOBS_MAX];
    unsigned job_count;
    uint64_t now_ms;
    struct delivery ledger[LEDGER_MAX];
    unsigned height, executed_height;
    epoch_id ended, executed;
} node;

/* ---- What the driver does to the world ---- */

static void port_send(void *c, node_id to, enum driver_lane lane, uint64_t order, uint64_t tag,
                      struct slice frame)
{
    struct reader r = reader_of(frame);
    struct word word;
    struct message m;
    (void)c, (void)lane, (void)order, (void)tag;
    fuzz_require(message_header_decode(&r, &chain, &word));
    while (message_decode(&r, quorum, 0, to, &m))
        ;
    fuzz_require(r.ok); /* What it says is in order, whatever was said to it. */
}

static void port_drop(void *c, node_id to, enum driver_lane lane, uint64_t tag)
{
    (void)c, (void)to, (void)lane, (void)tag;
}

static void port_work(void *c, struct job *job)
{
    (void)c;
    fuzz_require(node.job_count < JOBS_MAX);
    node.jobs[node.job_count++] = job;
}

static uint32_t port_take(void *c, epoch_id epoch, struct writer *w)
{
    (void)c, (void)epoch;
    if (w->end - w->at < 5)
        return 0;
    write_u32(w, 1);
    write_u8(w, 'x');
    return 1;
}

static void port_given_up(void *c, epoch_id epoch) { (void)c, (void)epoch; }

static void port_deliver(void *c, const struct delivery *d)
{
    (void)c;
    fuzz_require(d->position == node.height);
    for (unsigned k = 0; k < node.height; k++)
        fuzz_require(node.ledger[k].epoch != d->epoch || node.ledger[k].proposer != d->proposer);
    fuzz_require(node.height < LEDGER_MAX);
    node.ledger[node.height++] = *d;
}

static void port_end_epoch(void *c, epoch_id epoch)
{
    (void)c;
    fuzz_require(epoch == node.ended + 1);
    node.ended = epoch;
}

static void port_fault(void *c, node_id peer, enum fault fault)
{
    (void)c;
    fuzz_require(peer < NODES && fault < FAULT_COUNT);
}

static int ledger_entries(void *c, epoch_id from, void (*visit)(void *, epoch_id, node_id),
                          void *driver)
{
    (void)c;
    for (unsigned k = 0; k < node.executed_height; k++)
        if (node.ledger[k].with_epoch >= from)
            visit(driver, node.ledger[k].epoch, node.ledger[k].proposer);
    return 0;
}

/* ---- The node's life ---- */

static void start(void)
{
    const struct store_options so = {.path = "fuzz",
                                     .size_max = 1u << 28,
                                     .tables = consensus_tables,
                                     .table_count = CONSENSUS_TABLES};
    static const struct driver_ports ports = {.send = port_send,
                                              .drop = port_drop,
                                              .work = port_work,
                                              .take = port_take,
                                              .given_up = port_given_up,
                                              .deliver = port_deliver,
                                              .end_epoch = port_end_epoch,
                                              .fault = port_fault};
    const struct driver_options o = {.node = {.quorum = quorum,
                                              .epoch_window = 4,
                                              .open_dispersals = 4,
                                              .link_horizon = 64,
                                              .checkpoint_epochs = 2,
                                              .checkpoint_delay_ms = 1000,
                                              .block_bytes_max = 1024,
                                              .block_bytes_min = 1,
                                              .retry_ms = 100,
                                              .lag_target_ms = 1000},
                                     .chain = chain,
                                     .coin_public = &coin,
                                     .coin_secret = &secrets[0],
                                     .identity = &identities[0],
                                     .identities = keys};
    const struct driver_ledger ledger = {
        .executed = {.epoch = node.executed, .height = node.executed_height},
        .entries = ledger_entries};
    char message[256];
    fuzz_require(!store_open(&so, &node.store, message, sizeof message));
    node.height = node.executed_height;
    node.ended = node.executed;
    node.driver = driver_open(&o, node.store, &ports, &ledger, message, sizeof message);
    fuzz_require(node.driver != NULL);
}

static void stop(void)
{
    while (node.job_count > 0)
        job_free(node.jobs[--node.job_count]);
    driver_close(node.driver);
    store_memory_crash(node.store);
}

static void flush(void)
{
    for (unsigned rounds = 0; rounds < 8; rounds++) {
        fuzz_require(!driver_flush(node.driver, ++node.now_ms));
        if (node.job_count == 0)
            return;
        while (node.job_count > 0) { /* The last first. */
            struct job *job = node.jobs[--node.job_count];
            job_run(job);
            driver_worked(node.driver, job);
        }
    }
}

/* ---- What peers say ---- */

static uint8_t frame_bytes[1 << 16];

/* A frame of `from`, of one message or of raw bytes. */
static void say(node_id from, const struct word *word, const struct message *m, struct slice raw)
{
    struct writer w = writer_of(frame_bytes, sizeof frame_bytes);
    message_header_encode(&w, &chain, word);
    if (m)
        message_encode(&w, quorum, from, 0, m);
    else
        write_slice(&w, raw);
    driver_frame(node.driver, from, writer_result(&w));
    flush();
}

static void fill_roots(struct reader *r, struct message *m, const struct hash *root,
                       uint8_t entry[1 + HASH_SIZE])
{
    static const enum vid_vote votes[] = {VID_GOT, VID_READY, VID_COMPLETE};
    m->roots.vote = votes[read_u8(r) % 3];
    m->roots.count = 1;
    entry[0] = (uint8_t)m->proposer;
    memcpy(entry + 1, root->bytes, HASH_SIZE);
    m->roots.entries = slice_of(entry, 1 + HASH_SIZE);
}

static void fill_votes(struct reader *r, struct message *m)
{
    const uint8_t type = read_u8(r), values = read_u8(r);
    m->votes.vote = (struct ba_message){(uint8_t)(BA_BVAL + type % 5), (uint8_t)(type / 5 % 8),
                                        (uint8_t)(values % 4)};
    m->votes.proposers.words[0] = values >> 4;
}

static void fill_share(struct reader *r, node_id from, struct message *m)
{
    const uint8_t byte = read_u8(r);
    m->share.round = (uint8_t)(2 + 3 * (byte % 3));
    const struct coin_name name = {
        .chain = chain, .epoch = m->epoch, .proposer = m->proposer, .round = m->share.round};
    coin_share_make(&secrets[byte & 64 ? 0 : from], &name, &m->share.share);
}

static void fill_chunk(struct reader *r, const struct dispersal *d, unsigned index,
                       struct message *m)
{
    const size_t size = d->encoding.header.chunk_size;
    m->chunk.header = d->encoding.header;
    vid_encoding_proof(&d->encoding, index, &m->chunk.proof);
    m->chunk.data = slice_of(d->chunks + index * size, size);
    m->chunk.offset = 0;
    if (read_u8(r) % 8 == 7)
        m->chunk.proof.path[0].bytes[3] ^= 1;
}

/* One byte says what is said, one of which dispersal, one by whom. */
static void operation(struct reader *r)
{
    const uint8_t what = read_u8(r), which = read_u8(r), who = read_u8(r);
    const node_id from = (node_id)(1 + who % 3);
    struct word word = {1 + which % EPOCHS, which % EPOCHS, who >> 4};
    struct message m = {.epoch = 1 + which % EPOCHS, .proposer = (node_id)(which / EPOCHS % NODES)};
    const struct dispersal *d = &dispersals[m.epoch][m.proposer][who / 4 % BLOCK_KINDS];
    uint8_t entry[1 + HASH_SIZE];
    switch (what % 12) {
    case 0:
        say(from, &word, NULL, read_slice(r, which < reader_left(r) ? which : reader_left(r)));
        return;
    case 1:
        m.kind = who & 128 ? MESSAGE_READY : MESSAGE_ROOTS;
        if (m.kind == MESSAGE_READY)
            nodeset_add(&m.ready.proposers, m.proposer);
        else
            fill_roots(r, &m, &d->encoding.commitment, entry);
        break;
    case 2:
    case 3:
        m.kind = MESSAGE_VOTES;
        fill_votes(r, &m);
        if (nodeset_empty(&m.votes.proposers) || !ba_message_valid(&m.votes.vote))
            return;
        break;
    case 4:
        m.kind = MESSAGE_SHARE;
        fill_share(r, from, &m);
        break;
    case 5:
        m.kind = MESSAGE_CHUNK;
        d = &dispersals[m.epoch][from][who / 4 % BLOCK_KINDS];
        fill_chunk(r, d, 0, &m);
        break;
    case 6:
        m.kind = MESSAGE_PIECE;
        fill_chunk(r, d, from, &m);
        break;
    case 7:
    case 8:
        m.kind = what % 12 == 7 ? MESSAGE_REQUEST : MESSAGE_NONE;
        m.request.root = d->encoding.commitment;
        break;
    case 9:
        node.now_ms += 1u << which % 12;
        flush();
        return;
    case 10:
        if (node.ended > node.executed) {
            node.executed = node.ended;
            node.executed_height = node.height;
            const struct executed x = {.epoch = node.executed, .height = node.executed_height};
            driver_executed(node.driver, &x);
        }
        driver_pool(node.driver, which);
        flush();
        return;
    default:
        if (which % 8 == 0) {
            stop();
            start();
        }
        flush();
        return;
    }
    say(from, &word, &m, slice_of(NULL, 0));
}

/* ---- What peers disperse ---- */

static void disperse(epoch_id epoch, node_id proposer, enum block_kind kind)
{
    struct dispersal *d = &dispersals[epoch][proposer][kind];
    uint8_t bytes[64];
    struct writer w = writer_of(bytes, sizeof bytes);
    write_u8(&w, kind == NO_BLOCK ? 9 : 1);
    for (unsigned p = 0; p < NODES; p++) {
        const bool all = kind == GOOD && epoch > 1;
        write_u8(&w, all);
        if (all) {
            write_u64(&w, 1);
            write_u64(&w, epoch - 1);
        }
    }
    write_u32(&w, kind == GOOD);
    if (kind == GOOD)
        write_u32(&w, 1);
    write_u8(&w, (uint8_t)proposer);
    const struct slice all = writer_result(&w);
    const struct slice block = slice_of(bytes, all.size - (kind != GOOD));
    const size_t size = code_chunk_size(&code, block.size);
    d->chunks = chunks_new(quorum, size);
    vid_encode(quorum, &code, block, d->chunks, &d->encoding);
    if (kind != NO_ENCODING)
        return;
    d->chunks[(NODES - 1) * size] ^= 1;
    struct hash leaves[NODES];
    hash_parts(d->chunks, size, NODES, leaves);
    merkle_tree_build(&d->encoding.tree, leaves, NODES);
    d->encoding.header.tree_root = merkle_tree_root(&d->encoding.tree);
    d->encoding.commitment = vid_commitment(quorum, &d->encoding.header);
}

static void prepare(void)
{
    const struct hash seed = {{1}};
    quorum = quorum_of(NODES);
    fuzz_require(hash_init() && identity_init(NULL) && coin_deal(quorum, &seed, &coin, secrets));
    code_init(&code, quorum);
    for (unsigned k = 0; k < NODES; k++) {
        struct identity_public public;
        identities[k].bytes[0] = (uint8_t)(1 + k);
        fuzz_require(identity_derive(&identities[k], &public) && identity_parse(&public, &keys[k]));
    }
    for (epoch_id e = 1; e <= EPOCHS; e++)
        for (node_id p = 0; p < NODES; p++)
            for (unsigned kind = 0; kind < BLOCK_KINDS; kind++)
                disperse(e, p, (enum block_kind)kind);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    if (!ready)
        prepare();
    ready = true;
    memset(&node, 0, sizeof node);
    store_memory_forget("fuzz");
    start();
    flush();
    struct reader r = reader_of(slice_of(data, size));
    for (unsigned k = 0; k < OPERATIONS_MAX && reader_left(&r) >= 3 && r.ok; k++)
        operation(&r);
    stop();
    store_memory_forget("fuzz");
    return 0;
}
