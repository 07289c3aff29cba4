/* Either store beside a model that is too simple to be wrong: a sorted array, copied to commit.
 * The memory store is also made to fail and crash at every call. */
#include "tests/store_fixture.h"

enum { RECORDS_MAX = 1024, STEPS = 20000 };

struct model_record {
    uint8_t table;
    uint8_t key[3];
    uint8_t key_size;
    uint32_t seed; /* Of the value's bytes. */
    uint32_t size;
};

struct model {
    unsigned count;
    struct model_record records[RECORDS_MAX];
};

static uint64_t random_state;

static uint32_t random_below(uint32_t bound)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33) % bound;
}

static int model_order(const struct model_record *a, const struct model_record *b)
{
    if (a->table != b->table)
        return a->table - b->table;
    int order = memcmp(a->key, b->key, a->key_size < b->key_size ? a->key_size : b->key_size);
    return order != 0 ? order : a->key_size - b->key_size;
}

/* The first record that is not less. */
static unsigned model_from(const struct model *m, const struct model_record *r)
{
    unsigned i = 0;
    while (i < m->count && model_order(&m->records[i], r) < 0)
        i++;
    return i;
}

static bool model_has(const struct model *m, unsigned i, const struct model_record *r)
{
    return i < m->count && model_order(&m->records[i], r) == 0;
}

static void model_put(struct model *m, const struct model_record *r)
{
    unsigned i = model_from(m, r);
    if (!model_has(m, i, r)) {
        assert_true(m->count < RECORDS_MAX);
        memmove(&m->records[i + 1], &m->records[i], (m->count - i) * sizeof *r);
        m->count++;
    }
    m->records[i] = *r;
}

static void model_delete(struct model *m, unsigned i)
{
    m->count--;
    memmove(&m->records[i], &m->records[i + 1], (m->count - i) * sizeof m->records[i]);
}

static struct slice value_of(const struct model_record *r)
{
    static uint8_t bytes[20000];
    for (uint32_t i = 0; i < r->size; i++)
        bytes[i] = (uint8_t)((r->seed + i) * 2654435761u >> 24);
    return slice_of(bytes, r->size);
}

static struct slice key_of(const struct model_record *r) { return slice_of(r->key, r->key_size); }

static void expect_equal(struct slice a, struct slice b)
{
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.data, b.data, a.size);
}

static struct model_record random_record(void)
{
    struct model_record r = {.table = (uint8_t)random_below(TABLES)};
    r.key_size = (uint8_t)(1 + random_below(3));
    for (unsigned i = 0; i < r.key_size; i++)
        r.key[i] = (uint8_t)(random_below(7) * 42);
    r.seed = random_below(1u << 30);
    r.size = random_below(10) == 0 ? random_below(20000) : random_below(100);
    return r;
}

/* Compares what a scan visits with the model, record by record. */
struct walk {
    const struct model *model;
    unsigned at;
    unsigned left; /* The scan ends after so many. */
};

static int walk_visit(void *context, struct slice key, struct slice value)
{
    struct walk *w = (struct walk *)context;
    assert_true(w->at < w->model->count);
    const struct model_record *r = &w->model->records[w->at++];
    expect_equal(key, key_of(r));
    expect_equal(value, value_of(r));
    return --w->left == 0 ? 77 : 0;
}

static void expect_table_ends(const struct walk *w, uint8_t table)
{
    assert_true(w->at == w->model->count || w->model->records[w->at].table != table);
}

static void check_view(struct store_view *v, const struct model *m)
{
    for (uint8_t table = 0; table < TABLES; table++) {
        struct model_record first = {.table = table}, after = {.table = (uint8_t)(table + 1)};
        struct walk w = {m, model_from(m, &first), UINT32_MAX};
        unsigned begin = w.at, end = model_from(m, &after);
        assert_int_equal(store_view_scan(v, table, text(""), walk_visit, &w), 0);
        expect_table_ends(&w, table);
        struct slice key, value;
        assert_int_equal(store_view_last(v, table, &key, &value), begin < end ? 0 : STORE_MISSING);
        if (begin < end)
            expect_equal(key, key_of(&m->records[end - 1]));
        if (begin < end)
            expect_equal(value, value_of(&m->records[end - 1]));
    }
}

static void check_committed(struct store *s, const struct model *m)
{
    struct store_view *v;
    assert_int_equal(store_view_open(s, &v), 0);
    check_view(v, m);
    store_view_close(v);
}

static void random_put(struct store *s, struct model *m, const struct model_record *r)
{
    struct slice value = value_of(r);
    size_t a = random_below(r->size + 1), b = a + random_below((uint32_t)(r->size - a + 1));
    struct slice parts[] = {slice_of(value.data, a), slice_of(value.data + a, b - a),
                            slice_of(value.data + b, r->size - b)};
    assert_int_equal(store_put(s, r->table, key_of(r), parts, 3), 0);
    model_put(m, r);
}

/* One operation in a transaction; `m` is what the transaction should see. */
static void random_step(struct store *s, struct model *m)
{
    struct model_record r = random_record();
    unsigned kind = random_below(100);
    if (kind < 45) {
        random_put(s, m, &r);
        return;
    }
    unsigned i = model_from(m, &r);
    bool there = model_has(m, i, &r);
    if (kind < 75) {
        assert_int_equal(store_delete(s, r.table, key_of(&r)), there ? 0 : STORE_MISSING);
        if (there)
            model_delete(m, i);
    } else if (kind < 95) {
        struct slice value;
        int rc = store_get(s, r.table, key_of(&r), &value);
        assert_int_equal(rc, there ? 0 : STORE_MISSING);
        if (there)
            expect_equal(value, value_of(&m->records[i]));
    } else {
        struct walk w = {m, i, 1 + random_below(40)};
        int rc = store_scan(s, r.table, key_of(&r), walk_visit, &w);
        assert_int_equal(rc, w.left == 0 ? 77 : 0);
        if (rc == 0)
            expect_table_ends(&w, r.table);
    }
}

static void random_operations_do_what_a_sorted_array_does(void **state)
{
    (void)state;
    static struct model working, committed, seen;
    struct store *s = open_store(64 * MIB);
    struct store_view *view = NULL;
    random_state = 1;
    assert_int_equal(store_begin(s), 0);
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned kind = random_below(400);
        random_step(s, &working);
        if (kind > 5)
            continue;
        if (kind <= 2) {
            assert_int_equal(store_commit(s), 0);
            committed = working;
        } else if (kind == 3) {
            store_abort(s);
        } else {
            if (view != NULL)
                check_view(view, &seen);
            store_view_close(view);
            view = NULL;
            s = reopen(s, 64 * MIB);
        }
        working = committed;
        check_committed(s, &committed);
        if (view == NULL) {
            assert_int_equal(store_view_open(s, &view), 0);
            seen = committed;
        }
        assert_int_equal(store_begin(s), 0);
    }
    check_view(view, &seen);
    store_view_close(view);
    assert_true(committed.count > 100);
    store_close(s);
}

/* Five transactions of every call. Returns the error of the first that fails; `m` is then what
 * was committed. */
static int script(struct store *s, struct model *m)
{
    struct model working = *m;
    struct store_view *v;
    struct slice key, value;
    int rc = 0;
    for (uint8_t i = 0; i < 5; i++) {
        struct model_record r = {0, {(uint8_t)(i / 2)}, 1, i, 9};
        struct model_record gone = {1, {i, 1}, 2, i, 99};
        struct slice bytes = value_of(&r);
        struct walk w = {&working, 0, 1};
        if ((rc = store_begin(s)) != 0 ||
            (rc = store_put(s, gone.table, key_of(&gone), &bytes, 1)) != 0 ||
            (rc = store_put(s, r.table, key_of(&r), &bytes, 1)) != 0)
            return rc;
        model_put(&working, &r);
        if ((rc = store_get(s, r.table, key_of(&r), &value)) != 0 ||
            (rc = store_scan(s, 0, text(""), walk_visit, &w)) != 77 ||
            (rc = store_delete(s, gone.table, key_of(&gone))) != 0 || (rc = store_commit(s)) != 0)
            return rc;
        *m = working;
        w = (struct walk){m, 0, 1};
        if ((rc = store_view_open(s, &v)) != 0 ||
            (rc = store_view_get(v, r.table, key_of(&r), &value)) != 0 ||
            (rc = store_view_scan(v, 0, text(""), walk_visit, &w)) != 77 ||
            (rc = store_view_last(v, r.table, &key, &value)) != 0)
            return rc;
        store_view_close(v);
    }
    return 0;
}

static void failing_at_any_call_leaves_the_last_commit(void **state)
{
    (void)state;
    static struct model m;
    unsigned calls = 0;
    for (int rc = STORE_IO; rc != 0;) {
        m.count = 0;
        struct store *s = open_store(MIB);
        store_memory_fail(s, ++calls, STORE_IO);
        rc = script(s, &m);
        assert_true(rc == STORE_IO || rc == 0);
        struct store_view *v;
        if (rc != 0)
            assert_int_equal(store_view_open(s, &v), STORE_IO);
        store_memory_crash(s);
        s = open_store(MIB);
        check_committed(s, &m);
        store_close(s);
        store_memory_forget(path);
    }
    assert_int_equal(calls, 5 * 11 + 1);
}

static void after_an_error_only_an_abort_helps(void **state)
{
    (void)state;
    static struct model m;
    struct store *s = open_store(MIB);
    struct slice value = text("v");
    m.count = 0;
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(store_put(s, LOG, text("a"), &value, 1), 0);
    store_memory_fail(s, 1, STORE_FULL);
    assert_int_equal(store_put(s, LOG, text("b"), &value, 1), STORE_FULL);
    assert_non_null(strstr(store_message(s), "fail"));
    store_memory_fail(s, 0, 0);
    assert_int_equal(store_put(s, LOG, text("b"), &value, 1), STORE_FULL);
    assert_int_equal(store_commit(s), STORE_FULL);
    check_committed(s, &m);
    assert_int_equal(script(s, &m), 0);
    check_committed(s, &m);
    store_close(s);
}

static void a_crash_loses_exactly_what_was_not_committed(void **state)
{
    (void)state;
    static struct model working, committed;
    random_state = 2;
    for (unsigned crash = 0; crash < 200; crash++) {
        struct store *s = open_store(64 * MIB);
        check_committed(s, &committed);
        working = committed;
        assert_int_equal(store_begin(s), 0);
        for (unsigned step = random_below(60); step > 0; step--)
            random_step(s, &working);
        if (random_below(2) == 0) {
            assert_int_equal(store_commit(s), 0);
            committed = working;
        }
        store_memory_crash(s);
    }
}

int main(int count, char **arguments)
{
    (void)count;
    build_directory = dirname(arguments[0]);
    const struct CMUnitTest either[] = {TEST(random_operations_do_what_a_sorted_array_does)};
    const struct CMUnitTest memory[] = {
        TEST(failing_at_any_call_leaves_the_last_commit),
        TEST(after_an_error_only_an_abort_helps),
        TEST(a_crash_loses_exactly_what_was_not_committed),
    };
    int failed = cmocka_run_group_tests(either, NULL, NULL);
    return on_disk() ? failed : failed + cmocka_run_group_tests(memory, NULL, NULL);
}
