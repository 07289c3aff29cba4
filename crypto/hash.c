#include "crypto/hash.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

enum { TAG_SIZE_MAX = 64, TAGS_KEPT = 8 };

static EVP_MD *sha256;
static CRYPTO_THREAD_LOCAL contexts; /* Whose contexts are freed when their threads end. */
static _Thread_local EVP_MD_CTX *context;

static void context_free(void *ended) { EVP_MD_CTX_free(ended); }

bool hash_init(void)
{
    if (sha256)
        return true;
    if (!CRYPTO_THREAD_init_local(&contexts, context_free))
        return false;
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    return sha256 != NULL;
}

/* None of the calls below can fail once there are an algorithm and a context. */

static void hash_start(void)
{
    assert(sha256 != NULL); /* hash_init comes first. */
    if (!context) {
        context = EVP_MD_CTX_new();
        assert(context != NULL);
        int kept = CRYPTO_THREAD_set_local(&contexts, context);
        assert(kept);
    }
    int started = EVP_DigestInit_ex2(context, sha256, NULL);
    assert(started);
}

static void hash_add(const void *data, size_t size)
{
    int added = EVP_DigestUpdate(context, data, size);
    assert(added);
}

static struct hash hash_finish(void)
{
    struct hash h;
    int finished = EVP_DigestFinal_ex(context, h.bytes, NULL);
    assert(finished);
    return h;
}

struct hash hash_bytes(struct slice message)
{
    hash_start();
    hash_add(message.data, message.size);
    return hash_finish();
}

struct hash hash_leaf(struct slice data)
{
    static const uint8_t prefix = 0x00;
    hash_start();
    hash_add(&prefix, 1);
    hash_add(data.data, data.size);
    return hash_finish();
}

struct hash hash_inner(const struct hash *left, const struct hash *right)
{
    uint8_t node[1 + 2 * HASH_SIZE] = {0x01};
    memcpy(node + 1, left->bytes, HASH_SIZE);
    memcpy(node + 1 + HASH_SIZE, right->bytes, HASH_SIZE);
    return hash_bytes(slice_of(node, sizeof node));
}

/* A tag's hash, which costs as much as that of a short message: those of the last tags are kept. */
static const struct hash *tag_hash(const char *tag)
{
    static _Thread_local struct {
        bool used;
        char tag[TAG_SIZE_MAX + 1];
        struct hash hash;
    } kept[TAGS_KEPT];
    static _Thread_local unsigned next;
    for (unsigned k = 0; k < TAGS_KEPT && kept[k].used; k++)
        if (strcmp(kept[k].tag, tag) == 0)
            return &kept[k].hash;
    const unsigned at = next++ % TAGS_KEPT;
    const size_t size = strlen(tag);
    assert(size <= TAG_SIZE_MAX);
    memcpy(kept[at].tag, tag, size + 1);
    kept[at].hash = hash_bytes(slice_of(tag, size));
    kept[at].used = true;
    return &kept[at].hash;
}

struct hash hash_tagged(const char *tag, const struct slice parts[], unsigned count)
{
    const struct hash *prefix = tag_hash(tag);
    hash_start();
    hash_add(prefix->bytes, HASH_SIZE);
    hash_add(prefix->bytes, HASH_SIZE);
    for (unsigned i = 0; i < count; i++)
        hash_add(parts[i].data, parts[i].size);
    return hash_finish();
}

bool hash_equal(const struct hash *a, const struct hash *b)
{
    return memcmp(a->bytes, b->bytes, HASH_SIZE) == 0;
}
