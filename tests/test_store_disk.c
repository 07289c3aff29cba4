/* What the store on disk does with files, other processes and a full disk. */
#include "tests/store_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Replaces each `from` in the store's file by `to`, of the same length. */
static void edit_file(const char *from, const char *to)
{
    char name[600];
    snprintf(name, sizeof name, "%s/data.mdb", path);
    int file = open(name, O_RDWR);
    static char bytes[MIB];
    ssize_t size = read(file, bytes, sizeof bytes);
    assert_true(size > 0);
    char *at = bytes;
    while ((at = memmem(at, (size_t)(bytes + size - at), from, strlen(from))) != NULL)
        memcpy(at, to, strlen(to));
    assert_int_equal(pwrite(file, bytes, (size_t)size, 0), size);
    close(file);
}

static void files_that_are_not_ours_are_refused(void **state)
{
    (void)state;
    struct store_options o = options(MIB, false);
    store_close(open_store(MIB));
    edit_file("format 1", "format 2");
    expect_refused(&o, STORE_CORRUPT, "format 2");
    edit_file("format 2", "format 1");
    edit_file("ledger store", "ledgex store");
    expect_refused(&o, STORE_CORRUPT, "not made by this program");
    edit_file("ledgex store", "ledger store");
    store_close(open_store(MIB));
    edit_file("\xde\xc0\xef\xbe", "junk"); /* LMDB's magic number. */
    expect_refused(&o, STORE_CORRUPT, "damaged");
    assert_int_equal(chmod(path, 0), 0);
    if (geteuid() != 0)
        expect_refused(&o, STORE_IO, "permissions");
    assert_int_equal(chmod(path, 0700), 0);
}

static rlim_t file_size(void)
{
    char name[600];
    struct stat status;
    snprintf(name, sizeof name, "%s/data.mdb", path);
    assert_int_equal(stat(name, &status), 0);
    return (rlim_t)status.st_size;
}

static void a_full_disk_loses_only_what_was_not_committed(void **state)
{
    (void)state;
    struct store *s = open_store(16 * MIB);
    put_committed(s, "a", "1");
    struct rlimit old, low;
    getrlimit(RLIMIT_FSIZE, &old);
    low = (struct rlimit){file_size(), old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(put(s, LOG, "a", text("2")), 0);
    for (unsigned char i = 'a'; i < 'i'; i++)
        assert_int_equal(put(s, CHUNK, (char[]){(char)i, 0}, slice_of(big, sizeof big)), 0);
    int rc = store_commit(s);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(rc, STORE_FULL);
    assert_non_null(strstr(store_message(s), "disk"));
    expect_committed(s, "a=1 ");
    put_committed(s, "b", "2");
    s = reopen(s, 16 * MIB);
    expect_committed(s, "a=1 b=2 ");
    store_close(s);
}

static void cut(rlim_t size)
{
    char name[600];
    snprintf(name, sizeof name, "%s/data.mdb", path);
    assert_int_equal(truncate(name, (off_t)size), 0);
}

static void a_file_cut_short_is_refused(void **state)
{
    (void)state;
    struct store *s = open_store(16 * MIB);
    for (unsigned i = 'a'; i < 'i'; i++) {
        assert_int_equal(store_begin(s), 0);
        assert_int_equal(put(s, CHUNK, (char[]){(char)i, 0}, slice_of(big, sizeof big)), 0);
        assert_int_equal(store_commit(s), 0);
    }
    store_close(s);
    const struct store_options writer = options(16 * MIB, false), reader = options(0, true);
    for (rlim_t size = file_size() - 4096; size >= 4 * 4096; size = size / 2 / 4096 * 4096) {
        cut(size);
        expect_refused(&writer, STORE_CORRUPT, "cut short");
        expect_refused(&reader, STORE_CORRUPT, "cut short");
    }
}

/* What a transaction takes at the end of the file and gives back, LMDB never writes. */
static void a_file_that_lacks_only_free_pages_is_whole(void **state)
{
    (void)state;
    struct store *s = open_store(16 * MIB);
    for (unsigned i = 0; i < 4; i++) { /* So that there are free pages before. */
        assert_int_equal(store_begin(s), 0);
        assert_int_equal(put(s, LOG, "a", text("1")), 0);
        assert_int_equal(store_commit(s), 0);
    }
    rlim_t before = file_size();
    assert_int_equal(store_begin(s), 0);
    assert_int_equal(put(s, LOG, "a", text("2")), 0);
    assert_int_equal(put(s, CHUNK, "k", slice_of(big, sizeof big)), 0);
    assert_int_equal(store_delete(s, CHUNK, text("k")), 0);
    assert_int_equal(store_commit(s), 0);
    assert_true(file_size() < before + sizeof big);
    s = reopen(s, 16 * MIB);
    expect_committed(s, "a=2 ");
    store_close(s);
}

static void a_process_that_dies_leaves_its_commits(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        struct store_options o = options(MIB, false);
        struct store *s;
        bool ok = store_open(&o, &s, message, sizeof message) == 0 && store_begin(s) == 0 &&
                  put(s, LOG, "a", text("1")) == 0 && store_commit(s) == 0 && store_begin(s) == 0 &&
                  put(s, LOG, "b", text("2")) == 0;
        _exit(ok ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    struct store *s = open_store(MIB);
    expect_committed(s, "a=1 ");
    store_close(s);
}

/* Another process looks at the store, says so and waits for its end. */
static _Noreturn void inspect(int told)
{
    struct store_options o = options(0, true);
    struct store *s;
    struct store_view *v;
    struct slice value;
    alarm(10); /* Should the test fail before it kills this. */
    bool ok = store_open(&o, &s, message, sizeof message) == 0 && store_view_open(s, &v) == 0 &&
              store_view_get(v, LOG, text("a"), &value) == 0 && value.size == 1;
    if (write(told, ok ? "y" : "n", 1) == 1)
        pause();
    _exit(1);
}

static void an_inspector_reads_beside_the_writer_and_may_be_killed(void **state)
{
    (void)state;
    struct store *s = open_store(4 * MIB);
    put_committed(s, "a", "1");
    int ends[2];
    char told = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0)
        inspect(ends[1]);
    assert_int_equal(read(ends[0], &told, 1), 1);
    assert_int_equal(told, 'y');
    put_committed(s, "b", "2");
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    for (unsigned i = 0; i < 200; i++) { /* Its view keeps no pages. */
        assert_int_equal(store_begin(s), 0);
        assert_int_equal(put(s, CHUNK, "k", slice_of(big, sizeof big)), 0);
        assert_int_equal(store_commit(s), 0);
    }
    expect_committed(s, "a=1 b=2 ");
    store_close(s);
    close(ends[0]);
    close(ends[1]);
}

/* The stores of many nodes side by side: their maps have more addresses than a process. */
static void many_large_ones_are_read_at_once(void **state)
{
    (void)state;
    enum { MANY = 64 };
    static const size_t size = (size_t)4 << 40;
    struct store *stores[MANY];
    char of[MANY][sizeof path + 8];
    for (unsigned k = 0; k < MANY; k++) {
        struct store_options o = options(size, false);
        snprintf(of[k], sizeof of[k], "%s.%u", path, k);
        o.path = of[k];
        assert_int_equal(store_open(&o, &stores[k], message, sizeof message), 0);
        put_committed(stores[k], "a", "1");
        store_close(stores[k]);
    }
    for (unsigned k = 0; k < MANY; k++) {
        struct store_options o = options(0, true);
        struct store_view *view;
        struct slice value;
        o.path = of[k];
        if (store_open(&o, &stores[k], message, sizeof message) != 0)
            fail_msg("%s", message);
        assert_int_equal(store_view_open(stores[k], &view), 0);
        assert_int_equal(store_view_get(view, LOG, text("a"), &value), 0);
        store_view_close(view);
    }
    for (unsigned k = 0; k < MANY; k++) {
        static const char *const names[] = {"data.mdb", "lock.mdb", "lock", ""};
        store_close(stores[k]);
        for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
            char name[sizeof of[k] + 16];
            snprintf(name, sizeof name, "%.527s/%.8s", of[k], names[i]);
            remove(name);
        }
    }
}

int main(int count, char **arguments)
{
    (void)count;
    build_directory = dirname(arguments[0]);
    const struct CMUnitTest tests[] = {
        TEST(files_that_are_not_ours_are_refused),
        TEST(a_full_disk_loses_only_what_was_not_committed),
        TEST(a_file_cut_short_is_refused),
        TEST(a_file_that_lacks_only_free_pages_is_whole),
        TEST(a_process_that_dies_leaves_its_commits),
        TEST(an_inspector_reads_beside_the_writer_and_may_be_killed),
        TEST(many_large_ones_are_read_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
