#include "tests/config_fixture.h"

static char message[CONFIG_MESSAGE_MAX];

static int parse(const char *text, struct cluster *c)
{
    message[0] = '\0';
    return config_parse_cluster(slice_of(text, strlen(text)), "cluster.conf", c, message,
                                sizeof message);
}

static struct hash chain_of(const struct cluster_text *t)
{
    struct cluster c;
    char *text = joined(t);
    if (parse(text, &c))
        fail_msg("%s", message);
    free(text);
    cluster_free(&c);
    return c.chain;
}

static void reads_what_is_written(void **state)
{
    (void)state;
    struct cluster c;
    char *text = joined(&valid);
    assert_int_equal(parse(text, &c), 0);
    free(text);
    assert_string_equal(c.name, "test");
    assert_int_equal(c.node_count, 4);
    assert_int_equal(c.coin.quorum.n, 4);
    assert_int_equal(c.coin.quorum.f, 1);
    assert_int_equal(c.application, APPLICATION_LEDGER);
    assert_int_equal(c.mode, MODE_DL);
    assert_int_equal(c.block_bytes_max, 1 << 20);
    assert_string_equal(c.nodes[3].address.host, "127.0.0.1");
    assert_int_equal(c.nodes[3].address.port, 27030);
    assert_int_equal(c.balance_count, 2);
    for (unsigned i = 0; i < 4; i++) {
        assert_true(coin_secret_matches(&c.coin, (uint16_t)i, &fixture_keys[i].coin));
        assert_string_equal(hex_text(&c.nodes[i].identity, 32), valid.lines[15 + 5 * i] + 11);
    }
    for (unsigned i = 0; i < 2; i++) { /* Sorted: find each. */
        const struct balance *b = &c.balances[i];
        bool first = strcmp(hex_text(&b->account, 32), account_hex(0)) == 0;
        assert_int_equal(b->amount, first ? 1000 : 2000);
    }
    const char *warnings[CLUSTER_WARNINGS];
    assert_int_equal(cluster_warnings(&c, warnings), 0);
    cluster_free(&c);
}

struct broken {
    unsigned line;    /* This one … */
    const char *text; /* … becomes this (NULL: is gone), … */
    unsigned copy;    /* … or that one's text. */
    const char *message;
};

#define HEX_MESSAGE(line, key, digits) \
    "cluster.conf:" line ": " key ": give exactly " digits " digits of lower-case hex"

static const struct broken broken_clusters[] = {
    /* Form. */
    {2, "version 1", 0, "cluster.conf:2: not a setting; write key = value, and comments after a #"},
    {2, "= 1", 0, "cluster.conf:2: a key has 1 to 64 characters; write key = value"},
    {2, "version = # 1", 0,
     "cluster.conf:2: version: a value has 1 to 1023 characters; give one, or remove the line"},
    {1, "[chain", 0, "cluster.conf:1: no section's name; write it as [name]"},
    {1, "[]", 0, "cluster.conf:1: no section's name; write it as [name]"},
    {1, "", 0, "cluster.conf:2: version stands before any section; begin with [chain]"},
    {3, "name = a\x01", 0, "cluster.conf:3: control character 0x01; the file is text, remove it"},
    {3, "name = a\x7f", 0, "cluster.conf:3: control character 0x7f; the file is text, remove it"},
    /* Sections. */
    {1, "[chains]", 0,
     "cluster.conf:1: unknown section [chains]; known: chain, node 0 to node 127, balance"},
    {12, "[node 128]", 0,
     "cluster.conf:12: unknown section [node 128]; known: chain, node 0 to node 127, balance"},
    {12, "[node 00]", 0,
     "cluster.conf:12: unknown section [node 00]; known: chain, node 0 to node 127, balance"},
    {17, "[node 0]", 0, "cluster.conf:17: [node 0] comes a second time; put all of it at line 12"},
    {32, "[chain]", 0, "cluster.conf:32: [chain] comes a second time; put all of it at line 1"},
    {17, "[balance]", 0,
     "cluster.conf:18: address is no account; give its public key in "
     "lower-case hex"},
    {27, "[node 4]", 0, "cluster.conf:34: [node 3] is missing; nodes = 4, is the file whole?"},
    {4, "nodes = 5", 0, "cluster.conf:34: [node 4] is missing; nodes = 5, is the file whole?"},
    {4, "nodes = 3", 0, "cluster.conf:27: [node 3] is one too many; nodes = 3, numbered from 0"},
    /* Keys. */
    {3, "nome = test", 0,
     "cluster.conf:3: unknown key nome; known here: version name nodes app mode block_bytes_max "
     "epoch_window open_dispersals link_horizon checkpoint_epochs"},
    {13, "adress = a:1", 0,
     "cluster.conf:13: unknown key adress; known here: address curve identity coin_share"},
    {3, NULL, 2, "cluster.conf:3: version comes a second time; keep one"},
    {2, "", 0, "cluster.conf:1: version is missing; add a line version = ..."},
    {3, "", 0, "cluster.conf:1: name is missing; add a line name = ..."},
    {4, "", 0, "cluster.conf:1: nodes is missing; add a line nodes = ..."},
    {23, "", 0, "cluster.conf:22: address is missing; add a line address = ..."},
    {24, "", 0, "cluster.conf:22: curve is missing; put the file back from its copy"},
    {25, "", 0, "cluster.conf:22: identity is missing; put the file back from its copy"},
    {26, "", 0, "cluster.conf:22: coin_share is missing; put the file back from its copy"},
    /* Values of [chain]. */
    {2, "version = 1", 0, "cluster.conf:1: version 1; this program reads version 2"},
    {3, "name = a b", 0, "cluster.conf:3: name = a b; use only letters, digits, '.', '-' and '_'"},
    {3, "name = 1234567890123456789012345678901234567890123456789012345678901234", 0,
     "cluster.conf:3: name is too long; give at most 63 characters"},
    {4, "nodes = 0", 0, "cluster.conf:4: nodes = 0; give a number from 1 to 128"},
    {4, "nodes = 129", 0, "cluster.conf:4: nodes = 129; give a number from 1 to 128"},
    {4, "nodes = -4", 0, "cluster.conf:4: nodes = -4; give a number from 1 to 128"},
    {4, "nodes = 4 nodes", 0, "cluster.conf:4: nodes = 4 nodes; give a number from 1 to 128"},
    {5, "app = bank", 0, "cluster.conf:5: app = bank; give ledger, log or external"},
    {5, "app = log", 0, "cluster.conf:32: only app = ledger has balances; remove them"},
    {6, "mode = fast", 0, "cluster.conf:6: mode = fast; give dl, dl-coupled, hb-link or hb"},
    {7, "block_bytes_max = 9m", 0,
     "cluster.conf:7: block_bytes_max = 9m; give a number from 135168 to 8388608"},
    {7, "block_bytes_max = 131k", 0,
     "cluster.conf:7: block_bytes_max = 131k; give a number from 135168 to 8388608"},
    {7, "block_bytes_max = 1M", 0,
     "cluster.conf:7: block_bytes_max = 1M; give a number from 135168 to 8388608"},
    {7, "block_bytes_max = 17179869184g", 0,
     "cluster.conf:7: block_bytes_max = 17179869184g; give a number from 135168 to 8388608"},
    {8, "epoch_window = 65", 0, "cluster.conf:8: epoch_window = 65; give a number from 1 to 64"},
    {8, "epoch_window = 18446744073709551624", 0,
     "cluster.conf:8: epoch_window = 18446744073709551624; give a number from 1 to 64"},
    {8, "epoch_window = 17", 0,
     "cluster.conf:1: open_dispersals is below epoch_window; give 17 or more"},
    {9, "open_dispersals = 0", 0,
     "cluster.conf:9: open_dispersals = 0; give a number from 1 to 128"},
    {10, "link_horizon = 127", 0,
     "cluster.conf:10: link_horizon = 127; give a number from 128 to 10000000"},
    {11, "checkpoint_epochs = 0", 0,
     "cluster.conf:11: checkpoint_epochs = 0; give a number from 1 to 1000000"},
    /* Nodes. */
    {18, "address = localhost", 0,
     "cluster.conf:18: address = localhost; give host:port, the host a name of at most 51 "
     "characters or an IPv4 address, the port from 1 to 65535"},
    {18, "address = a:65536", 0,
     "cluster.conf:18: address = a:65536; give host:port, the host a name of at most 51 "
     "characters or an IPv4 address, the port from 1 to 65535"},
    {18, "address = a:0", 0,
     "cluster.conf:18: address = a:0; give host:port, the host a name of at most 51 "
     "characters or an IPv4 address, the port from 1 to 65535"},
    {18, "address = a b:1", 0,
     "cluster.conf:18: address = a b:1; give host:port, the host a name of at most 51 "
     "characters or an IPv4 address, the port from 1 to 65535"},
    {18, "address = a:65532", 0,
     "cluster.conf:17: port 65532 leaves no room for 5 ports; give a lower one"},
    {18, "address = 127.0.0.1:27004", 0,
     "cluster.conf:17: address takes ports of [node 0]; keep 5 free for each"},
    {19, "curve = 00", 0, HEX_MESSAGE("19", "curve", "64")},
    {20, "identity = 00", 0, HEX_MESSAGE("20", "identity", "64")},
    {21, "coin_share = 00", 0, HEX_MESSAGE("21", "coin_share", "66")},
    {20, "identity = EEFDEA4CDB677750A420FEE807EACF21EB9898AE79B9768766E4FAA04A2D4A34", 0,
     HEX_MESSAGE("20", "identity", "64")},
    {20, "identity = eefdea4cdb677750a420fee807eacf21eb9898ae79b9768766e4faa04a2d4a34", 0,
     "cluster.conf:17: identity is no public key; copy it again"},
    {21, "coin_share = 02eefdea4cdb677750a420fee807eacf21eb9898ae79b9768766e4faa04a2d4a34", 0,
     "cluster.conf:17: coin_share is no public key; copy it again"},
    {21, "coin_share = 0479be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798", 0,
     "cluster.conf:17: coin_share is no public key; copy it again"},
    {19, NULL, 14, "cluster.conf:17: curve is that of [node 0] too; each node has its own"},
    {30, NULL, 20, "cluster.conf:27: identity is that of [node 1] too; each node has its own"},
    /* Balances. */
    {33, "00 = 5", 0, "cluster.conf:33: 00 is no account; give its public key in lower-case hex"},
    {33, "eefdea4cdb677750a420fee807eacf21eb9898ae79b9768766e4faa04a2d4a34 = 5", 0,
     "cluster.conf:33: eefdea4cdb677750a420fee807eacf21eb9898ae79b9768766e4faa04a2d4a34 is no "
     "account; give its public key in lower-case hex"},
    {34, NULL, 33, "cluster.conf:34: this account has a balance in line 33; keep one"},
};

static void says_what_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof broken_clusters / sizeof *broken_clusters; i++) {
        const struct broken *b = &broken_clusters[i];
        struct cluster_text t = valid;
        struct cluster c;
        snprintf(t.lines[b->line], sizeof t.lines[0], "%s",
                 b->text ? b->text : valid.lines[b->copy]);
        char *text = joined(&t);
        assert_int_equal(parse(text, &c), -1);
        assert_string_equal(message, b->message);
        assert_null(c.balances);
        free(text);
    }
}

/* A section, key, value or host may have `limit` characters and no more. */
static void says_what_is_too_long(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after;
        unsigned limit;
        const char *message, *long_message;
    } rows[] = {
        {"[", "]", 64, "unknown section", "no section's name"},
        {"[chain]\n", " = 1", 64, "unknown key", "a key has 1 to 64 characters"},
        {"[chain]\nname = ", "", 1023, "name is too long", "a value has 1 to 1023 characters"},
        {"[node 0]\naddress = ", ":1", 51, "[chain] is missing", "give host:port"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (unsigned longer = 0; longer <= 1; longer++) {
            char text[2048];
            struct cluster c;
            size_t used = (size_t)sprintf(text, "%s", rows[i].before);
            memset(text + used, 'x', rows[i].limit + longer);
            strcpy(text + used + rows[i].limit + longer, rows[i].after);
            assert_int_equal(parse(text, &c), -1);
            assert_non_null(strstr(message, longer ? rows[i].long_message : rows[i].message));
        }
    }
}

static void says_what_is_wrong_with_amounts(void **state)
{
    (void)state;
    static const char *const amounts[] = {"-1", "1k", "18446744073709551616"};
    struct cluster c;
    for (unsigned i = 0; i < 3; i++) {
        char expected[128];
        struct cluster_text t = valid;
        snprintf(t.lines[33], sizeof t.lines[0], "%s = %s", account_hex(0), amounts[i]);
        char *text = joined(&t);
        assert_int_equal(parse(text, &c), -1);
        snprintf(expected, sizeof expected,
                 "cluster.conf:33: %s is no amount; give a number from 0 "
                 "to 18446744073709551615",
                 amounts[i]);
        assert_string_equal(message, expected);
        free(text);
    }
    struct cluster_text t = valid;
    snprintf(t.lines[33], sizeof t.lines[0], "%s = 18446744073709551615", account_hex(0));
    char *text = joined(&t);
    assert_int_equal(parse(text, &c), -1);
    assert_non_null(strstr(message, "the sum of all balances exceeds 18446744073709551615"));
    free(text);
}

static void has_the_defaults_that_are_documented(void **state)
{
    (void)state;
    struct cluster_text t = valid;
    struct cluster c;
    for (unsigned line = 5; line <= 11; line++)
        t.lines[line][0] = '\0';
    char *text = joined(&t);
    assert_int_equal(parse(text, &c), 0);
    free(text);
    assert_int_equal(c.application, APPLICATION_LEDGER);
    assert_int_equal(c.mode, MODE_DL);
    assert_int_equal(c.block_bytes_max, 1048576);
    assert_int_equal(c.epoch_window, 8);
    assert_int_equal(c.open_dispersals, 16);
    assert_int_equal(c.link_horizon, 100000);
    assert_int_equal(c.checkpoint_epochs, 100);
    cluster_free(&c);
}

static void assert_chain(const struct hash *chain, const struct cluster_text *t, bool same)
{
    struct hash other = chain_of(t);
    assert_int_equal(hash_equal(chain, &other), same);
}

static struct cluster_text with(unsigned line, const char *text)
{
    struct cluster_text t = valid;
    snprintf(t.lines[line], sizeof t.lines[0], "%s", text);
    return t;
}

static void swap_lines(struct cluster_text *t, unsigned a, unsigned b)
{
    char line[FIXTURE_LINE_SIZE];
    memcpy(line, t->lines[a], sizeof line);
    memcpy(t->lines[a], t->lines[b], sizeof line);
    memcpy(t->lines[b], line, sizeof line);
}

static void the_chain_id_is_of_values_not_of_text(void **state)
{
    (void)state;
    const struct hash chain = chain_of(&valid);
    static const struct {
        unsigned line;
        const char *text;
    } same[] = {
        {2, "\t version=2\r"},
        {3, "name = test # a comment"},
        {6, "# mode = dl"},
        {7, "block_bytes_max = 1048576"},
        {7, "block_bytes_max = 1024k"},
        {8, ""},
        {9, ""},
        {13, "address = example.org:30000"},
        {18, "address = 127.0.0.1:9"},
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        struct cluster_text t = with(same[i].line, same[i].text);
        assert_chain(&chain, &t, true);
    }
    struct cluster_text t = valid;
    swap_lines(&t, 2, 11);
    swap_lines(&t, 14, 16);
    swap_lines(&t, 33, 34);
    for (unsigned i = 0; i < 5; i++) /* All of [node 0] against all of [node 3]. */
        swap_lines(&t, 12 + i, 27 + i);
    assert_chain(&chain, &t, true);
}

static void the_chain_id_depends_on_each_value(void **state)
{
    (void)state;
    const struct hash chain = chain_of(&valid);
    static const struct {
        unsigned line;
        const char *text;
    } different[] = {
        {3, "name = tess"},
        {6, "mode = dl-coupled"},
        {6, "mode = hb-link"},
        {6, "mode = hb"},
        {7, "block_bytes_max = 2m"},
        {8, "epoch_window = 9"},
        {9, "open_dispersals = 17"},
        {10, "link_horizon = 100001"},
        {11, "checkpoint_epochs = 99"},
        {33, ""},
    };
    for (size_t i = 0; i < sizeof different / sizeof *different; i++) {
        struct cluster_text t = with(different[i].line, different[i].text);
        assert_chain(&chain, &t, false);
    }
    struct cluster_text t = valid;
    strcat(t.lines[33], "0");
    assert_chain(&chain, &t, false);
    t = valid;
    t.lines[34][0] = '\0'; /* Alone, so that the order stays. */
    const struct hash one = chain_of(&t);
    snprintf(t.lines[33], sizeof t.lines[0], "%s = 1000", account_hex(2));
    assert_chain(&one, &t, false);
    t = valid;
    memset(t.lines[32], 0, 3 * sizeof t.lines[0]);
    struct hash without = chain_of(&t);
    assert_false(hash_equal(&chain, &without));
    strcpy(t.lines[5], "app = log");
    assert_chain(&without, &t, false);
    t = valid;
    for (unsigned i = 1; i < 5; i++) /* The keys of nodes 0 and 1 exchanged. */
        swap_lines(&t, 12 + i, 17 + i);
    assert_chain(&chain, &t, false);
}

/* Whichever digit of whichever key is another one, if it still is a key. */
static void the_chain_id_depends_on_each_key(void **state)
{
    (void)state;
    const struct hash chain = chain_of(&valid);
    for (unsigned node = 0; node < FIXTURE_NODES; node++) {
        for (unsigned line = 14 + 5 * node; line < 17 + 5 * node; line++) {
            struct cluster_text t = valid;
            struct cluster c;
            unsigned keys = 0;
            char *digit = t.lines[line] + strlen(t.lines[line]) - 1;
            for (const char *other = "0123456789abcdef"; *other; other++) {
                *digit = *other;
                char *text = joined(&t);
                if (parse(text, &c) == 0 && strcmp(t.lines[line], valid.lines[line]) != 0) {
                    assert_false(hash_equal(&chain, &c.chain));
                    keys++;
                }
                cluster_free(&c);
                free(text);
            }
            assert_true(keys > 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_is_written),
        cmocka_unit_test(says_what_is_wrong),
        cmocka_unit_test(says_what_is_too_long),
        cmocka_unit_test(says_what_is_wrong_with_amounts),
        cmocka_unit_test(has_the_defaults_that_are_documented),
        cmocka_unit_test(the_chain_id_is_of_values_not_of_text),
        cmocka_unit_test(the_chain_id_depends_on_each_value),
        cmocka_unit_test(the_chain_id_depends_on_each_key),
    };
    return cmocka_run_group_tests(tests, make_cluster, NULL);
}
