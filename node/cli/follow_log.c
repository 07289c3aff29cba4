#include "node/cli/follow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/cli/arguments.h"
#include "node/executor.h"
#include "node/file.h"
#include "node/request.h"
#include "node/transaction.h"

enum {
    ENOUGH = 32, /* Events, to be proven. */
    STATE_MAX = 16 << 10,
    STATE_MODE = 0644,
    FRONTIER_MAX = 8 + MERKLE_LOG_DEPTH_MAX * HASH_SIZE
};

static int lies(const struct follow *f, const char *what, uint64_t position)
{
    say_failed(f->command, "the node lies: %s, at position %" PRIu64, what, position);
    return EXIT_DIFFERENT;
}

static struct executor_entry entry_of(const struct client_block *b)
{
    return (struct executor_entry){.delivery = {.position = b->position,
                                                .epoch = b->epoch,
                                                .proposer = b->proposer,
                                                .with_epoch = b->with_epoch,
                                                .commitment = b->commitment,
                                                .valid = !b->bad},
                                   .count = b->count,
                                   .root = b->root};
}

/* Parts of a block say the same of it: that of the last one is hashed. */
static bool same_block(const struct client_block *a, const struct client_block *b)
{
    return a->position == b->position && a->epoch == b->epoch && a->proposer == b->proposer &&
           hash_equal(&a->commitment, &b->commitment) && a->bad == b->bad && a->count == b->count &&
           hash_equal(&a->root, &b->root);
}

static bool is_final(const struct client_event *e, uint32_t i)
{
    const uint8_t code = e->leaves.data[(size_t)i * CLIENT_LEAF_SIZE + HASH_SIZE];
    return code < OUTCOME_COUNT && outcome_final((enum outcome)code);
}

/* Whether it can be what follows; with no end, either. */
static int look_at(struct follow *f, const struct client_event *e)
{
    const struct client_block *b = &e->block;
    const bool inside = f->cluster->application != APPLICATION_LOG;
    const uint64_t room = f->cluster->block_bytes_max;
    const bool transfers = f->cluster->application == APPLICATION_LEDGER;
    const uint64_t least = transfers ? TRANSACTION_SIZE : 4 + 1; /* With its length. */
    if (e->first == 0) {
        f->told = *b;
        f->finals = 0;
    }
    for (uint32_t i = 0; i < e->count; i++)
        f->finals += is_final(e, i);
    if (b->position != f->next.position || e->first != f->next.index)
        return lies(f, "it leaves something out, or says it twice", b->position);
    if (!same_block(b, &f->told))
        return lies(f, "it says two things of a block", b->position);
    if (b->count > room || f->finals > room / least)
        return lies(f, "a block has more transactions than fit into it", b->position);
    if (!inside && e->count > 0)
        return lies(f, "nobody knows what is in a block of the application log", b->position);
    return EXIT_DONE;
}

/* The leaves go into their block, the block into the log. */
static int hash_event(struct follow *f, const struct client_event *e)
{
    const struct client_block *b = &e->block;
    const int status = look_at(f, e);
    const bool inside = f->cluster->application != APPLICATION_LOG;
    if (status != EXIT_DONE)
        return status;
    for (uint32_t i = 0; i < e->count; i++) {
        const struct hash leaf =
            hash_leaf(slice_of(e->leaves.data + (size_t)i * CLIENT_LEAF_SIZE, CLIENT_LEAF_SIZE));
        merkle_frontier_append(&f->block, &leaf);
    }
    if (inside && f->block.count < b->count) {
        if (e->count == 0)
            return lies(f, "a block has no transactions", b->position);
        f->next.index += e->count;
        return EXIT_DONE;
    }
    const struct hash root = merkle_frontier_root(&f->block);
    if (inside && (f->block.count != b->count || !hash_equal(&root, &b->root)))
        return lies(f, "what became of transactions is not what the block's root says",
                    b->position);
    const struct executor_entry entry = entry_of(b);
    const struct hash leaf = executor_leaf(&entry);
    merkle_frontier_append(&f->log, &leaf);
    f->block = (struct merkle_frontier){.count = 0};
    f->next = (struct client_cursor){.position = b->position + 1};
    return EXIT_DONE;
}

static json_t *outcomes_of(const struct client_event *e)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < e->count; i++) {
        const uint8_t *leaf = e->leaves.data + (size_t)i * CLIENT_LEAF_SIZE;
        struct hash id;
        if (!is_final(e, i))
            continue;
        const enum outcome outcome = (enum outcome)leaf[HASH_SIZE];
        memcpy(id.bytes, leaf, HASH_SIZE);
        const struct client_result result =
            request_outcome(&id, e->block.position, e->first + i, outcome);
        json_array_append_new(array, json_outcome(&id, &result));
    }
    return array;
}

int follow_take(struct follow *f, const struct client_event *event)
{
    const int status = f->verify ? hash_event(f, event) : EXIT_DONE;
    if (status != EXIT_DONE)
        return status;
    json_t *o = json_block(&event->block);
    if (f->verify) { /* In no hash. */
        json_object_del(o, "with_epoch");
        json_object_del(o, "bytes");
    }
    json_object_set_new(o, "outcomes", outcomes_of(event));
    if (event->first > 0)
        json_object_set_new(o, "first", json_integer(event->first));
    if (!f->waiting)
        f->waiting = json_array();
    json_array_append_new(f->waiting, o);
    return EXIT_DONE;
}

bool follow_waits(const struct follow *f) { return json_array_size(f->waiting) > 0; }

bool follow_enough(const struct follow *f)
{
    return f->verify && f->next.index == 0 && json_array_size(f->waiting) >= ENOUGH;
}

int follow_prove(struct follow *f, struct slice text)
{
    static struct consistency c;
    char reason[PROOF_REASON_MAX] = "this is no proof";
    const struct hash root = merkle_frontier_root(&f->log);
    if (consistency_parse(text, &c) && consistency_verify(&c, &root, f->cluster, reason))
        return EXIT_DONE;
    return lies(f, reason, f->next.position);
}

static uint64_t number(const json_t *o, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(o, key));
}

static void print_one(const struct follow *f, const json_t *o)
{
    size_t i;
    json_t *one;
    if (f->json) {
        char *text = json_dumps(o, JSON_COMPACT);
        if (!text)
            abort();
        puts(text);
        free(text);
        return;
    }
    if (!json_object_get(o, "first"))
        printf("block %" PRIu64 "  epoch %" PRIu64 "  node %" PRIu64 "  %" PRIu64
               " transactions%s\n",
               number(o, "position"), number(o, "epoch"), number(o, "proposer"), number(o, "count"),
               json_is_true(json_object_get(o, "bad")) ? "  bad" : "");
    json_array_foreach(json_object_get(o, "outcomes"), i, one)
    {
        const char *reason = json_string_value(json_object_get(one, "reason"));
        printf("  %s %s%s%s\n", json_string_value(json_object_get(one, "id")),
               json_string_value(json_object_get(one, "outcome")), reason ? ": " : "",
               reason ? reason : "");
    }
}

/* What is read is always one state whole. */
static int replace(const char *path, const char *text, char *message, size_t message_size)
{
    char fresh[4096];
    const int size = snprintf(fresh, sizeof fresh, "%s.new", path);
    if (size < 0 || (size_t)size >= sizeof fresh) {
        snprintf(message, message_size, "%.100s...: too long a path", path);
        return -1;
    }
    unlink(fresh);
    if (file_create(fresh, STATE_MODE, slice_of(text, strlen(text)), message, message_size))
        return -1;
    if (rename(fresh, path) == 0)
        return 0;
    snprintf(message, message_size, "%s: cannot be written: %s", path, strerror(errno));
    return -1;
}

static int save(const struct follow *f)
{
    uint8_t bytes[FRONTIER_MAX];
    char hex[2 * FRONTIER_MAX + 1] = "", message[CONFIG_MESSAGE_MAX];
    struct writer w = writer_of(bytes, sizeof bytes);
    if (!f->state)
        return EXIT_DONE;
    if (f->verify) {
        merkle_frontier_encode(&f->log, &w);
        hex_encode(writer_result(&w), hex);
    }
    char *text = json_text(json_pack("{s:o, s:o, s:i, s:s}", "chain", json_hash(&f->cluster->chain),
                                     "position", json_count(f->next.position), "index",
                                     (int)f->next.index, "log", hex));
    const int error = replace(f->state, text, message, sizeof message);
    free(text);
    return error ? say_failed(f->command, "%s", message) : EXIT_DONE;
}

int follow_print(struct follow *f)
{
    size_t i;
    json_t *one;
    if ((!follow_waits(f) && f->saved) || (f->verify && f->next.index > 0))
        return EXIT_DONE;
    json_array_foreach(f->waiting, i, one)
    {
        f->printed += !json_object_get(one, "first");
        print_one(f, one);
    }
    json_array_clear(f->waiting);
    if (fflush(stdout) != 0)
        return say_failed(f->command, "what is to be printed cannot be written");
    f->saved = true; /* Also where there was nothing yet: there it goes on. */
    return save(f);
}

int follow_load(struct follow *f)
{
    char message[CONFIG_MESSAGE_MAX];
    uint8_t *text, bytes[FRONTIER_MAX];
    size_t size;
    struct hash chain;
    if (!f->state || access(f->state, F_OK) != 0)
        return EXIT_DONE;
    if (file_read(f->state, STATE_MAX, &text, &size, message, sizeof message))
        return say_failed(f->command, "%s", message);
    json_t *o = json_loadb((const char *)text, size, 0, NULL);
    const char *hex = json_string_value(json_object_get(o, "log"));
    const char *of = json_string_value(json_object_get(o, "chain"));
    f->next = (struct client_cursor){number(o, "position"), (uint32_t)number(o, "index")};
    bool good = of && hex_decode(of, chain.bytes, HASH_SIZE) &&
                hash_equal(&chain, &f->cluster->chain) && hex && strlen(hex) <= 2 * sizeof bytes &&
                strlen(hex) % 2 == 0 && hex_decode(hex, bytes, strlen(hex) / 2);
    if (good && f->verify) {
        struct reader r = reader_of(slice_of(bytes, strlen(hex) / 2));
        good = merkle_frontier_decode(&r, &f->log) && reader_finished(&r) &&
               f->log.count == f->next.position && f->next.index == 0;
    }
    json_decref(o);
    free(text);
    return good ? EXIT_DONE
                : say_failed(f->command,
                             "%s: not the state of one that followed this cluster in this way; "
                             "move it away",
                             f->state);
}

void follow_free(struct follow *f) { json_decref(f->waiting); }
