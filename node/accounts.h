/* The accounts, in the ledger store, and those in use in memory too.
 *
 * An account is there from the first time that it receives, or that it uses a number. Accounts
 * are numbered in the order in which that happened; the state tree has them in that order, so
 * that its root follows from the history alone. Changes stay in memory until accounts_flush or
 * until the memory is needed; both write into the transaction that is open. */
#ifndef NODE_ACCOUNTS_H
#define NODE_ACCOUNTS_H

#include "crypto/identity.h"
#include "crypto/merkle.h"
#include "storage/store.h"

enum {
    SEQUENCE_WINDOW = 64,
    ACCOUNTS_CACHED = 1 << 16, /* In memory, by default: 13 MB. */
};

/* The window: the lowest number not used yet and the 63 above it. */
struct sequence {
    uint64_t lowest; /* Unused; all below it are used. */
    uint64_t used;   /* Bit i: lowest + i is. Bit 0 is clear. */
};

enum sequence_place { SEQUENCE_USED, SEQUENCE_INSIDE, SEQUENCE_ABOVE };
enum sequence_place sequence_place(const struct sequence *s, uint64_t number);
void sequence_use(struct sequence *s, uint64_t number); /* One that is inside. */

#define ACCOUNT_NEW UINT64_MAX

struct account {
    struct identity_public key;
    uint64_t index; /* In order of creation; ACCOUNT_NEW: it is not there. */
    uint64_t balance;
    struct sequence sequence;
};

/* The leaf of the state tree: the hash of key, balance, lowest and used. */
struct hash account_leaf(const struct account *a);

struct accounts; /* Opaque. */

/* Holds up to `cached` accounts in memory, at least 2; 0: as many as usual. NULL: no memory, or
 * the store cannot be read. */
struct accounts *accounts_open(struct store *s, unsigned cached);
void accounts_close(struct accounts *a); /* Writes nothing. NULL is fine. */

/* Makes room for finding `count` accounts: what was found before is not valid any more, what is
 * found then is until the next call. */
int accounts_reserve(struct accounts *a, unsigned count);
/* The account of a key, or a blank one. */
int accounts_find(struct accounts *a, const struct identity_public *key, struct account **found);
/* Says that a found account was changed; creates it when it is new. */
void accounts_changed(struct accounts *a, struct account *account);
/* Writes all changes. */
int accounts_flush(struct accounts *a);
/* After a flush. */
int accounts_root(struct accounts *a, struct hash *root);

/* From any thread: what is committed. STORE_MISSING when there is no such account. */
int accounts_read(struct store_view *v, const struct identity_public *key, struct account *a);
/* How many there are; and all of them, in no order of use. */
int accounts_count(struct store_view *v, uint64_t *count);
typedef int (*accounts_visit)(void *context, const struct account *account);
int accounts_each(struct store_view *v, accounts_visit visit, void *context);
/* In a transaction of a store that nobody has open as accounts: the accounts from index `first` on,
 * of `count` when all are put. In ascending order, from 0 on, they replace whatever was there before,
 * which had the same keys at the same places, and no more of them. */
int accounts_install(struct store *s, const struct account accounts[], unsigned number,
                     uint64_t first, uint64_t count);

/* An account with its proof: that the account's leaf is number `index` of `count` under the state
 * root of the view. */
int accounts_prove(struct store_view *v, const struct identity_public *key, struct account *a,
                   uint64_t *count, struct hash path[MERKLE_LOG_DEPTH_MAX], unsigned *length);

#endif
