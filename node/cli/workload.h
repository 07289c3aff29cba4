/* The transactions of a load, in order: transfers between the accounts of a cluster's directory,
 * or payloads that do not compress. They follow from the seed, the accounts and their numbers
 * alone. */
#ifndef NODE_CLI_WORKLOAD_H
#define NODE_CLI_WORKLOAD_H

#include "node/client/connection.h"

struct load_item {
    struct load_item *next;
    uint64_t number;   /* Of those made. */
    uint64_t due_us;   /* When it was to be sent. */
    struct hash id;    /* Once it is acknowledged. */
    unsigned home;     /* Items with one home go to one node, as long as that answers. */
    bool acknowledged; /* Some node has it, on its disk. */
    bool settled;      /* Its end is known. */
    bool lost;         /* The node that had it does not know it any more. */
    uint32_t size;
    uint8_t bytes[];
};

/* First in, first out. Zeroed, it is empty. */
struct load_queue {
    struct load_item *first;
    struct load_item *last;
    uint64_t count;
};
void load_queue_add(struct load_queue *q, struct load_item *item);
struct load_item *load_queue_take(struct load_queue *q); /* NULL when it is empty. */
/* Puts all of `other` into `q`, the lower numbers first if both were so, and empties it. */
void load_queue_merge(struct load_queue *q, struct load_queue *other);
void load_queue_free(struct load_queue *q); /* And the items. */

struct workload_account {
    struct account_key key;
    struct client_account state; /* When the load began. */
    uint64_t next;               /* Sequence number. */
};

struct workload {
    struct hash chain;
    enum application application;
    uint64_t seed;
    uint64_t payload_size; /* Application log. */
    uint64_t amount;       /* Application ledger: of each transfer. */
    uint64_t made;
    size_t account_count;
    struct workload_account *accounts;
};

/* Reads DIR/accounts/I.key for I = part, part + parts and so on. 0, or -1 with `message`. */
int workload_load_accounts(struct workload *w, const char *directory, unsigned part, unsigned parts,
                           char *message, size_t message_size);
/* Asks a node for the numbers that the accounts have used. The same. */
int workload_ask_sequences(struct workload *w, struct connection *c, unsigned timeout_ms,
                           char *message, size_t message_size);
void workload_close(struct workload *w); /* Wipes the secrets. */

/* The next one: made, and signed. Never NULL. */
struct load_item *workload_make(struct workload *w);

/* A small generator of good numbers (splitmix64). */
uint64_t random_next(uint64_t *state);
/* Above 0, with mean 1, as the waits of a Poisson process are. */
double random_exponential(uint64_t *state);

#endif
