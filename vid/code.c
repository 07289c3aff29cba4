#include "vid/code.h"

#include <isa-l/erasure_code.h>
#include <string.h>

enum {
    LENGTH_SIZE = 8,  /* The block's length, in front of it. */
    REPAIR_ROWS = 12, /* Chunks made in one pass. ISA-L takes 4 or 6 rows at a time. */
};

/* All n chunks must be countable in an int, which is what ISA-L takes. */
static_assert(CODE_BLOCK_SIZE_MAX <= (1 << 30) / NODES_MAX, "sizes fit an int");

void code_init(struct code *c, struct quorum q)
{
    assert(q.n >= 1 && q.n <= NODES_MAX);
    unsigned k = quorum_data(q);
    unsigned parity_count = q.n - k;
    assert(k <= CODE_DATA_MAX && parity_count <= CODE_PARITY_MAX);

    memset(c, 0, sizeof *c);
    c->data_count = k;
    c->chunk_count = q.n;
    gf_gen_cauchy1_matrix(c->matrix, (int)q.n, (int)k);
    ec_init_tables((int)k, (int)parity_count, c->matrix + k * k, c->tables);
}

size_t code_chunk_size_of(unsigned data_count, size_t block_size)
{
    const size_t stripe = (size_t)data_count * CODE_CHUNK_ALIGN;
    return (LENGTH_SIZE + block_size + stripe - 1) / stripe * CODE_CHUNK_ALIGN;
}

size_t code_chunk_size(const struct code *c, size_t block_size)
{
    assert(block_size <= CODE_BLOCK_SIZE_MAX);
    return code_chunk_size_of(c->data_count, block_size);
}

bool code_chunk_size_valid(const struct code *c, size_t chunk_size)
{
    return chunk_size > 0 && chunk_size % CODE_CHUNK_ALIGN == 0 &&
           chunk_size <= code_chunk_size(c, CODE_BLOCK_SIZE_MAX);
}

/* Makes `count` chunks of k others. ISA-L's parameters lack a const. */
static void combine(const struct code *c, unsigned count, const uint8_t *tables, uint8_t **sources,
                    uint8_t **targets, size_t chunk_size)
{
    ec_encode_data((int)chunk_size, (int)c->data_count, (int)count, (uint8_t *)tables, sources,
                   targets);
}

/* Makes the parity chunks of the data chunks. */
static void make_parity(const struct code *c, uint8_t *chunks, size_t chunk_size)
{
    uint8_t *places[NODES_MAX];
    for (unsigned i = 0; i < c->chunk_count; i++)
        places[i] = chunks + i * chunk_size;
    combine(c, c->chunk_count - c->data_count, c->tables, places, places + c->data_count,
            chunk_size);
}

void code_encode(const struct code *c, struct slice block, uint8_t *chunks)
{
    size_t chunk_size = code_chunk_size(c, block.size);
    struct writer w = writer_of(chunks, c->data_count * chunk_size);
    write_u64(&w, block.size);
    write_slice(&w, block);
    assert(w.ok);
    memset(w.at, 0, (size_t)(w.end - w.at));
    make_parity(c, chunks, chunk_size);
}

/* Inverts the rows of `sources`: row i of `inverse` then makes data chunk i of these chunks. */
static void invert(const struct code *c, const unsigned sources[], uint8_t *inverse)
{
    unsigned k = c->data_count;
    uint8_t rows[CODE_DATA_MAX * CODE_DATA_MAX];
    for (unsigned i = 0; i < k; i++)
        memcpy(rows + i * k, c->matrix + sources[i] * k, k);
    int singular = gf_invert_matrix(rows, inverse, (int)k);
    assert(!singular); /* No k rows of a Cauchy matrix are. */
}

/* row = row `target` of the matrix, times `inverse`: it makes chunk `target` of the sources. */
static void compose(const struct code *c, unsigned target, const uint8_t *inverse, uint8_t *row)
{
    unsigned k = c->data_count;
    memset(row, 0, k);
    for (unsigned i = 0; i < k; i++)
        for (unsigned j = 0; j < k; j++)
            row[j] ^= gf_mul(c->matrix[target * k + i], inverse[i * k + j]);
}

void code_repair(const struct code *c, const struct nodeset *present, uint8_t *chunks,
                 size_t chunk_size)
{
    assert(code_chunk_size_valid(c, chunk_size));
    assert(nodeset_count(present) >= c->data_count);
    unsigned k = c->data_count;
    unsigned sources[NODES_MAX], missing[NODES_MAX];
    unsigned source_count = 0, missing_count = 0;
    for (unsigned i = 0; i < c->chunk_count; i++) {
        if (source_count < k && nodeset_has(present, i))
            sources[source_count++] = i;
        else
            missing[missing_count++] = i;
    }
    assert(source_count == k);
    if (sources[k - 1] == k - 1) { /* All the data is there. */
        make_parity(c, chunks, chunk_size);
        return;
    }

    uint8_t inverse[CODE_DATA_MAX * CODE_DATA_MAX];
    uint8_t rows[REPAIR_ROWS * CODE_DATA_MAX];
    uint8_t tables[REPAIR_ROWS * CODE_DATA_MAX * CODE_TABLE_SIZE];
    uint8_t *from[CODE_DATA_MAX], *to[REPAIR_ROWS];
    invert(c, sources, inverse);
    for (unsigned i = 0; i < k; i++)
        from[i] = chunks + sources[i] * chunk_size;
    for (unsigned at = 0, count; at < missing_count; at += count) {
        for (count = 0; count < REPAIR_ROWS && at + count < missing_count; count++) {
            compose(c, missing[at + count], inverse, rows + count * k);
            to[count] = chunks + missing[at + count] * chunk_size;
        }
        ec_init_tables((int)k, (int)count, rows, tables);
        combine(c, count, tables, from, to, chunk_size);
    }
}

bool code_extract(const struct code *c, const uint8_t *chunks, size_t chunk_size,
                  struct slice *block)
{
    struct reader r = reader_of(slice_of(chunks, c->data_count * chunk_size));
    uint64_t size = read_u64(&r);
    if (!r.ok || size > CODE_BLOCK_SIZE_MAX || code_chunk_size(c, size) != chunk_size)
        return false;
    struct slice found = read_slice(&r, size);
    uint8_t padding = 0;
    while (r.at < r.end)
        padding |= *r.at++;
    if (padding)
        return false;
    *block = found;
    return true;
}
