/* The files that a node reads when it starts, and a test network's scenario: the first byte says
 * which. */
#include "node/config.h"
#include "testnet/scenario_parse.h"
#include "tests/fuzz/fuzz.h"

static void parse_scenario(struct slice text, char *message)
{
    static struct scenario scenario;
    static struct scenario_text rest;
    static struct settings settings;
    scenario = (struct scenario){0};
    settings_open(&settings, text, "fuzz", message, CONFIG_MESSAGE_MAX);
    (void)scenario_parse(&settings, &scenario, &rest);
    scenario_free(&scenario);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct cluster cluster;
    static struct node_config node;
    static struct node_key key;
    static bool ready;
    char message[CONFIG_MESSAGE_MAX] = "";
    if (!ready)
        fuzz_require(hash_init() && identity_init(NULL));
    ready = true;
    struct reader r = reader_of(slice_of(data, size));
    const uint8_t which = read_u8(&r);
    const struct slice text = slice_of(r.at, reader_left(&r));
    int failed = 0;
    switch (which % 4) {
    case 0:
        failed = config_parse_cluster(text, "fuzz", &cluster, message, sizeof message);
        if (!failed)
            cluster_free(&cluster);
        break;
    case 1: failed = config_parse_node(text, "fuzz", &node, message, sizeof message); break;
    case 2: failed = config_parse_key(text, "fuzz", &key, message, sizeof message); break;
    case 3: parse_scenario(text, message); break;
    }
    fuzz_require(!failed || message[0]);
    fuzz_require(!strchr(message, '\n'));
    return 0;
}
