#include "node/mode.h"

const char *const mode_names[MODES + 1] = {
    [MODE_DL] = "dl",
    [MODE_DL_COUPLED] = "dl-coupled",
    [MODE_HB_LINK] = "hb-link",
    [MODE_HB] = "hb",
};

struct mode_rules mode_rules(enum node_mode mode)
{
    static const struct mode_rules rules[MODES] = {
        [MODE_DL] = {.links = true},
        [MODE_DL_COUPLED] = {.links = true, .coupled = true},
        [MODE_HB_LINK] = {.links = true, .in_step = true},
        [MODE_HB] = {.in_step = true},
    };
    return rules[mode];
}

uint64_t mode_horizon(enum node_mode mode, uint64_t link_horizon)
{
    return mode_rules(mode).links ? link_horizon : 0;
}
