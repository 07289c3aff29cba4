/* Scenarios from text. */
#ifndef TESTS_SCENARIO_FIXTURE_H
#define TESTS_SCENARIO_FIXTURE_H

#include "testnet/scenario.h"

#include "tests/directory_fixture.h"

static char message[CONFIG_MESSAGE_MAX];

static inline void write_text(const char *file, const char *text) { put_file(file, 0600, text); }

static inline int load(const char *text, struct scenario *s)
{
    write_text("t.conf", text);
    message[0] = '\0';
    return scenario_load_file(path_of("t.conf"), s, message, sizeof message);
}

static inline void must_load(const char *text, struct scenario *s)
{
    if (load(text, s))
        fail_msg("%s", message);
}

#define LOAD "[load]\nkind = backlog\n"
#define TRACED                                                                         \
    "[scenario]\nnodes = 2\nwarmup = 0 s\nduration = 5 s\nscale = 0.5\n[rates file]\n" \
    "file = t.csv\n"
#define PLACED "[scenario]\nnodes = 2\nduration = 5 s\n[links]\ndelays = t.csv\n" LOAD

#endif
