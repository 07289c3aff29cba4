#include "node/holding.h"

#include <stdio.h>
#include <string.h>

#include "node/executor.h"
#include "node/proof_text.h"

/* How many accounts there are is signed by nobody, and does not matter but for the path's shape: this is
 * the least number of which the path is the same. Above the highest bit in which the index and the last
 * one differ both are on the right edge, or not, alike; below it the account's subtree is full. */
static uint64_t least_count(uint64_t index, uint64_t count)
{
    uint64_t last = count - 1, differ = index ^ last;
    unsigned bits = 0;
    while (differ >> 1) {
        differ >>= 1;
        bits++;
    }
    return (last >> bits << bits) + 1;
}

/* Nothing has changed since the last checkpoint that is signed: the state is its state. */
static int prove_now(const struct proof_source *s, const struct identity_public *key,
                     struct holding *h)
{
    struct executor_state state;
    struct wanted_proof *p = &h->proof;
    int error = executor_state(s->ledger, &state);
    if (error || (error = proof_find(s, 0, &h->under)))
        return error;
    p->epoch = h->under.checkpoint.epoch;
    if (!hash_equal(&h->under.checkpoint.state_root, &state.state_root))
        return PROOF_NOT_YET;
    return accounts_prove(s->ledger, key, &p->account, &p->count, p->path, &p->length);
}

int holding_make(const struct proof_source *s, struct wanted *wanted,
                 const struct identity_public *key, struct holding *h)
{
    struct account account;
    struct wanted_proof *p = &h->proof;
    *h = (struct holding){.chain = s->chain};
    int error = accounts_read(s->ledger, key, &account);
    if (error)
        return error;
    error = prove_now(s, key, h);
    if (error == PROOF_NOT_YET && wanted_find(wanted, key, p))
        error = proof_at(s, p->epoch, &h->under);
    if (error == 0)
        p->count = least_count(p->account.index, p->count);
    if (error == PROOF_NOT_YET)
        wanted_ask(wanted, key);
    return error;
}

char *holding_text(const struct holding *h)
{
    const struct wanted_proof *p = &h->proof;
    const struct account *a = &p->account;
    return proof_write(json_pack(
        "{s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "holding", HOLDING_VERSION, "chain",
        json_hash(&h->chain), "account", json_hex(slice_of(a->key.bytes, sizeof(a->key.bytes))),
        "balance", json_count(a->balance), "sequence", json_count(a->sequence.lowest), "used",
        json_count(a->sequence.used), "index", json_count(a->index), "tree", json_count(p->count),
        "path", proof_path(p->path, p->length), "checkpoint", proof_checkpoint_json(&h->under)));
}

bool holding_parse(struct slice text, struct holding *h)
{
    *h = (struct holding){.proof = {.epoch = 0}};
    struct wanted_proof *p = &h->proof;
    struct hash key;
    if (text.size > PROOF_TEXT_MAX)
        return false;
    json_t *o = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
    p->account.balance = proof_read_number(o, "balance");
    p->account.sequence.lowest = proof_read_number(o, "sequence");
    p->account.sequence.used = proof_read_number(o, "used");
    p->account.index = proof_read_number(o, "index");
    p->count = proof_read_number(o, "tree");
    const bool read = proof_read_hash(o, "chain", &h->chain) &&
                      proof_read_hash(o, "account", &key) &&
                      proof_read_path(o, "path", p->path, MERKLE_LOG_DEPTH_MAX, &p->length) &&
                      proof_read_checkpoint(json_object_get(o, "checkpoint"), &h->under);
    json_decref(o);
    if (!read)
        return false;
    memcpy(p->account.key.bytes, key.bytes, sizeof(p->account.key.bytes));
    p->epoch = h->under.checkpoint.epoch;
    return proof_same(holding_text(h), text);
}

bool holding_verify(const struct holding *h, const struct cluster *cluster,
                    char reason[PROOF_REASON_MAX])
{
    const struct wanted_proof *p = &h->proof;
    const struct hash leaf = account_leaf(&p->account);
    const char *wrong = NULL;
    if (!hash_equal(&h->chain, &cluster->chain))
        wrong = "it is of another cluster";
    else if (p->account.index >= p->count || p->count != least_count(p->account.index, p->count) ||
             !merkle_verify(&h->under.checkpoint.state_root, p->count, p->account.index, &leaf,
                            p->path, p->length))
        wrong = "the account is not in the state";
    if (wrong)
        snprintf(reason, PROOF_REASON_MAX, "%s", wrong);
    return !wrong && proof_signed(&h->under, cluster, reason);
}
