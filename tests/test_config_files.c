#include "node/log.h"
#include "tests/config_fixture.h"
#include "tests/directory_fixture.h"

static char message[CONFIG_MESSAGE_MAX];

static void never_repeats_a_secret(void **state)
{
    (void)state;
    static const char *const breaks[] = {
        "%s",  "curve_secret %s",     "curve_secret = 00%s", "curve_secret = %s00",
        "[%s", "curve_secret = %.63s"};
    const char *secret = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    for (size_t i = 0; i < sizeof breaks / sizeof *breaks; i++) {
        char text[256];
        struct node_key key;
        snprintf(text, sizeof text, breaks[i], secret);
        assert_int_equal(config_parse_key(slice_of(text, strlen(text)), "node.key", &key, message,
                                          sizeof message),
                         -1);
        assert_null(strstr(message, "0123456789abcdef"));
        for (size_t at = 0; at < sizeof key; at++)
            assert_int_equal(((uint8_t *)&key)[at], 0);
    }
}

static void a_node_has_the_defaults_that_are_documented(void **state)
{
    (void)state;
    struct node_config n;
    const char *least = "node = 2";
    assert_int_equal(
        config_parse_node(slice_of(least, strlen(least)), "node.conf", &n, message, sizeof message),
        0);
    assert_int_equal(n.self, 2);
    assert_string_equal(n.listen, "127.0.0.1");
    assert_string_equal(n.client, "127.0.0.1");
    assert_string_equal(n.http, "127.0.0.1");
    assert_string_equal(n.data, "data");
    assert_int_equal(n.mempool_bytes, 64 << 20);
    assert_int_equal(n.block_bytes_min, 150000);
    assert_int_equal(n.block_delay_ms, 100);
    assert_int_equal(n.lag_target_s, 30);
    assert_int_equal(n.checkpoint_delay_ms, 10000);
    assert_int_equal(n.retry_ms, 500);
    assert_int_equal(n.retain_bytes, UINT64_C(4294967296));
    assert_int_equal(n.retrieval, RETRIEVAL_LEAN);
    assert_int_equal(n.bulk, BULK_CURVE);
    assert_in_range(n.workers, 1, 256);
    assert_int_equal(n.log_level, LOG_LEVEL_INFO);
}

static void reads_another_retrieval(void **state)
{
    (void)state;
    struct node_config n;
    assert_int_equal(config_parse_node(slice_of("node = 1\nretrieval = all", 24), "node.conf", &n,
                                       message, sizeof message),
                     0);
    assert_int_equal(n.retrieval, RETRIEVAL_ALL);
}

static void says_what_is_wrong_with_a_node(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *message;
    } rows[] = {
        {"", "node.conf: node is missing; add a line node = ..."},
        {"# node = 1\n\n", "node.conf:2: node is missing; add a line node = ..."},
        {"node = 128", "node.conf:1: node = 128; give a number from 0 to 127"},
        {"node = 1\n[chain]", "node.conf:2: [chain]: this file has no sections; remove the line"},
        {"node = 1\nnode = 1", "node.conf:2: node comes a second time; keep one"},
        {"node = 1\nretrieval = some", "node.conf:2: retrieval = some; give lean or all"},
        {"node = 1\nretain_bytes = 4096g",
         "node.conf:2: retain_bytes = 4096g; give a number from 1048576 to 2199023255552"},
        {"node = 1\nbulk = none", "node.conf:2: bulk = none; give curve or plain"},
        {"node = 1\nlog_level = loud",
         "node.conf:2: log_level = loud; give error, warn, info or debug"},
        {"node = 1\nlisten = 0.0.0.0:27000",
         "node.conf:2: listen = 0.0.0.0:27000; use only letters, digits, '.', '-' and '_'"},
        {"node = 1\nfsync = no",
         "node.conf:2: unknown key fsync; known here: node listen client http data application "
         "mempool_bytes "
         "pool_delay_ms "
         "block_bytes block_bytes_min block_delay_ms lag_target checkpoint_delay_ms retry_ms "
         "retain_bytes "
         "retrieval bulk workers log_level"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct node_config n;
        assert_int_equal(config_parse_node(slice_of(rows[i].text, strlen(rows[i].text)),
                                           "node.conf", &n, message, sizeof message),
                         -1);
        assert_string_equal(message, rows[i].message);
    }
}

static void write_files(unsigned node_conf, unsigned node_key, mode_t mode)
{
    char *text = joined(&valid);
    char number[32];
    snprintf(number, sizeof number, "node = %u\n", node_conf);
    put_file("cluster.conf", 0644, text);
    (void)mkdir(path_of("node"), 0700);
    put_file("node/node.conf", 0644, number);
    (void)unlink(path_of("node/node.key"));
    put_file("node/node.key", mode, key_text(node_key));
    free(text);
}

static void expect_load(const char *expected)
{
    static struct config c;
    char full[CONFIG_MESSAGE_MAX];
    int result = config_load(path_of("node"), &c, message, sizeof message);
    if (!expected) {
        if (result)
            fail_msg("%s", message);
        config_free(&c);
        return;
    }
    assert_int_equal(result, -1);
    snprintf(full, sizeof full, "%s%s", path_of("node"), expected);
    if (expected[0] == '/' && strstr(expected, "chmod"))
        snprintf(full, sizeof full, "%s%s%s/node.key", path_of("node"), expected, path_of("node"));
    assert_string_equal(message, full);
    for (size_t i = 0; i < sizeof c.key; i++)
        assert_int_equal(((uint8_t *)&c.key)[i], 0);
}

static void loads_a_nodes_three_files(void **state)
{
    (void)state;
    static struct config c;
    write_files(2, 2, 0600);
    assert_int_equal(config_load(path_of("node"), &c, message, sizeof message), 0);
    assert_int_equal(c.node.self, 2);
    assert_memory_equal(&c.key, &fixture_keys[2], sizeof c.key);
    assert_string_equal(c.node.data, path_of("node/data"));
    config_free(&c);
    for (size_t i = 0; i < sizeof c.key; i++)
        assert_int_equal(((uint8_t *)&c.key)[i], 0);

    put_file("node/node.conf", 0644, "node = 2\ndata = /var/lib/ledger\n");
    assert_int_equal(config_load(path_of("node"), &c, message, sizeof message), 0);
    assert_string_equal(c.node.data, "/var/lib/ledger");
    config_free(&c);
}

static void refuses_a_key_that_others_can_read(void **state)
{
    (void)state;
    static const mode_t modes[] = {0644, 0640, 0604, 0602, 0660};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        char expected[128];
        write_files(0, 0, modes[i]);
        snprintf(expected, sizeof expected,
                 "/node.key: others may read or write this secret (mode %04o); type: chmod 600 ",
                 (unsigned)modes[i]);
        expect_load(expected);
    }
    write_files(0, 0, 0600);
    expect_load(NULL);
    write_files(0, 0, 0400);
    expect_load(NULL);
}

static void refuses_to_wait_for_more_than_a_block_takes(void **state)
{
    (void)state;
    write_files(0, 0, 0600);
    put_file("node/node.conf", 0644, "node = 0\nblock_bytes = 20k\n");
    expect_load("/node.conf: block_bytes_min = 150000 exceeds block_bytes = 20480; give less");
    put_file("node/node.conf", 0644, "node = 0\nblock_bytes = 20k\nblock_bytes_min = 20k\n");
    expect_load(NULL);
    put_file("node/node.conf", 0644, "node = 0\nblock_bytes_min = 2m\n");
    expect_load("/node.conf: block_bytes_min = 2097152 exceeds block_bytes_max = 1048576 of "
                "cluster.conf; give less");
}

static void refuses_another_nodes_key(void **state)
{
    (void)state;
    static const char *const names[] = {"curve_secret", "identity_secret", "coin_secret"};
    const struct node_key own = fixture_keys[0];
    for (unsigned i = 0; i < 3; i++) {
        char expected[256];
        if (i == 0)
            memcpy(fixture_keys[0].curve_secret, fixture_keys[1].curve_secret, CURVE_KEY_SIZE);
        else if (i == 1)
            fixture_keys[0].identity = fixture_keys[1].identity;
        else
            fixture_keys[0].coin = fixture_keys[1].coin;
        write_files(0, 0, 0600);
        snprintf(expected, sizeof expected,
                 "/node.key: %s is not that of [node 0] in cluster.conf; give this node its own "
                 "node.key, and all nodes one cluster.conf",
                 names[i]);
        expect_load(expected);
        fixture_keys[0] = own;
    }
    write_files(0, 0, 0600);
    expect_load(NULL);
}

static void expect_no_cluster(const char *node, const char *cluster)
{
    static struct config c;
    char expected[CONFIG_MESSAGE_MAX];
    assert_int_equal(config_load(node, &c, message, sizeof message), -1);
    snprintf(expected, sizeof expected, "%s: cannot be opened: No such file or directory", cluster);
    assert_string_equal(message, expected);
}

static void refuses_files_that_do_not_fit_together(void **state)
{
    (void)state;
    write_files(4, 0, 0600);
    expect_load("/node.conf: node = 4, but cluster.conf has nodes 0 to 3; give one of these");
    write_files(0, 0, 0600);
    put_file("node/node.conf", 0644, "node = 0\nblock_bytes_min = 2m\n");
    expect_load("/node.conf: block_bytes_min = 2097152 exceeds block_bytes_max = 1048576 of "
                "cluster.conf; give less");
    write_files(0, 0, 0600);
    assert_int_equal(unlink(path_of("cluster.conf")), 0);
    expect_no_cluster(path_of("node"), path_of("cluster.conf"));
    expect_no_cluster(path_of("node//"), path_of("cluster.conf"));
    expect_no_cluster(path_of("node/."), path_of("node/./../cluster.conf"));
    assert_int_equal(symlink("node", path_of("link")), 0);
    expect_no_cluster(path_of("link/"), path_of("link//../cluster.conf"));
    assert_int_equal(unlink(path_of("link")), 0);
    write_files(0, 0, 0600);
    assert_int_equal(unlink(path_of("node/node.key")), 0);
    assert_int_equal(mkdir(path_of("node/node.key"), 0700), 0);
    expect_load("/node.key: not a file; give the path of one");
    assert_int_equal(rmdir(path_of("node/node.key")), 0);
}

static void refuses_a_key_cut_off_anywhere(void **state)
{
    (void)state;
    const char *text = key_text(1);
    struct node_key key;
    size_t size = strlen(text);
    for (size_t cut = 0; cut < size - 1; cut++)
        assert_int_equal(
            config_parse_key(slice_of(text, cut), "node.key", &key, message, sizeof message), -1);
    assert_int_equal(
        config_parse_key(slice_of(text, size - 1), "node.key", &key, message, sizeof message), 0);
    assert_memory_equal(&key, &fixture_keys[1], sizeof key);
}

static void refuses_a_cluster_cut_off_before_its_balances(void **state)
{
    (void)state;
    char *text = joined(&valid);
    size_t nodes_end = (size_t)(strstr(text, "[balance]") - text);
    struct cluster c;
    for (size_t cut = 0; cut < nodes_end - 1; cut++)
        assert_int_equal(
            config_parse_cluster(slice_of(text, cut), "cluster.conf", &c, message, sizeof message),
            -1);
    free(text);
}

static void warns_of_too_few_nodes_and_of_no_money(void **state)
{
    (void)state;
    const char *warnings[CLUSTER_WARNINGS];
    struct cluster c = {.coin = {.quorum = quorum_of(3)}, .application = APPLICATION_LEDGER};
    assert_int_equal(cluster_warnings(&c, warnings), 2);
    assert_non_null(strstr(warnings[0], "fewer than 4 nodes"));
    assert_non_null(strstr(warnings[1], "nobody has any money"));
    c.coin.quorum = quorum_of(4);
    assert_int_equal(cluster_warnings(&c, warnings), 1);
    c.application = APPLICATION_LOG;
    assert_int_equal(cluster_warnings(&c, warnings), 0);
}

static void loads_an_accounts_key(void **state)
{
    (void)state;
    struct identity_secret secret = fixture_secret("account", 0);
    struct account_key key;
    char text[256];
    snprintf(text, sizeof text, "secret = %s\npublic = %s\n", hex_text(&secret, 32),
             account_hex(0));
    put_file("a.key", 0600, text);
    assert_int_equal(account_key_load(path_of("a.key"), &key, message, sizeof message), 0);
    assert_memory_equal(&key.secret, &secret, sizeof secret);
    assert_int_equal(chmod(path_of("a.key"), 0644), 0);
    assert_int_equal(account_key_load(path_of("a.key"), &key, message, sizeof message), -1);
    snprintf(text, sizeof text, "secret = %s\npublic = %s\n", hex_text(&secret, 32),
             account_hex(1));
    put_file("b.key", 0600, text);
    assert_int_equal(account_key_load(path_of("b.key"), &key, message, sizeof message), -1);
    assert_non_null(strstr(message, "the secret does not belong to the public key"));
}

static uint64_t random_state = 88172645463325252;

static size_t random_below(size_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return limit ? random_state % limit : 0;
}

/* Changes, cuts out, repeats or cuts off; never makes it longer than `capacity`. */
static size_t mutate(char *text, size_t size, size_t capacity)
{
    static const char bytes[] = "[]=#\n\r\t 0g9\xff";
    size_t at = random_below(size);
    size_t count = random_below(1 + random_below(size - at));
    switch (random_below(5)) {
    case 0: text[at] = (char)random_below(256); return size;
    case 1: text[at] = bytes[random_below(sizeof bytes)]; return size;
    case 2: memmove(text + at, text + at + count, size - at - count); return size - count;
    case 3:
        if (size + count > capacity)
            return size;
        memmove(text + at + count, text + at, size - at);
        return size + count;
    default: return random_below(8) ? size : at;
    }
}

static void expect_sound(int result, const char *file)
{
    if (result == 0)
        return;
    assert_int_equal(result, -1);
    assert_int_equal(strncmp(message, file, strlen(file)), 0);
    assert_true(strlen(message) < sizeof message);
    assert_int_equal(strcspn(message, "\n\r\x01\x7f"), strlen(message));
}

/* The text is copied to a block of its exact size, that a sanitizer sees each byte too many. */
static bool parse_mutant(const char *mutant, size_t size, unsigned which)
{
    char *text = malloc(size ? size : 1);
    memcpy(text, mutant, size);
    struct slice slice = slice_of(text, size);
    struct cluster c = {.balances = NULL};
    struct node_config node;
    struct node_key key;
    static const char *const files[] = {"cluster.conf", "node.conf", "node.key"};
    message[0] = '\0';
    int result = which == 0   ? config_parse_cluster(slice, files[0], &c, message, sizeof message)
                 : which == 1 ? config_parse_node(slice, files[1], &node, message, sizeof message)
                              : config_parse_key(slice, files[2], &key, message, sizeof message);
    expect_sound(result, files[which]);
    if (which == 0 && result == 0)
        assert_in_range(c.node_count, 1, NODES_MAX);
    cluster_free(&c);
    free(text);
    return result == 0;
}

static void survives_whatever_is_in_a_file(void **state)
{
    (void)state;
    char *texts[3] = {joined(&valid),
                      strdup("# n\nnode = 1\nlisten = 0.0.0.0\ndata = d\n"
                             "mempool_bytes = 64m\nretrieval = lean\n"),
                      strdup(key_text(0))};
    unsigned accepted[3] = {0};
    for (unsigned i = 0; i < 30000; i++) {
        char mutant[8192];
        unsigned which = i % 3;
        size_t size = strlen(texts[which]);
        memcpy(mutant, texts[which], size);
        for (size_t times = 1 + random_below(4); times > 0 && size > 0; times--)
            size = mutate(mutant, size, sizeof mutant);
        accepted[which] += parse_mutant(mutant, size, which);
    }
    for (unsigned i = 0; i < 3; i++) {
        assert_in_range(accepted[i], 100, 9000); /* Else the mutants are no test of both ways. */
        free(texts[i]);
    }
}

static int setup(void **state) { return make_cluster(state) || enter_directory(state); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_repeats_a_secret),
        cmocka_unit_test(a_node_has_the_defaults_that_are_documented),
        cmocka_unit_test(reads_another_retrieval),
        cmocka_unit_test(says_what_is_wrong_with_a_node),
        cmocka_unit_test(loads_a_nodes_three_files),
        cmocka_unit_test(refuses_a_key_that_others_can_read),
        cmocka_unit_test(refuses_to_wait_for_more_than_a_block_takes),
        cmocka_unit_test(refuses_another_nodes_key),
        cmocka_unit_test(refuses_files_that_do_not_fit_together),
        cmocka_unit_test(refuses_a_key_cut_off_anywhere),
        cmocka_unit_test(refuses_a_cluster_cut_off_before_its_balances),
        cmocka_unit_test(warns_of_too_few_nodes_and_of_no_money),
        cmocka_unit_test(loads_an_accounts_key),
        cmocka_unit_test(survives_whatever_is_in_a_file),
    };
    return cmocka_run_group_tests(tests, setup, leave_directory);
}
