/* The accounts, and what consensus remembers. */
#include <inttypes.h>
#include <string.h>

#include "node/accounts.h"
#include "node/cli/inspect.h"
#include "node/records.h"

static int check_account(void *context, struct slice key, struct slice value)
{
    struct inspection *i = context;
    struct identity_public public;
    struct account account;
    struct hash path[MERKLE_LOG_DEPTH_MAX];
    char name[2 * IDENTITY_PUBLIC_SIZE + 1];
    uint64_t count;
    unsigned length;
    (void)value;
    if (key.size != sizeof public)
        return inspection_problem(i, "an account's key does not decode");
    memcpy(&public, key.data, sizeof public);
    hex_encode(key, name);
    int error = accounts_prove(i->view, &public, &account, &count, path, &length);
    if (error)
        return inspection_error(i, error, name);
    struct hash leaf = account_leaf(&account);
    if (!merkle_verify(&i->meta.state.state_root, count, account.index, &leaf, path, length))
        return inspection_problem(
            i, "account %s, with balance %" PRIu64 ", is not what the state root says", name,
            account.balance);
    i->accounts++;
    if (__builtin_add_overflow(i->balances, account.balance, &i->balances))
        return inspection_problem(i, "the sum of the balances exceeds %" PRIu64, UINT64_MAX);
    if (i->accounts > count)
        return inspection_problem(i, "there are more accounts than the %" PRIu64 " counted", count);
    return 0;
}

/* How many accounts the state tree has: each proof says so, and the last account has the highest
 * number. */
static int check_last(struct inspection *i)
{
    const struct hash empty = merkle_root(NULL, 0);
    if (i->accounts == 0)
        return hash_equal(&i->meta.state.state_root, &empty)
                   ? 0
                   : inspection_problem(i, "there are no accounts, and the state root is not that "
                                           "of none");
    static const char count_key[] = "accounts";
    struct slice value;
    int error =
        store_view_get(i->view, LEDGER_META, slice_of(count_key, sizeof count_key - 1), &value);
    if (error)
        return inspection_error(i, error, "the number of accounts");
    struct reader r = reader_of(value);
    if (read_u64(&r) == i->accounts)
        return 0;
    return inspection_problem(
        i, "there are only %" PRIu64 " accounts of those under the state root", i->accounts);
}

/* The state is the application's own; what it said its root is was kept with what it was given. */
static int check_inputs(struct inspection *i)
{
    const struct hash nothing = {{0}};
    struct slice key, root = hash_slice(&nothing);
    const int error = store_view_last(i->view, LEDGER_INPUTS, &key, &root);
    if (error && error != STORE_MISSING)
        return inspection_error(i, error, "what the application was given");
    return slice_equal(root, hash_slice(&i->meta.state.state_root))
               ? 0
               : inspection_problem(i, "the state root is not the one that the application gave");
}

int inspect_accounts(struct inspection *i)
{
    if (strcmp(i->meta.application, application_names[APPLICATION_EXTERNAL]) == 0)
        return check_inputs(i);
    int error = store_view_scan(i->view, LEDGER_ACCOUNTS, (struct slice){0}, check_account, i);
    return error ? inspection_error(i, error, "the accounts") : check_last(i);
}

static bool decodes_instance(struct slice value)
{
    struct instance_record record;
    return records_decode_instance(value, &record);
}

static bool decodes_chunk(struct slice value)
{
    struct stored_chunk chunk;
    return records_decode_chunk(value, &chunk);
}

static bool decodes_outcome(struct slice value)
{
    struct nodeset accepted;
    return records_decode_outcome(value, &accepted);
}

struct consensus_check {
    enum consensus_table table;
    size_t key_size;
    bool (*decodes)(struct slice value);
    struct inspection *i;
};

static int check_record(void *context, struct slice key, struct slice value)
{
    const struct consensus_check *c = context;
    if (key.size == c->key_size && c->decodes(value))
        return 0;
    return inspection_problem(c->i, "consensus store, table %s: a record does not decode",
                              consensus_tables[c->table]);
}

int inspect_consensus(struct inspection *i)
{
    struct consensus_check checks[] = {
        {TABLE_INSTANCES, RECORD_KEY_SIZE, decodes_instance, i},
        {TABLE_CHUNKS, RECORD_KEY_SIZE, decodes_chunk, i},
        {TABLE_OUTCOMES, sizeof(epoch_id), decodes_outcome, i},
    };
    for (unsigned k = 0; i->consensus && k < sizeof checks / sizeof checks[0]; k++) {
        struct store_view *view;
        int error = store_view_open(i->consensus, &view);
        if (error == 0)
            error =
                store_view_scan(view, checks[k].table, (struct slice){0}, check_record, &checks[k]);
        store_view_close(view);
        if (error)
            return inspection_error(i, error, "the consensus store");
    }
    return 0;
}
