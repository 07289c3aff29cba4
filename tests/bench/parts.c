/* The parts, one core, medians of several runs, beside a calibration: SHA-256 of 64 KB is 1.80 GB/s
 * on the machine that figures are scaled to; fdatasync and the load say how busy this one is. */
#include "crypto/coin.h"
#include "crypto/identity.h"
#include "tests/bench/bench.h"
#include "vid/encoding.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { RUNS = 9, BLOCK = 1 << 20 };

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void *memory(size_t size)
{
    void *m = aligned_alloc(64, (size + 63) / 64 * 64);
    if (!m)
        abort();
    memset(m, 7, size);
    return m;
}

static uint8_t *calibration; /* 64 KB */

static double hash_rate(unsigned count) /* GB/s */
{
    const double start = bench_now(CLOCK_PROCESS_CPUTIME_ID);
    for (unsigned k = 0; k < count; k++)
        (void)hash_bytes(slice_of(calibration, 64 << 10));
    return count * (64 << 10) / (bench_now(CLOCK_PROCESS_CPUTIME_ID) - start) / 1e9;
}

struct cost {
    double measured; /* Seconds of CPU of one call, the median of RUNS times some calls. */
    double scaled;   /* Each run by the hashing rate measured right beside it. */
};

static struct cost cost_of(void (*call)(void *), void *context, unsigned repeat)
{
    double measured[RUNS], scaled[RUNS];
    for (unsigned r = 0; r < RUNS; r++) {
        const double before = hash_rate(100);
        const double start = bench_now(CLOCK_PROCESS_CPUTIME_ID);
        for (unsigned k = 0; k < repeat; k++)
            call(context);
        measured[r] = (bench_now(CLOCK_PROCESS_CPUTIME_ID) - start) / repeat;
        scaled[r] = measured[r] * (before + hash_rate(100)) / 2 / 1.80;
    }
    qsort(measured, RUNS, sizeof measured[0], compare);
    qsort(scaled, RUNS, sizeof scaled[0], compare);
    return (struct cost){measured[RUNS / 2], scaled[RUNS / 2]};
}

static void calibrate(void)
{
    calibration = memory(64 << 10);
    const double rate = hash_rate(3000);
    char path[] = "build/fdatasyncXXXXXX";
    const int file = mkstemp(path);
    double syncs[RUNS * 10] = {0};
    for (unsigned k = 0; file >= 0 && k < RUNS * 10; k++) {
        const double start = bench_now(CLOCK_MONOTONIC);
        if (pwrite(file, "calibration", 11, 4096 * k) != 11 || fdatasync(file))
            abort();
        syncs[k] = bench_now(CLOCK_MONOTONIC) - start;
    }
    qsort(syncs, RUNS * 10, sizeof syncs[0], compare);
    double load[1] = {0};
    getloadavg(load, 1);
    printf("calibration: SHA-256 of 64 KB %.2f GB/s, fdatasync %.2f ms, load %.1f; in parentheses "
           "what it would be at 1.80 GB/s, by the rate beside each run\n",
           rate, syncs[RUNS * 5] * 1e3, load[0]);
    if (file >= 0) {
        close(file);
        unlink(path);
    }
}

struct dispersal {
    struct quorum quorum;
    struct code code;
    uint8_t *block, *chunks;
    struct vid_encoding encoding;
    struct vid_proof proofs[NODES_MAX];
    struct nodeset present;
};

static void encode(void *context)
{
    struct dispersal *d = context;
    vid_encode(d->quorum, &d->code, slice_of(d->block, BLOCK), d->chunks, &d->encoding);
}

/* From the last k chunks: the worst case, all data is to be computed. */
static void retrieve(void *context)
{
    struct dispersal *d = context;
    struct vid_encoding again;
    struct slice block;
    struct nodeset liars;
    if (vid_decode(d->quorum, &d->code, &d->encoding.header, &d->present, d->chunks, d->proofs,
                   &again, &block, &liars) != VID_RETRIEVED ||
        block.size != BLOCK)
        abort();
}

static void bench_dispersal(unsigned n)
{
    struct dispersal *d = memory(sizeof *d);
    d->quorum = quorum_of(n);
    code_init(&d->code, d->quorum);
    d->block = memory(BLOCK);
    d->chunks = memory(n * code_chunk_size(&d->code, BLOCK));
    encode(d);
    d->present = (struct nodeset){0};
    for (unsigned k = 0; k < n; k++) {
        vid_encoding_proof(&d->encoding, k, &d->proofs[k]);
        if (k >= n - quorum_data(d->quorum))
            nodeset_add(&d->present, k);
    }
    const struct cost in = cost_of(encode, d, 10), out = cost_of(retrieve, d, 10);
    printf("AVID-M N=%-3u  encode %5.0f MB/s (%5.0f)   retrieve %5.0f MB/s (%5.0f)\n", n,
           BLOCK / in.measured / 1e6, BLOCK / in.scaled / 1e6, BLOCK / out.measured / 1e6,
           BLOCK / out.scaled / 1e6);
    free(d->block);
    free(d->chunks);
    free(d);
}

struct coins {
    struct coin_public keys;
    struct coin_secret secrets[NODES_MAX];
    struct coin_name name;
    struct coin_share shares[NODES_MAX];
    node_id from[NODES_MAX];
};

static void share(void *context)
{
    struct coins *c = context;
    coin_share_make(&c->secrets[0], &c->name, &c->shares[0]);
}

static void verify(void *context)
{
    struct coins *c = context;
    if (!coin_share_verify(&c->keys, &c->name, 0, &c->shares[0]))
        abort();
}

static void whole(void *context) /* What one node does for one coin. */
{
    struct coins *c = context;
    share(c);
    for (unsigned k = 0; k < quorum_some(c->keys.quorum); k++)
        if (!coin_share_verify(&c->keys, &c->name, c->from[k], &c->shares[k]))
            abort();
    (void)coin_combine(&c->keys, &c->name, c->from, c->shares, quorum_some(c->keys.quorum));
}

static void bench_coin(unsigned n)
{
    struct coins *c = memory(sizeof *c);
    const struct hash seed = hash_bytes(slice_of("bench", 5));
    c->name = (struct coin_name){seed, 1, 0, 2};
    if (!coin_deal(quorum_of(n), &seed, &c->keys, c->secrets))
        abort();
    for (unsigned k = 0; k < n; k++) {
        c->from[k] = (node_id)k;
        coin_share_make(&c->secrets[k], &c->name, &c->shares[k]);
    }
    const struct cost made = cost_of(share, c, 50), checked = cost_of(verify, c, 50),
                      all = cost_of(whole, c, 20);
    printf("coin   N=%-3u  share %.0f us (%.0f)   verify %.0f us (%.0f)   whole %.2f ms (%.2f)\n",
           n, made.measured * 1e6, made.scaled * 1e6, checked.measured * 1e6, checked.scaled * 1e6,
           all.measured * 1e3, all.scaled * 1e3);
    free(c);
}

int main(void)
{
    if (!hash_init() || !identity_init(NULL))
        return 1;
    calibrate();
    bench_dispersal(4);
    bench_dispersal(16);
    bench_coin(4);
    bench_coin(16);
    bench_scale();
    return 0;
}
