#include "node/stores.h"

#include <stdio.h>

#include "node/driver.h"
#include "node/executor.h"
#include "node/snapshots.h"

/* What a store was found to be. */
struct found {
    bool named;        /* The consensus store has the id of a chain, */
    bool same;         /* this one's; */
    bool blank;        /* and it holds nothing else. */
    bool ledger_begun; /* The ledger has a genesis, or something that is none. */
};

static struct slice chain_key(void)
{
    static const char key[] = "chain";
    return slice_of(key, sizeof key - 1);
}

static int is_other(void *context, struct slice key, struct slice value)
{
    (void)context;
    (void)value;
    return !slice_equal(key, chain_key());
}

static int look_at_consensus(struct store_view *v, const struct hash *chain, struct found *f)
{
    struct slice value;
    int status = store_view_get(v, TABLE_META, chain_key(), &value);
    if (status != 0 && status != STORE_MISSING)
        return status;
    f->named = status == 0;
    f->same = f->named && slice_equal(value, hash_slice(chain));
    status = 0;
    for (unsigned table = 0; table < CONSENSUS_TABLES && status == 0; table++)
        status = store_view_scan(v, table, (struct slice){0}, is_other, NULL);
    f->blank = status == 0;
    return status < 0 ? status : 0;
}

static int look(struct store *consensus, struct store *ledger, const struct hash *chain,
                struct found *f)
{
    struct store_view *view;
    struct executor_state state;
    int status = store_view_open(consensus, &view);
    if (status != 0)
        return status;
    status = look_at_consensus(view, chain, f);
    store_view_close(view);
    if (status != 0 || (status = store_view_open(ledger, &view)) != 0)
        return status;
    f->ledger_begun = executor_state(view, &state) != STORE_MISSING;
    store_view_close(view);
    return 0;
}

static const char *against(const struct found *f)
{
    if (f->named && !f->same)
        return "the consensus store is that of another chain; give this node its own data, or its "
               "own cluster.conf";
    if (!f->named && !f->blank)
        return "the consensus store does not say of which chain it is: it is not of this format";
    if (!f->named && f->ledger_begun)
        return "the consensus store is missing beside a ledger, and with it what this node has "
               "voted; give it its own data back";
    if (!f->blank && !f->ledger_begun)
        return "the ledger is missing beside a consensus store; give this node its own data back";
    return NULL;
}

static int name(struct store *consensus, const struct hash *chain)
{
    const struct slice id = hash_slice(chain);
    int status = store_begin(consensus);
    if (status != 0)
        return status;
    status = store_put(consensus, TABLE_META, chain_key(), &id, 1);
    if (status == 0)
        return store_commit(consensus);
    store_abort(consensus);
    return status;
}

int stores_check(struct store *consensus, struct store *ledger, const struct hash *chain,
                 char *message, size_t message_size)
{
    struct found found = {0};
    const char *why = NULL;
    int status = look(consensus, ledger, chain, &found);
    if (status == 0 && !(why = against(&found)) && !found.named)
        status = name(consensus, chain);
    if (status == 0 && !why)
        return 0;
    snprintf(message, message_size, "%s", why ? why : store_message(consensus));
    return -1;
}

static int is_one(void *context, struct slice key, struct slice value)
{
    (void)context;
    (void)key;
    (void)value;
    return 1;
}

int stores_check_snapshots(struct store *consensus, struct store *snapshots, char *message,
                           size_t message_size)
{
    struct store_view *view;
    struct found found = {0};
    const struct hash any = {{0}};
    int status = store_view_open(consensus, &view);
    if (status == 0) {
        status = look_at_consensus(view, &any, &found);
        store_view_close(view);
    }
    if (status == 0 && found.blank && (status = store_view_open(snapshots, &view)) == 0) {
        status = store_view_scan(view, SNAPSHOT_HEADS, (struct slice){0}, is_one, NULL);
        store_view_close(view);
    }
    if (status == 0)
        return 0;
    snprintf(
        message, message_size, "%s",
        status > 0
            ? "the consensus store is missing beside snapshots, and with it what this node has "
              "voted; give it its own data back, or move all of it away and start with "
              "--lost-data"
            : store_message(consensus));
    return -1;
}
