#include "crypto/hash.h"

#include <assert.h>

enum {
    FEW = 8,        /* Parts: AVX-512 takes 16 side by side, and fewer than this no sooner; ... */
    FEW_NI = 2,     /* ... SHA's own instructions take two. */
    DIGESTS = 1024, /* In memory at a time, of one message or several. */
};
static_assert((int)HASH_PARTS_SIZE_MAX <= (int)DIGESTS * (int)HASH_PART_SIZE,
              "those of a message fit");

/* Messages of one size, one after the other, taken apart. */
struct parts {
    const uint8_t *data;
    size_t size;
    unsigned each, count; /* Of a message, and of all. */
};

static struct slice part(const struct parts *p, unsigned number)
{
    const size_t from = (size_t)(number % p->each) * HASH_PART_SIZE;
    const size_t left = p->size - from;
    return slice_of(p->data + number / p->each * p->size + from,
                    left < HASH_PART_SIZE ? left : (size_t)HASH_PART_SIZE);
}

/* The library is for x86-64 alone. */
#if __has_include(<intel-ipsec-mb.h>) && !defined(HASH_ONE_BY_ONE)
#include <intel-ipsec-mb.h>
#include <openssl/crypto.h>

static CRYPTO_ONCE once = CRYPTO_ONCE_STATIC_INIT;
static CRYPTO_THREAD_LOCAL managers; /* Whose managers are freed when their threads end. */
static void (*start)(IMB_MGR *);     /* NULL: this CPU cannot. */
static unsigned few;                 /* Parts: fewer are done as soon one by one. */
static _Thread_local IMB_MGR *manager;

static void manager_free(void *ended) { free_mb_mgr(ended); }

/* Without AVX-512 SHA's own instructions are the fastest, and the library has them side by side only
 * among what it has for SSE (measured on Zen 3: 2.4 GB/s, one by one 1.4, with AVX2 1.0). */
static void look(void)
{
    IMB_MGR *m = alloc_mb_mgr(0);
    IMB_ARCH arch = IMB_ARCH_NONE;
    if (m)
        init_mb_mgr_auto(m, &arch);
    const bool ni = m && (m->features & IMB_FEATURE_SHANI);
    free_mb_mgr(m);
    if ((arch != IMB_ARCH_AVX512 && !ni) || !CRYPTO_THREAD_init_local(&managers, manager_free))
        return;
    start = arch == IMB_ARCH_AVX512 ? init_mb_mgr_avx512 : init_mb_mgr_sse;
    few = arch == IMB_ARCH_AVX512 ? FEW : FEW_NI;
}

static bool manager_start(void)
{
    const int looked = CRYPTO_THREAD_run_once(&once, look);
    assert(looked);
    if (!start || manager)
        return start;
    manager = alloc_mb_mgr(0);
    assert(manager);
    start(manager);
    const int kept = CRYPTO_THREAD_set_local(&managers, manager);
    assert(kept);
    return true;
}

static void submit(struct slice bytes, struct hash *digest, unsigned *done)
{
    IMB_JOB *job = IMB_GET_NEXT_JOB(manager);
    *job = (IMB_JOB){.cipher_mode = IMB_CIPHER_NULL,
                     .cipher_direction = IMB_DIR_ENCRYPT,
                     .chain_order = IMB_ORDER_HASH_CIPHER,
                     .hash_alg = IMB_AUTH_SHA_256,
                     .src = bytes.data,
                     .msg_len_to_hash_in_bytes = bytes.size,
                     .auth_tag_output = digest->bytes,
                     .auth_tag_output_len_in_bytes = HASH_SIZE};
    for (job = IMB_SUBMIT_JOB(manager); job; job = IMB_GET_COMPLETED_JOB(manager)) {
        assert(job->status == IMB_STATUS_COMPLETED);
        ++*done;
    }
}

/* False where that is not possible. */
static bool side_by_side_all(const struct parts *p, struct hash digests[])
{
    unsigned done = 0;
    if (!manager_start() || p->count < few)
        return false;
    for (unsigned i = 0; i < p->count; i++)
        submit(part(p, i), &digests[i], &done);
    for (const IMB_JOB *job; (job = IMB_FLUSH_JOB(manager)); done++)
        assert(job->status == IMB_STATUS_COMPLETED);
    assert(done == p->count);
    return true;
}
#else
static bool side_by_side_all(const struct parts *p, struct hash digests[])
{
    (void)p, (void)digests;
    return false;
}
#endif

static void digest_all(const struct parts *p, struct hash digests[])
{
    if (p->count >= FEW_NI && side_by_side_all(p, digests))
        return;
    for (unsigned i = 0; i < p->count; i++)
        digests[i] = hash_bytes(part(p, i));
}

void hash_parts(const uint8_t *data, size_t size, unsigned count, struct hash leaves[])
{
    struct hash digests[DIGESTS];
    assert(size <= HASH_PARTS_SIZE_MAX);
    const unsigned each = (unsigned)((size + HASH_PART_SIZE - 1) / HASH_PART_SIZE);
    const unsigned at_a_time = each > 0 ? DIGESTS / each : count;
    for (unsigned first = 0; first < count; first += at_a_time) {
        const unsigned some = count - first < at_a_time ? count - first : at_a_time;
        const struct parts p = {data + first * size, size, each, some * each};
        digest_all(&p, digests);
        for (unsigned i = 0; i < some; i++)
            leaves[first + i] = hash_leaf(slice_of(digests + i * each, each * sizeof *digests));
    }
}
