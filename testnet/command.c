#include "testnet/command.h"

#include <stdio.h>
#include <string.h>

#include "testnet/quantity.h"

const char *const command_names[COMMAND_KINDS] = {
    [COMMAND_KILL] = "kill",           [COMMAND_RESTART] = "restart", [COMMAND_REPLACE] = "replace",
    [COMMAND_PAUSE] = "pause",         [COMMAND_RESUME] = "resume",   [COMMAND_RATE] = "rate",
    [COMMAND_PARTITION] = "partition", [COMMAND_HEAL] = "heal",       [COMMAND_DOWN] = "down",
    [COMMAND_STATUS] = "status",
};

static const char blanks[] = " \t";

static const double rate_most = 4e9; /* The kernel takes 32 bits. */

bool rate_parse(const char *text, uint64_t *rate)
{
    static const struct unit units[] = {
        {"bit", 1.0 / 8}, {"kbit", 1e3 / 8}, {"mbit", 1e6 / 8}, {"gbit", 1e9 / 8}, {"B/s", 1},
        {"kB/s", 1e3},    {"KB/s", 1e3},     {"MB/s", 1e6},     {"GB/s", 1e9},     {NULL, 0},
    };
    double value;
    if (strcmp(text, "unlimited") == 0) {
        *rate = 0;
        return true;
    }
    if (!quantity_parse(text, units, &value) || value < RATE_LEAST || value > rate_most)
        return false;
    *rate = (uint64_t)(value + 0.5);
    return true;
}

/* Takes digits off the text: a node's number. */
static bool take_node(const char **text, unsigned nodes, unsigned *node)
{
    const char *at = *text;
    unsigned number = 0;
    while (*at >= '0' && *at <= '9' && number < nodes)
        number = 10 * number + (unsigned)(*at++ - '0');
    if (at == *text || number >= nodes)
        return false;
    *text = at;
    *node = number;
    return true;
}

enum { ALONE = UINT8_MAX };

/* 0,1,5-7|2,3 */
static bool read_groups(const char *at, unsigned nodes, uint8_t group[])
{
    uint8_t count = 0;
    memset(group, ALONE, RELAY_SITES_MAX);
    for (;; at++) {
        unsigned first, last;
        if (!take_node(&at, nodes, &first))
            return false;
        last = first;
        if (*at == '-') {
            at++;
            if (!take_node(&at, nodes, &last) || last < first)
                return false;
        }
        for (unsigned i = first; i <= last; i++) {
            if (group[i] != ALONE)
                return false;
            group[i] = count;
        }
        if (*at == '\0')
            break;
        if (*at != ',' && *at != '|')
            return false;
        count = (uint8_t)(count + (*at == '|'));
    }
    for (unsigned i = 0; i < nodes; i++)
        if (group[i] == ALONE)
            group[i] = ++count;
    return true;
}

static int parse_partition(const char *rest, unsigned nodes, struct command *c, char *message,
                           size_t message_size)
{
    if (read_groups(rest, nodes, c->group))
        return 0;
    snprintf(message, message_size,
             "partition %.40s; give groups of nodes from 0 to %u, none twice, as 0,1|2-4", rest,
             nodes - 1);
    return -1;
}

static int parse_node(const char *rest, unsigned nodes, struct command *c, char *message,
                      size_t message_size)
{
    const char *name = command_names[c->kind];
    const bool rate = c->kind == COMMAND_RATE;
    const char *at = rest;
    const bool named = take_node(&at, nodes, &c->node);
    const size_t blank = strspn(at, blanks);
    if (!named || (at[blank] != '\0' && (!rate || blank == 0))) {
        snprintf(message, message_size, "%s %.40s; give %s and a node from 0 to %u%s", name, rest,
                 name, nodes - 1, rate ? ", then a rate" : "");
        return -1;
    }
    at += blank;
    if (rate && !rate_parse(at, &c->rate)) {
        snprintf(message, message_size, "rate %u %.40s; give " RATE_FORM, c->node, at);
        return -1;
    }
    return 0;
}

int command_parse(const char *text, unsigned nodes, struct command *c, char *message,
                  size_t message_size)
{
    text += strspn(text, blanks);
    const size_t size = strcspn(text, blanks);
    const char *rest = text + size + strspn(text + size, blanks);
    unsigned kind = 0;
    while (kind < COMMAND_KINDS &&
           (strlen(command_names[kind]) != size || memcmp(command_names[kind], text, size) != 0))
        kind++;
    *c = (struct command){.kind = kind};
    switch (c->kind) {
    case COMMAND_KILL:
    case COMMAND_RESTART:
    case COMMAND_REPLACE:
    case COMMAND_PAUSE:
    case COMMAND_RESUME:
    case COMMAND_RATE: return parse_node(rest, nodes, c, message, message_size);
    case COMMAND_PARTITION: return parse_partition(rest, nodes, c, message, message_size);
    case COMMAND_HEAL:
    case COMMAND_DOWN:
    case COMMAND_STATUS:
        if (*rest == '\0')
            return 0;
        snprintf(message, message_size, "%s %.40s; give %s alone", command_names[kind], rest,
                 command_names[kind]);
        return -1;
    case COMMAND_KINDS: break;
    }
    snprintf(message, message_size,
             "unknown command %.40s; give kill, restart, replace, pause, resume, rate, partition, "
             "heal, down or status",
             text);
    return -1;
}
