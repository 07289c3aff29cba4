/* A cluster of four whose keys are the same in every run, and the text of its files. */
#ifndef TESTS_CONFIG_FIXTURE_H
#define TESTS_CONFIG_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/config.h"

enum { FIXTURE_NODES = 4, FIXTURE_LINES = 34, FIXTURE_LINE_SIZE = 160 };

struct cluster_text {
    char lines[FIXTURE_LINES + 1][FIXTURE_LINE_SIZE]; /* From 1 on, without their ends. */
};

static struct cluster_text valid;
static struct node_key fixture_keys[FIXTURE_NODES];

static inline struct identity_secret fixture_secret(const char *kind, unsigned index)
{
    struct identity_secret secret;
    struct slice number = slice_of(&index, sizeof index);
    struct hash h = hash_tagged(kind, &number, 1);
    memcpy(&secret, &h, sizeof secret);
    return secret;
}

static inline const char *hex_text(const void *bytes, size_t size)
{
    static char texts[4][2 * COIN_POINT_SIZE + 1];
    static unsigned next;
    char *text = texts[next++ % 4];
    hex_encode(slice_of(bytes, size), text);
    return text;
}

static inline const char *account_hex(unsigned index)
{
    struct identity_secret secret = fixture_secret("account", index);
    struct identity_public account;
    assert_true(identity_derive(&secret, &account));
    return hex_text(&account, sizeof account);
}

static inline void make_node_lines(unsigned node, const struct coin_public *coin)
{
    struct node_key *key = &fixture_keys[node];
    struct identity_public identity;
    uint8_t curve[CURVE_KEY_SIZE];
    char(*lines)[FIXTURE_LINE_SIZE] = &valid.lines[12 + 5 * node];

    key->identity = fixture_secret("identity", node);
    struct identity_secret secret = fixture_secret("curve", node);
    memcpy(key->curve_secret, &secret, sizeof key->curve_secret);
    assert_true(identity_derive(&key->identity, &identity));
    assert_int_equal(curve_public(key->curve_secret, curve), 0);
    snprintf(lines[0], sizeof *lines, "[node %u]", node);
    snprintf(lines[1], sizeof *lines, "address = 127.0.0.1:%u", 27000 + 10 * node);
    snprintf(lines[2], sizeof *lines, "curve = %s", hex_text(curve, sizeof curve));
    snprintf(lines[3], sizeof *lines, "identity = %s", hex_text(&identity, sizeof identity));
    snprintf(lines[4], sizeof *lines, "coin_share = %s",
             hex_text(coin->shares[node], COIN_POINT_SIZE));
}

static inline void make_valid(void)
{
    static const char *const chain[] = {"[chain]",
                                        "version = 2",
                                        "name = test",
                                        "nodes = 4",
                                        "app = ledger",
                                        "mode = dl",
                                        "block_bytes_max = 1m",
                                        "epoch_window = 8",
                                        "open_dispersals = 16",
                                        "link_horizon = 100000",
                                        "checkpoint_epochs = 100"};
    struct coin_secret shares[FIXTURE_NODES];
    struct coin_public coin;
    struct hash seed = hash_bytes(slice_of("seed", 4));
    assert_true(coin_deal(quorum_of(FIXTURE_NODES), &seed, &coin, shares));
    for (unsigned i = 0; i < 11; i++)
        snprintf(valid.lines[i + 1], sizeof valid.lines[0], "%s", chain[i]);
    for (unsigned i = 0; i < FIXTURE_NODES; i++) {
        make_node_lines(i, &coin);
        fixture_keys[i].coin = shares[i];
    }
    snprintf(valid.lines[32], sizeof valid.lines[0], "[balance]");
    for (unsigned i = 0; i < 2; i++)
        snprintf(valid.lines[33 + i], sizeof valid.lines[0], "%s = %u", account_hex(i),
                 1000 * (i + 1));
}

/* All lines, each with an end; the caller frees it. */
static inline char *joined(const struct cluster_text *t)
{
    char *text = calloc(FIXTURE_LINES + 1, FIXTURE_LINE_SIZE + 1);
    size_t used = 0;
    for (unsigned i = 1; i <= FIXTURE_LINES; i++)
        used += (size_t)sprintf(text + used, "%s\n", t->lines[i]);
    return text;
}

static inline const char *key_text(unsigned node)
{
    static char text[512];
    const struct node_key *key = &fixture_keys[node];
    snprintf(text, sizeof text, "curve_secret = %s\nidentity_secret = %s\ncoin_secret = %s\n",
             hex_text(key->curve_secret, 32), hex_text(&key->identity, 32),
             hex_text(&key->coin, 32));
    return text;
}

static inline int make_cluster(void **state)
{
    (void)state;
    if (!hash_init() || !identity_init(NULL))
        return -1;
    make_valid();
    return 0;
}

#endif
