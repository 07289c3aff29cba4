#include "node/application.h"

#include "crypto/merkle.h"

const char *outcome_name(enum outcome o)
{
    static const char *const names[] = {
#define X(value, name, text) name,
        OUTCOME_MAP(X)
#undef X
    };
    assert((unsigned)o < OUTCOME_COUNT);
    return names[o];
}

const char *outcome_text(enum outcome o)
{
    static const char *const texts[] = {
#define X(value, name, text) text,
        OUTCOME_MAP(X)
#undef X
    };
    assert((unsigned)o < OUTCOME_COUNT);
    return texts[o];
}

const char *const ledger_tables[LEDGER_TABLE_COUNT] = {
    "meta", "entries", "outcomes", "transactions", "accounts", "state_tree", "log", "inputs",
};

bool application_payload_id(struct slice bytes, struct hash *id)
{
    *id = hash_tagged("ledger/payload", &bytes, 1);
    return bytes.size >= 1 && bytes.size <= TRANSACTION_SIZE_MAX;
}

static bool log_describe(void *state, struct slice bytes, struct mempool_item *item)
{
    (void)state;
    *item = (struct mempool_item){.bytes = bytes};
    return application_payload_id(bytes, &item->id);
}

static enum outcome log_check(void *state, struct slice bytes)
{
    (void)state;
    return bytes.size >= 1 && bytes.size <= TRANSACTION_SIZE_MAX ? OUTCOME_NONE : OUTCOME_MALFORMED;
}

static int log_genesis(void *state)
{
    (void)state;
    return 0;
}

/* It has no state beside the log. */
static int log_commit(void *state, struct hash *root)
{
    (void)state;
    *root = merkle_root(NULL, 0);
    return 0;
}

static void log_close(void *state) { (void)state; }

struct application_port application_log(void)
{
    return (struct application_port){
        .name = "log",
        .describe = log_describe,
        .check = log_check,
        .genesis = log_genesis,
        .commit = log_commit,
        .close = log_close,
    };
}
