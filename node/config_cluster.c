#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/block.h"
#include "node/config.h"
#include "node/file.h"

enum { CLUSTER_FILE_SIZE_MAX = 256 << 20, EPOCH_WINDOW_MAX = 64, OPEN_DISPERSALS_EXTRA = 8 };

static_assert(TRANSACTION_SIZE_MAX + NODES_MAX * (1 + 16 * LINK_RUNS_MAX) + 64 <= BLOCK_BYTES_LEAST,
              "every transaction fits into some block");

const char *const application_names[] = {"ledger", "log", "external", NULL};

#define NUMBER(key_name, field, least, most, usual)                                   \
    {                                                                                 \
        .key = (key_name), .type = SETTING_NUMBER, SETTING_AT(struct cluster, field), \
        .min = (least), .max = (most), .number = (usual)                              \
    }

static const struct setting chain_table[] = {
    {.key = "version",
     .type = SETTING_NUMBER,
     SETTING_AT(struct cluster, version),
     .required = true,
     .max = UINT64_MAX},
    {.key = "name", .type = SETTING_NAME, SETTING_AT(struct cluster, name), .required = true},
    {.key = "nodes",
     .type = SETTING_NUMBER,
     SETTING_AT(struct cluster, node_count),
     .required = true,
     .min = 1,
     .max = NODES_MAX},
    {.key = "app",
     .type = SETTING_CHOICE,
     SETTING_AT(struct cluster, application),
     .choices = application_names},
    {.key = "mode",
     .type = SETTING_CHOICE,
     SETTING_AT(struct cluster, mode),
     .choices = mode_names},
    NUMBER("block_bytes_max", block_bytes_max, BLOCK_BYTES_LEAST, BLOCK_BYTES_LIMIT, 1 << 20),
    NUMBER("epoch_window", epoch_window, 1, EPOCH_WINDOW_MAX, 8),
    /* 0, which nobody can write, becomes epoch_window + OPEN_DISPERSALS_EXTRA. */
    NUMBER("open_dispersals", open_dispersals, 1, 2 * EPOCH_WINDOW_MAX, 0),
    NUMBER("link_horizon", link_horizon, 2 * EPOCH_WINDOW_MAX, 10000000, 100000),
    NUMBER("checkpoint_epochs", checkpoint_epochs, 1, 1000000, 100),
    {.key = NULL},
};

/* A [node I] as it is read. */
struct node_section {
    struct cluster_node node;
    uint8_t coin_share[COIN_POINT_SIZE];
};

static const struct setting node_table[] = {
    {.key = "address",
     .type = SETTING_ADDRESS,
     SETTING_AT(struct node_section, node.address),
     .required = true},
    {.key = "curve",
     .type = SETTING_HEX,
     SETTING_AT(struct node_section, node.curve_public),
     .required = true},
    {.key = "identity",
     .type = SETTING_HEX,
     SETTING_AT(struct node_section, node.identity.bytes),
     .required = true},
    {.key = "coin_share",
     .type = SETTING_HEX,
     SETTING_AT(struct node_section, coin_share),
     .required = true},
    {.key = NULL},
};

struct cluster_reader {
    struct settings settings;
    struct cluster *cluster;
    struct settings_section *section; /* Open now; NULL: [balance], or none yet. */
    unsigned balance_line;            /* Where [balance] begins; 0 when it has not come. */
    size_t balance_capacity;
    struct settings_section chain;
    struct settings_section node_sections[NODES_MAX];
    struct node_section nodes[NODES_MAX];
};

/* "node 12": 12. NODES_MAX when it is none. */
static unsigned node_number(const char *section)
{
    uint64_t number;
    char again[16];
    if (strncmp(section, "node ", 5) != 0 || !settings_number(section + 5, &number) ||
        number >= NODES_MAX)
        return NODES_MAX;
    snprintf(again, sizeof again, "node %u", (unsigned)number); /* Neither 007 nor 0k. */
    return strcmp(section, again) == 0 ? (unsigned)number : NODES_MAX;
}

static int open_section(struct cluster_reader *r)
{
    struct settings *s = &r->settings;
    unsigned node = node_number(s->section);
    unsigned opened;

    if (strcmp(s->section, "balance") == 0) {
        r->section = NULL;
        opened = r->balance_line;
        r->balance_line = opened ? opened : s->line;
    } else if (strcmp(s->section, "chain") == 0) {
        r->section = &r->chain;
        opened = r->chain.line;
        if (!opened)
            settings_begin(&r->chain, chain_table, r->cluster, s->line);
    } else if (node < NODES_MAX) {
        r->section = &r->node_sections[node];
        opened = r->section->line;
        if (!opened)
            settings_begin(r->section, node_table, &r->nodes[node], s->line);
    } else {
        return settings_error(s, "unknown section [%s]; known: chain, node 0 to node %d, balance",
                              s->section, NODES_MAX - 1);
    }
    if (opened)
        return settings_error(s, "[%s] comes a second time; put all of it at line %u", s->section,
                              opened);
    return 0;
}

static int add_balance(struct cluster_reader *r)
{
    struct settings *s = &r->settings;
    struct cluster *c = r->cluster;
    struct balance balance = {.line = s->line};
    struct identity_key parsed;

    if (s->key[strcspn(s->key, "ABCDEF")] != '\0' ||
        !hex_decode(s->key, balance.account.bytes, IDENTITY_PUBLIC_SIZE) ||
        !identity_parse(&balance.account, &parsed))
        return settings_error(s, "%s is no account; give its public key in lower-case hex", s->key);
    /* An amount is no size: it has no suffix. */
    if (s->value[strspn(s->value, "0123456789")] != '\0' ||
        !settings_number(s->value, &balance.amount))
        return settings_error(s, "%.40s is no amount; give a number from 0 to %" PRIu64, s->value,
                              UINT64_MAX);
    if (c->balance_count == r->balance_capacity) {
        size_t capacity = r->balance_capacity ? 2 * r->balance_capacity : 64;
        struct balance *grown = realloc(c->balances, capacity * sizeof *grown);
        if (!grown)
            return settings_error(s, "no memory for so many balances");
        c->balances = grown;
        r->balance_capacity = capacity;
    }
    c->balances[c->balance_count++] = balance;
    return 0;
}

static int read_cluster(struct cluster_reader *r)
{
    struct settings *s = &r->settings;
    int error = 0;
    while (!error) {
        switch (settings_next(s)) {
        case SETTINGS_ERROR: return -1;
        case SETTINGS_END: return 0;
        case SETTINGS_SECTION: error = open_section(r); break;
        case SETTINGS_VALUE:
            if (s->section[0] == '\0')
                error =
                    settings_error(s, "%s stands before any section; begin with [chain]", s->key);
            else
                error = r->section ? settings_assign(s, r->section) : add_balance(r);
        }
    }
    return error;
}

static int check_chain(struct cluster_reader *r)
{
    struct settings *s = &r->settings;
    struct cluster *c = r->cluster;
    unsigned end = s->line;
    if (!r->chain.line)
        return settings_error(s, "[chain] is missing; is the file whole?");
    if (settings_finish(s, &r->chain))
        return -1;

    s->line = r->chain.line;
    if (c->version != CONFIG_FORMAT)
        return settings_error(s, "version %" PRIu64 "; this program reads version %d", c->version,
                              CONFIG_FORMAT);
    if (c->open_dispersals == 0)
        c->open_dispersals = c->epoch_window + OPEN_DISPERSALS_EXTRA;
    if (c->open_dispersals < c->epoch_window)
        return settings_error(s, "open_dispersals is below epoch_window; give %" PRIu64 " or more",
                              c->epoch_window);
    s->line = end;
    return 0;
}

/* The sections are those of nodes 0 to n-1, each complete. */
static int check_sections(struct cluster_reader *r)
{
    struct settings *s = &r->settings;
    struct cluster *c = r->cluster;
    unsigned end = s->line;
    for (unsigned i = 0; i < NODES_MAX; i++) {
        s->line = r->node_sections[i].line ? r->node_sections[i].line : end;
        if (i < c->node_count && !r->node_sections[i].line)
            return settings_error(s,
                                  "[node %u] is missing; nodes = %" PRIu64 ", is the file whole?",
                                  i, c->node_count);
        if (i >= c->node_count && r->node_sections[i].line)
            return settings_error(s,
                                  "[node %u] is one too many; nodes = %" PRIu64 ", numbered from 0",
                                  i, c->node_count);
        if (i < c->node_count && settings_finish(s, &r->node_sections[i]))
            return -1;
    }
    return 0;
}

static bool same_ports(const struct address *a, const struct address *b)
{
    return strcmp(a->host, b->host) == 0 && abs(a->port - b->port) < CONFIG_PORTS;
}

/* Each node's keys are keys, and nobody else's: a frame's sender is the owner of a key. (Shares
 * of the coin are alike when f = 0; a node whose secret does not fit its share does not start.) */
static int check_node(struct cluster_reader *r, unsigned index)
{
    struct settings *s = &r->settings;
    const struct node_section *own = &r->nodes[index];
    struct identity_public share_x; /* A compressed point is 2 or 3, then x. */
    struct identity_key parsed;

    s->line = r->node_sections[index].line;
    if (own->node.address.port > UINT16_MAX - (CONFIG_PORTS - 1))
        return settings_error(s, "port %u leaves no room for %d ports; give a lower one",
                              own->node.address.port, CONFIG_PORTS);
    if (!identity_parse(&own->node.identity, &parsed))
        return settings_error(s, "identity is no public key; copy it again");
    memcpy(share_x.bytes, own->coin_share + 1, sizeof share_x.bytes);
    if ((own->coin_share[0] != 2 && own->coin_share[0] != 3) || !identity_parse(&share_x, &parsed))
        return settings_error(s, "coin_share is no public key; copy it again");

    for (unsigned i = 0; i < index; i++) {
        const struct node_section *other = &r->nodes[i];
        const char *same = NULL;
        if (memcmp(own->node.curve_public, other->node.curve_public, CURVE_KEY_SIZE) == 0)
            same = "curve";
        else if (memcmp(&own->node.identity, &other->node.identity, IDENTITY_PUBLIC_SIZE) == 0)
            same = "identity";
        if (same)
            return settings_error(s, "%s is that of [node %u] too; each node has its own", same, i);
        if (same_ports(&own->node.address, &other->node.address))
            return settings_error(s, "address takes ports of [node %u]; keep %d free for each", i,
                                  CONFIG_PORTS);
    }
    return 0;
}

static int compare_balances(const void *left, const void *right)
{
    const struct balance *a = left;
    const struct balance *b = right;
    int order = memcmp(&a->account, &b->account, sizeof a->account);
    return order ? order : (a->line > b->line) - (a->line < b->line);
}

static int check_balances(struct cluster_reader *r)
{
    struct settings *s = &r->settings;
    struct cluster *c = r->cluster;
    uint64_t sum = 0;

    s->line = r->balance_line;
    if (c->balance_count == 0)
        return 0;
    if (c->application != APPLICATION_LEDGER)
        return settings_error(s, "only app = ledger has balances; remove them");
    qsort(c->balances, c->balance_count, sizeof *c->balances, compare_balances);
    for (size_t i = 0; i < c->balance_count; i++) {
        const struct balance *b = &c->balances[i];
        s->line = b->line;
        if (i > 0 && memcmp(&b->account, &b[-1].account, sizeof b->account) == 0)
            return settings_error(s, "this account has a balance in line %u; keep one", b[-1].line);
        if (__builtin_add_overflow(sum, b->amount, &sum))
            return settings_error(s, "the sum of all balances exceeds %" PRIu64 "; give less",
                                  UINT64_MAX);
    }
    return 0;
}

/* The canonical encoding of all values but the addresses. False when there is no memory. */
static bool compute_chain(struct cluster *c)
{
    size_t capacity = 256 +
                      c->node_count * (CURVE_KEY_SIZE + IDENTITY_PUBLIC_SIZE + COIN_POINT_SIZE) +
                      c->balance_count * (IDENTITY_PUBLIC_SIZE + 8);
    uint8_t *buffer = malloc(capacity);
    if (!buffer)
        return false;

    struct writer w = writer_of(buffer, capacity);
    write_u64(&w, c->version);
    write_u8(&w, (uint8_t)strlen(c->name));
    write_bytes(&w, c->name, strlen(c->name));
    write_u8(&w, (uint8_t)c->application);
    write_u8(&w, (uint8_t)c->mode);
    write_u64(&w, c->node_count);
    write_u64(&w, c->block_bytes_max);
    write_u64(&w, c->epoch_window);
    write_u64(&w, c->open_dispersals);
    write_u64(&w, c->link_horizon);
    write_u64(&w, c->checkpoint_epochs);
    for (unsigned i = 0; i < c->node_count; i++) {
        write_bytes(&w, c->nodes[i].curve_public, CURVE_KEY_SIZE);
        write_bytes(&w, c->nodes[i].identity.bytes, IDENTITY_PUBLIC_SIZE);
        write_bytes(&w, c->coin.shares[i], COIN_POINT_SIZE);
    }
    write_u64(&w, c->balance_count);
    for (size_t i = 0; i < c->balance_count; i++) {
        write_bytes(&w, c->balances[i].account.bytes, IDENTITY_PUBLIC_SIZE);
        write_u64(&w, c->balances[i].amount);
    }
    assert(w.ok);
    struct slice encoded = writer_result(&w);
    c->chain = hash_tagged("DispersedLedger/chain", &encoded, 1);
    free(buffer);
    return true;
}

int config_parse_cluster(struct slice text, const char *file, struct cluster *c, char *message,
                         size_t message_size)
{
    struct cluster_reader r = {.cluster = c};
    *c = (struct cluster){.version = 0};
    settings_open(&r.settings, text, file, message, message_size);

    int error = read_cluster(&r) || check_chain(&r) || check_sections(&r);
    for (unsigned i = 0; !error && i < c->node_count; i++) {
        error = check_node(&r, i);
        c->nodes[i] = r.nodes[i].node;
        memcpy(c->coin.shares[i], r.nodes[i].coin_share, COIN_POINT_SIZE);
    }
    if (!error)
        error = check_balances(&r);
    if (!error) {
        c->coin.quorum = quorum_of((unsigned)c->node_count);
        if (!compute_chain(c))
            error = settings_error(&r.settings, "no memory for so many balances");
    }
    if (error)
        cluster_free(c);
    return error ? -1 : 0;
}

int cluster_load(const char *path, struct cluster *c, char *message, size_t message_size)
{
    uint8_t *text;
    size_t size;
    *c = (struct cluster){.version = 0};
    if (file_read(path, CLUSTER_FILE_SIZE_MAX, &text, &size, message, message_size))
        return -1;
    int error = config_parse_cluster(slice_of(text, size), path, c, message, message_size);
    free(text);
    return error;
}

void cluster_free(struct cluster *c)
{
    free(c->balances);
    c->balances = NULL;
    c->balance_count = 0;
}

unsigned cluster_warnings(const struct cluster *c, const char *warnings[CLUSTER_WARNINGS])
{
    unsigned count = 0;
    if (c->coin.quorum.f == 0)
        warnings[count++] = "fewer than 4 nodes tolerate no fault: one that fails stops the "
                            "cluster, one that lies can mislead it";
    if (c->application == APPLICATION_LEDGER && c->balance_count == 0)
        warnings[count++] = "there is no balance at all in cluster.conf: nobody has any money; is "
                            "the file whole?";
    return count;
}
