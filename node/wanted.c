#include "node/wanted.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct wanted {
    pthread_mutex_t mutex;
    unsigned count; /* Noted. */
    struct identity_public keys[WANTED_MAX];
    unsigned made; /* Ever; the last WANTED_MAX are kept. */
    struct wanted_proof proofs[WANTED_MAX];
};

struct wanted *wanted_new(void)
{
    struct wanted *w = calloc(1, sizeof(*w));
    if (w)
        pthread_mutex_init(&w->mutex, NULL);
    return w;
}

void wanted_free(struct wanted *w)
{
    if (!w)
        return;
    pthread_mutex_destroy(&w->mutex);
    free(w);
}

static bool same(const struct identity_public *a, const struct identity_public *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

void wanted_ask(struct wanted *w, const struct identity_public *key)
{
    unsigned k = 0;
    pthread_mutex_lock(&w->mutex);
    while (k < w->count && !same(&w->keys[k], key))
        k++;
    if (k == w->count && k < WANTED_MAX)
        w->keys[w->count++] = *key;
    pthread_mutex_unlock(&w->mutex);
}

bool wanted_find(struct wanted *w, const struct identity_public *key, struct wanted_proof *proof)
{
    bool found = false;
    pthread_mutex_lock(&w->mutex);
    for (unsigned k = 0; k < WANTED_MAX && k < w->made && !found; k++) {
        const struct wanted_proof *p = &w->proofs[(w->made - 1 - k) % WANTED_MAX];
        if ((found = same(&p->account.key, key)))
            *proof = *p;
    }
    pthread_mutex_unlock(&w->mutex);
    return found;
}

int wanted_make(struct wanted *w, struct store_view *ledger, uint64_t epoch)
{
    int error = 0;
    pthread_mutex_lock(&w->mutex);
    for (unsigned k = 0; k < w->count && !error; k++) {
        struct wanted_proof *p = &w->proofs[w->made % WANTED_MAX];
        error = accounts_prove(ledger, &w->keys[k], &p->account, &p->count, p->path, &p->length);
        p->epoch = epoch;
        w->made += error == 0;
        if (error == STORE_MISSING)
            error = 0; /* No such account. */
    }
    w->count = 0;
    pthread_mutex_unlock(&w->mutex);
    return error;
}
