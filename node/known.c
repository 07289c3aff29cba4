#include "node/known.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct known {
    pthread_mutex_t mutex;
    struct hash places[KNOWN_COUNT]; /* Zero: empty. */
};

struct known *known_new(void)
{
    struct known *k = calloc(1, sizeof(*k));
    if (k)
        pthread_mutex_init(&k->mutex, NULL);
    return k;
}

void known_free(struct known *k)
{
    if (!k)
        return;
    pthread_mutex_destroy(&k->mutex);
    free(k);
}

static struct hash *place_of(struct known *k, const struct hash *digest)
{
    uint32_t word;
    memcpy(&word, digest->bytes, sizeof(word));
    return &k->places[word % KNOWN_COUNT];
}

void known_add(struct known *k, struct slice transaction)
{
    struct hash digest = hash_bytes(transaction);
    pthread_mutex_lock(&k->mutex);
    *place_of(k, &digest) = digest;
    pthread_mutex_unlock(&k->mutex);
}

bool known_has(struct known *k, struct slice transaction)
{
    struct hash digest = hash_bytes(transaction);
    pthread_mutex_lock(&k->mutex);
    bool has = hash_equal(place_of(k, &digest), &digest);
    pthread_mutex_unlock(&k->mutex);
    return has;
}
