#include "node/transaction.h"

#include <assert.h>
#include <string.h>

enum {
    TRANSACTION_VERSION = 1,
    KIND_TRANSFER = 1,
    SIGNED_SIZE = TRANSACTION_SIZE - IDENTITY_SIGNATURE_SIZE,
    KEYS_KEPT = 1024,
};

static struct hash transaction_id(const uint8_t bytes[TRANSACTION_SIZE])
{
    struct slice part = slice_of(bytes, SIGNED_SIZE);
    return hash_tagged("ledger/transaction", &part, 1);
}

bool transaction_decode(struct slice bytes, struct transaction *t)
{
    struct reader r = reader_of(bytes);

    uint8_t version = read_u8(&r);
    read_into(&r, &t->chain, sizeof t->chain);
    read_into(&r, &t->from, sizeof t->from);
    t->sequence = read_u64(&r);
    uint8_t kind = read_u8(&r);
    read_into(&r, &t->to, sizeof t->to);
    t->amount = read_u64(&r);
    read_into(&r, &t->signature, sizeof t->signature);
    if (!reader_finished(&r) || version != TRANSACTION_VERSION || kind != KIND_TRANSFER)
        return false;
    t->id = transaction_id(bytes.data);
    return true;
}

void transaction_encode(const struct transaction *t, uint8_t bytes[TRANSACTION_SIZE])
{
    struct writer w = writer_of(bytes, TRANSACTION_SIZE);

    write_u8(&w, TRANSACTION_VERSION);
    write_bytes(&w, &t->chain, sizeof t->chain);
    write_bytes(&w, &t->from, sizeof t->from);
    write_u64(&w, t->sequence);
    write_u8(&w, KIND_TRANSFER);
    write_bytes(&w, &t->to, sizeof t->to);
    write_u64(&w, t->amount);
    write_bytes(&w, &t->signature, sizeof t->signature);
    assert(w.ok);
    assert(w.at == w.end);
}

bool transaction_sign(struct transaction *t, const struct identity_secret *secret)
{
    uint8_t bytes[TRANSACTION_SIZE];

    transaction_encode(t, bytes);
    t->id = transaction_id(bytes);
    return identity_sign(secret, hash_slice(&t->id), NULL, &t->signature);
}

/* Accounts send more than once, and to parse a key costs an eighth of a verification: those of the
 * last senders are kept, by each thread. NULL: it is no key. */
static const struct identity_key *key_of(const struct identity_public *public)
{
    static _Thread_local struct {
        bool known;
        struct identity_public public;
        struct identity_key key;
    } kept[KEYS_KEPT];
    const unsigned at = (public->bytes[0] | (unsigned)public->bytes[1] << 8) % KEYS_KEPT;
    if (kept[at].known && memcmp(&kept[at].public, public, sizeof *public) == 0)
        return &kept[at].key;
    kept[at].public = *public;
    kept[at].known = identity_parse(public, &kept[at].key);
    return kept[at].known ? &kept[at].key : NULL;
}

bool transaction_verify(const struct transaction *t)
{
    const struct identity_key *key = key_of(&t->from);
    return key && identity_verify(key, hash_slice(&t->id), &t->signature);
}
