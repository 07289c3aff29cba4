/* What a disk gives back: the records of both stores. The first byte says which. */
#include "node/executor_record.h"
#include "node/records.h"
#include "tests/fuzz/fuzz.h"

static void take_instance(struct slice value)
{
    struct instance_record r;
    if (records_decode_instance(value, &r))
        fuzz_require(value.size == RECORD_INSTANCE_SIZE);
}

static void take_chunk(struct slice value)
{
    struct stored_chunk c;
    if (records_decode_chunk(value, &c))
        fuzz_require(c.data.size <= value.size);
}

static void take_outcome(struct slice value)
{
    struct nodeset accepted;
    (void)records_decode_outcome(value, &accepted);
}

static void take_meta(struct slice value)
{
    struct meta m;
    uint8_t again[META_SIZE];
    if (meta_decode(value, &m))
        return;
    fuzz_require(strlen(m.application) <= APPLICATION_NAME_MAX);
    if (strlen(m.application) == value.data[1]) /* Else it was written by nobody here. */
        fuzz_require(slice_equal(meta_encode(&m, again), value));
}

static void take_entry(struct slice value)
{
    struct executor_entry e;
    uint8_t again[ENTRY_SIZE];
    if (!entry_decode(value, &e))
        fuzz_require(slice_equal(entry_encode(&e, again), value));
}

static void take_result(struct slice value)
{
    struct result result;
    uint8_t again[RESULT_SIZE];
    if (value.size != RESULT_SIZE || result_decode(value, &result))
        return;
    result_encode(&result, again);
    fuzz_require(slice_equal(slice_of(again, sizeof again), value));
}

static void take_place(struct slice value)
{
    struct executor_place p;
    uint8_t again[PLACE_SIZE];
    if (!place_decode(value, &p))
        fuzz_require(slice_equal(place_encode(&p, again), value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const takes[])(struct slice) = {
        take_instance, take_chunk, take_outcome, take_meta, take_entry, take_result, take_place};
    static bool ready;
    if (!ready)
        fuzz_require(hash_init());
    ready = true;
    if (size > 0)
        takes[data[0] % (sizeof takes / sizeof *takes)](slice_of(data + 1, size - 1));
    return 0;
}
