#include "testnet/scenario_values.h"

#include <string.h>

#include "node/block.h"
#include "testnet/command.h"
#include "testnet/quantity.h"

static bool read_within(const char *text, const struct unit units[], double least, double most,
                        void *field)
{
    double value;
    if (!quantity_parse(text, units, &value) || value < least || value > most)
        return false;
    memcpy(field, &value, sizeof value);
    return true;
}

static const struct unit times[] = {{"ms", 1e-3}, {"s", 1}, {"min", 60}, {NULL, 0}};
static const struct unit shares[] = {{"", 1}, {"%", 1e-2}, {NULL, 0}};

bool read_seconds(const char *text, void *field)
{
    return read_within(text, times, 0, SECONDS_MOST, field);
}

bool read_whole_seconds(const char *text, void *field)
{
    double value;
    if (!read_within(text, times, 1, SECONDS_MOST, &value) || value != (double)(uint64_t)value)
        return false;
    memcpy(field, &value, sizeof value);
    return true;
}

bool read_duration(const char *text, void *field)
{
    return read_within(text, times, 1, SECONDS_MOST, field);
}

bool read_delay(const char *text, void *field)
{
    return read_within(text, times, 0, DELAY_MOST_S, field);
}

bool read_step(const char *text, void *field) { return read_within(text, times, 0.1, 3600, field); }

bool read_share(const char *text, void *field) { return read_within(text, shares, 0, 1, field); }

bool read_scale(const char *text, void *field)
{
    return read_within(text, shares, 0.001, 1, field);
}

bool read_rate(const char *text, void *field)
{
    uint64_t rate;
    if (!rate_parse(text, &rate))
        return false;
    memcpy(field, &rate, sizeof rate);
    return true;
}

bool read_limited(const char *text, void *field)
{
    uint64_t rate;
    if (!rate_parse(text, &rate) || rate == 0)
        return false;
    memcpy(field, &rate, sizeof rate);
    return true;
}

bool read_payload_rate(const char *text, void *field)
{
    uint64_t rate;
    if (!read_limited(text, &rate))
        return false;
    const double value = (double)rate;
    memcpy(field, &value, sizeof value);
    return true;
}

static bool read_bytes(const char *text, double least, double most, void *field)
{
    static const struct unit units[] = {{"B", 1},       {"kB", 1e3},      {"KB", 1e3}, {"MB", 1e6},
                                        {"KiB", 0x400}, {"MiB", 1 << 20}, {NULL, 0}};
    double value;
    if (!read_within(text, units, least, most, &value))
        return false;
    const uint64_t bytes = (uint64_t)(value + 0.5);
    memcpy(field, &bytes, sizeof bytes);
    return true;
}

/* It is scaled later, and may not be too large then. */
bool read_block(const char *text, void *field) { return read_bytes(text, 1000, 1 << 30, field); }

bool read_retain(const char *text, void *field)
{
    return read_bytes(text, 1 << 20, 1 << 30, field);
}

bool read_payload(const char *text, void *field)
{
    return read_bytes(text, 1, TRANSACTION_SIZE_MAX, field);
}

static bool read_word(const char *text, const char *const words[], void *field)
{
    while (*words && strcmp(*words, text) != 0)
        words++;
    if (!*words)
        return false;
    memcpy(field, text, strlen(text) + 1);
    return true;
}

bool read_mode(const char *text, void *field)
{
    static const char *const modes[] = {"dl", "dl-coupled", "hb-link", "hb", NULL};
    return read_word(text, modes, field);
}

bool read_retrieval(const char *text, void *field)
{
    static const char *const policies[] = {"lean", "all", NULL};
    return read_word(text, policies, field);
}
