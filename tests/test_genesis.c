#include <glob.h>

#include "node/cli/arguments.h"
#include "node/cli/commands.h"
#include "node/file.h"
#include "node/genesis.h"
#include "tests/directory_fixture.h"

enum { NODES = 4, ACCOUNTS = 3, FILE_SIZE_MAX = 1 << 20 };

static char message[CONFIG_MESSAGE_MAX];
static struct config configs[NODES]; /* Of the cluster in DIRECTORY/c. */

static struct genesis_options options_for(const char *name)
{
    return (struct genesis_options){.directory = path_of(name),
                                    .name = "test",
                                    .nodes = NODES,
                                    .accounts = ACCOUNTS,
                                    .balance = 500,
                                    .hosts = "127.0.0.1",
                                    .base_port = 28000};
}

/* The file as a string; the caller frees it. */
static char *content(const char *path)
{
    uint8_t *data;
    size_t size;
    if (file_read(path, FILE_SIZE_MAX, &data, &size, message, sizeof message))
        fail_msg("%s", message);
    char *text = realloc(data, size + 1);
    assert_non_null(text);
    text[size] = '\0';
    assert_int_equal(strlen(text), size);
    return text;
}

static void load(const char *name, unsigned node, struct config *c)
{
    char path[64];
    snprintf(path, sizeof path, "%s/node%u", name, node);
    if (config_load(path_of(path), c, message, sizeof message))
        fail_msg("%s", message);
}

static void each_node_can_load_its_files(void **state)
{
    (void)state;
    for (unsigned i = 0; i < NODES; i++) {
        const struct cluster *c = &configs[i].cluster;
        assert_int_equal(configs[i].node.self, i);
        assert_string_equal(configs[i].node.listen, "127.0.0.1");
        assert_true(hash_equal(&c->chain, &configs[0].cluster.chain));
        assert_string_equal(c->name, "test");
        assert_int_equal(c->node_count, NODES);
        assert_string_equal(c->nodes[i].address.host, "127.0.0.1");
        assert_int_equal(c->nodes[i].address.port, 28000 + 10 * i);
        assert_int_equal(c->balance_count, ACCOUNTS);
    }
}

/* The coin tosses the same for any f+1 of the nodes. */
static void the_shares_make_a_coin(void **state)
{
    (void)state;
    const struct coin_public *coin = &configs[0].cluster.coin;
    const struct coin_name name = {.chain = configs[0].cluster.chain, .epoch = 7, .round = 2};
    struct coin_share shares[NODES];
    for (unsigned i = 0; i < NODES; i++) {
        coin_share_make(&configs[i].key.coin, &name, &shares[i]);
        for (unsigned j = 0; j < NODES; j++)
            assert_int_equal(coin_share_verify(coin, &name, (uint16_t)j, &shares[i]), i == j);
    }
    const uint16_t first[] = {0, 1};
    const struct coin_share first_shares[] = {shares[0], shares[1]};
    bool value = coin_combine(coin, &name, first, first_shares, 2);
    for (uint16_t i = 0; i < NODES; i++) {
        for (uint16_t j = (uint16_t)(i + 1); j < NODES; j++) {
            const uint16_t from[] = {i, j};
            const struct coin_share pair[] = {shares[i], shares[j]};
            assert_int_equal(coin_combine(coin, &name, from, pair, 2), value);
        }
    }
}

/* The secrets of a node, in hex. */
static void secrets_of(const struct node_key *key, char hex[3][65])
{
    hex_encode(slice_of(key->curve_secret, 32), hex[0]);
    hex_encode(slice_of(&key->identity, 32), hex[1]);
    hex_encode(slice_of(&key->coin, 32), hex[2]);
}

static const struct node_key *searched_for;
static unsigned files_seen, files_with_secret[3];

static int search(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    char hex[3][65];
    (void)walk;
    if (kind != FTW_F)
        return 0;
    files_seen++;
    secrets_of(searched_for, hex);
    char *text = content(path);
    const uint8_t *raw[] = {searched_for->curve_secret, searched_for->identity.bytes,
                            searched_for->coin.scalar};
    for (unsigned i = 0; i < 3; i++)
        if (strcasestr(text, hex[i]) || memmem(text, (size_t)status->st_size, raw[i], 32))
            files_with_secret[i]++;
    free(text);
    return 0;
}

static void expect_each_secret_once(const struct node_key *key, const char *where)
{
    searched_for = key;
    files_seen = 0;
    memset(files_with_secret, 0, sizeof files_with_secret);
    assert_int_equal(nftw(path_of(where), search, 16, FTW_PHYS), 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(files_with_secret[i], 1);
}

static void each_secret_is_in_its_nodes_key_alone(void **state)
{
    (void)state;
    for (unsigned i = 0; i < NODES; i++) {
        char own[64];
        snprintf(own, sizeof own, "c/node%u/node.key", i);
        expect_each_secret_once(&configs[i].key, "c");
        assert_int_equal(files_seen, 1 + 2 * NODES + ACCOUNTS);
        expect_each_secret_once(&configs[i].key, own);
    }
}

static mode_t mode_of(const char *name)
{
    struct stat status;
    assert_int_equal(stat(path_of(name), &status), 0);
    return status.st_mode & 07777;
}

static void secrets_are_for_their_owner_alone(void **state)
{
    (void)state;
    assert_int_equal(mode_of("c/cluster.conf"), 0644);
    assert_int_equal(mode_of("c/accounts"), 0700);
    assert_int_equal(mode_of("c/accounts/0.key"), 0600);
    assert_int_equal(mode_of("c/node3"), 0700);
    assert_int_equal(mode_of("c/node3/node.conf"), 0644);
    assert_int_equal(mode_of("c/node3/node.key"), 0600);
}

static void accounts_have_their_balances(void **state)
{
    (void)state;
    const struct cluster *c = &configs[0].cluster;
    unsigned found = 0;
    for (unsigned i = 0; i < ACCOUNTS; i++) {
        char name[64];
        struct account_key key;
        snprintf(name, sizeof name, "c/accounts/%u.key", i);
        assert_int_equal(account_key_load(path_of(name), &key, message, sizeof message), 0);
        for (unsigned j = 0; j < ACCOUNTS; j++)
            found += memcmp(&key.public, &c->balances[j].account, sizeof key.public) == 0 &&
                     c->balances[j].amount == 500;
    }
    assert_int_equal(found, ACCOUNTS);
}

static void expect_refusal(const struct genesis_options *o, const char *name)
{
    char expected[512];
    assert_int_equal(genesis_write(o, message, sizeof message), -1);
    snprintf(expected, sizeof expected,
             "%s is there already, and nothing is overwritten; give another directory",
             path_of(name));
    assert_string_equal(message, expected);
}

static void nothing_is_overwritten(void **state)
{
    (void)state;
    const struct genesis_options o = options_for("c");
    char *before = content(path_of("c/node0/node.key"));
    expect_refusal(&o, "c/cluster.conf");
    char *after = content(path_of("c/node0/node.key"));
    assert_string_equal(before, after);
    free(before);
    free(after);

    /* What an interrupted run left is not mixed with another's. */
    const struct genesis_options half = options_for("half");
    assert_int_equal(mkdir(path_of("half"), 0700), 0);
    assert_int_equal(mkdir(path_of("half/node0"), 0700), 0);
    expect_refusal(&half, "half/node0");
    assert_int_equal(rmdir(path_of("half/node0")), 0);
    put_file("half/README", 0644, "others' files may be there\n");
    assert_int_equal(genesis_write(&half, message, sizeof message), 0);

    struct identity_public account;
    char expected[512];
    assert_int_equal(genesis_account(path_of("half/README"), &account, message, sizeof message),
                     -1);
    snprintf(expected, sizeof expected,
             "%s is there already, and nothing is overwritten; give another path",
             path_of("half/README"));
    assert_string_equal(message, expected);
    glob_t left;
    assert_int_equal(glob(path_of("half/README.*"), 0, NULL, &left), GLOB_NOMATCH);
}

/* What node.conf shows as defaults are the defaults, and all settings are in it. */
static void node_conf_shows_the_defaults(void **state)
{
    (void)state;
    char *text = content(path_of("c/node1/node.conf"));
    struct node_config shown;
    const char *unknown = "unknown = 1";
    for (char *at = text; (at = strstr(at, "\n#")); at++)
        if (at[2] != ' ')
            at[1] = ' ';
    if (config_parse_node(slice_of(text, strlen(text)), "node.conf", &shown, message,
                          sizeof message))
        fail_msg("%s", message);
    assert_string_equal(shown.data, "data");
    assert_string_equal(shown.application, "application.sock");
    memcpy(shown.data, configs[1].node.data, sizeof shown.data); /* Completed when loaded. */
    memcpy(shown.application, configs[1].node.application, sizeof shown.application);
    assert_memory_equal(&shown, &configs[1].node, sizeof shown);

    assert_int_equal(config_parse_node(slice_of(unknown, strlen(unknown)), "node.conf", &shown,
                                       message, sizeof message),
                     -1);
    char *known = strstr(message, "known here: ");
    unsigned count = 0;
    assert_non_null(known);
    for (char *key = strtok(known + strlen("known here: "), " "); key; key = strtok(NULL, " ")) {
        char line[64];
        snprintf(line, sizeof line, "%s = ", key);
        assert_non_null(strstr(text, line));
        count++;
    }
    assert_int_equal(count, 19);
    free(text);
}

static void nodes_elsewhere_listen_to_the_network(void **state)
{
    (void)state;
    static struct config c;
    struct genesis_options o = options_for("far");
    o.hosts = "a.example,10.0.0.2,localhost,127.0.0.5";
    assert_int_equal(genesis_write(&o, message, sizeof message), 0);
    static const char *const hosts[] = {"a.example", "10.0.0.2", "localhost", "127.0.0.5"};
    static const char *const listen[] = {"0.0.0.0", "0.0.0.0", "127.0.0.1", "127.0.0.5"};
    for (unsigned i = 0; i < NODES; i++) {
        load("far", i, &c);
        assert_string_equal(c.node.listen, listen[i]);
        assert_string_equal(c.node.client, i < 3 ? "127.0.0.1" : "127.0.0.5");
        assert_string_equal(c.cluster.nodes[i].address.host, hosts[i]);
        assert_int_equal(c.cluster.nodes[i].address.port, 28000 + 10 * i);
        config_free(&c);
    }
}

static void clusters_of_any_size(void **state)
{
    (void)state;
    static struct config c;
    static const unsigned sizes[] = {1, 3, 128};
    for (unsigned i = 0; i < 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%u", sizes[i]);
        struct genesis_options o = options_for(name);
        o.nodes = sizes[i];
        o.accounts = 0;
        o.application = APPLICATION_LOG;
        o.mode = (enum node_mode)(MODE_DL_COUPLED + i);
        assert_int_equal(genesis_write(&o, message, sizeof message), 0);
        load(name, sizes[i] - 1, &c);
        assert_int_equal(c.cluster.node_count, sizes[i]);
        assert_int_equal(c.cluster.application, APPLICATION_LOG);
        assert_int_equal(c.cluster.mode, o.mode);
        config_free(&c);
    }
}

static void says_what_cannot_be_carried_out(void **state)
{
    (void)state;
    struct genesis_options rows[9];
    for (unsigned i = 0; i < 9; i++)
        rows[i] = options_for("never");
    rows[0].nodes = 129;
    rows[1].name = "no blanks";
    rows[2].accounts = GENESIS_ACCOUNTS_MAX + 1;
    rows[3].application = APPLICATION_LOG;
    rows[4].balance = UINT64_MAX / 2;
    rows[5].base_port = 65502;
    rows[6].hosts = "a,b,c";
    rows[7].hosts = "a,b,c d,e";
    rows[8].hosts = "a,b,c,";
    static const char *const messages[] = {
        "--nodes: give 1 to 128",
        "--name: give 1 to 63 letters, digits, '.', '-' and '_'",
        "--accounts: give at most 100000",
        "--accounts: only the ledger has any; leave it out",
        "--balance: all together exceed 18446744073709551615; give less",
        "--base-port: give 1 to 65501, that all ports exist",
        "--host: 3 hosts; give one for all nodes, or 4",
        "--host: c d is no host; give a name of at most 51 characters or an IPv4 address",
        "--host:  is no host; give a name of at most 51 characters or an IPv4 address",
    };
    for (unsigned i = 0; i < 9; i++) {
        assert_int_equal(genesis_write(&rows[i], message, sizeof message), -1);
        assert_string_equal(message, messages[i]);
    }
    assert_int_equal(access(path_of("never"), F_OK), -1);
    rows[5].base_port = 65501;
    assert_int_equal(genesis_check(&rows[5], message, sizeof message), 0);
}

/* Runs a command with its output thrown away. */
static int run(int (*command)(int, char **), const char *words)
{
    char line[1024];
    char *argv[16] = {NULL};
    int argc = 0;
    snprintf(line, sizeof line, "%s", words);
    for (char *word = strtok(line, " "); word && argc < 15; word = strtok(NULL, " "))
        argv[argc++] = word;
    fflush(NULL);
    int streams[] = {dup(STDOUT_FILENO), dup(STDERR_FILENO)};
    assert_non_null(freopen("/dev/null", "w", stdout));
    assert_non_null(freopen("/dev/null", "w", stderr));
    int status = command(argc, argv);
    fflush(NULL);
    dup2(streams[0], STDOUT_FILENO);
    dup2(streams[1], STDERR_FILENO);
    close(streams[0]);
    close(streams[1]);
    return status;
}

static void commands_end_with_the_right_code(void **state)
{
    (void)state;
    char words[512];
    snprintf(words, sizeof words, "genesis %s --nodes 4 --accounts 1", path_of("cli"));
    assert_int_equal(run(command_genesis, words), EXIT_DONE);
    assert_int_equal(run(command_genesis, words), EXIT_FAILED);
    assert_int_equal(access(path_of("cli/accounts/0.key"), F_OK), 0);
    assert_int_equal(run(command_genesis, "genesis --help"), EXIT_DONE);
    assert_int_equal(run(command_genesis, "genesis --nodes 4"), EXIT_USAGE);
    assert_int_equal(run(command_genesis, "genesis x --nodes 4 --app bank"), EXIT_USAGE);
    assert_int_equal(run(command_genesis, "genesis x --nodes 4 --mode fast"), EXIT_USAGE);
    assert_int_equal(run(command_genesis, "genesis x --nodes 4 --host a,b"), EXIT_USAGE);
    snprintf(words, sizeof words, "keygen %s", path_of("account.key"));
    assert_int_equal(run(command_keygen, words), EXIT_DONE);
    assert_int_equal(run(command_keygen, words), EXIT_FAILED);
    assert_int_equal(run(command_keygen, "keygen"), EXIT_USAGE);
    struct account_key key;
    assert_int_equal(account_key_load(path_of("account.key"), &key, message, sizeof message), 0);
}

static int setup(void **state)
{
    if (!hash_init() || !identity_init(NULL) || enter_directory(state))
        return -1;
    const struct genesis_options o = options_for("c");
    if (genesis_write(&o, message, sizeof message)) {
        print_error("%s\n", message);
        return -1;
    }
    for (unsigned i = 0; i < NODES; i++)
        load("c", i, &configs[i]);
    return 0;
}

static int teardown(void **state)
{
    for (unsigned i = 0; i < NODES; i++)
        config_free(&configs[i]);
    return leave_directory(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_node_can_load_its_files),
        cmocka_unit_test(the_shares_make_a_coin),
        cmocka_unit_test(each_secret_is_in_its_nodes_key_alone),
        cmocka_unit_test(secrets_are_for_their_owner_alone),
        cmocka_unit_test(accounts_have_their_balances),
        cmocka_unit_test(nothing_is_overwritten),
        cmocka_unit_test(node_conf_shows_the_defaults),
        cmocka_unit_test(nodes_elsewhere_listen_to_the_network),
        cmocka_unit_test(clusters_of_any_size),
        cmocka_unit_test(says_what_cannot_be_carried_out),
        cmocka_unit_test(commands_end_with_the_right_code),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
