#include "node/cli/status_words.h"

#include <string.h>

#include "crypto/fault.h"
#include "crypto/quorum.h"
#include "node/report.h"

static json_int_t number_of(const json_t *status, const char *key)
{
    return json_integer_value(json_object_get(status, key));
}

/* False: it is not known. */
static bool real_of(const json_t *status, const char *key, double *value)
{
    const json_t *v = json_object_get(status, key);
    *value = json_number_value(v);
    return json_is_number(v);
}

static void tell_time(FILE *out, double s)
{
    if (s < 120)
        fprintf(out, "in about %.0f s", s < 1 ? 1 : s);
    else if (s < 7200)
        fprintf(out, "in about %.0f min", s / 60);
    else
        fprintf(out, "in about %.1f h", s / 3600);
}

static void tell_snapshot(FILE *out, unsigned node, const json_t *s)
{
    double left_s;
    fprintf(out, "node %u gathers a snapshot: %lld of %lld pieces are here", node,
            (long long)number_of(s, "snapshot_here"), (long long)number_of(s, "snapshot_pieces"));
    if (real_of(s, "snapshot_in_s", &left_s)) {
        fputs(", all of them ", out);
        tell_time(out, left_s);
    }
    fputc('\n', out);
}

static void tell_lost(FILE *out, unsigned node, const json_t *s)
{
    const json_int_t epoch = number_of(s, "snapshot_wanted");
    fprintf(out, "node %u has lost its data and votes for nothing: it waits for ", node);
    if (epoch > 0)
        fprintf(out, "a snapshot of epoch %lld or later\n", (long long)epoch);
    else
        fputs("the others to say where they are\n", out);
}

static void tell_behind(FILE *out, unsigned node, const json_t *s)
{
    double executed_s, agreed_s, left_s;
    fprintf(out, "node %u is %lld epochs behind", node, (long long)number_of(s, "behind_epochs"));
    if (real_of(s, "executed_per_s", &executed_s) && real_of(s, "agreed_per_s", &agreed_s)) {
        fprintf(out, ": it executes %.1f a second while %.1f are agreed, ", executed_s, agreed_s);
        if (real_of(s, "current_in_s", &left_s)) {
            fputs("and is current ", out);
            tell_time(out, left_s);
        } else {
            fputs("and comes no nearer", out);
        }
    }
    fputc('\n', out);
}

static void tell_waiting(FILE *out, unsigned node, const json_t *s)
{
    const json_int_t n = number_of(s, "n"), f = number_of(s, "f");
    const json_t *missing = json_object_get(s, "missing");
    const json_int_t more = n - f - 1 - number_of(s, "peers");
    fprintf(out, "node %u waits: nothing is agreed before %lld more of node", node,
            (long long)more);
    for (size_t k = 0; k < json_array_size(missing); k++)
        fprintf(out, "%s%lld", k == 0 ? (json_array_size(missing) > 1 ? "s " : " ") : ", ",
                (long long)json_integer_value(json_array_get(missing, k)));
    fputs(" can be reached\n", out);
}

static void tell_faults(FILE *out, unsigned node, const json_t *faults)
{
    for (unsigned peer = 0; peer < NODES_MAX; peer++) {
        char key[12];
        unsigned kinds = 0;
        snprintf(key, sizeof key, "%u", peer);
        for (unsigned kind = FAULT_NONE + 1; kind < FAULT_COUNT; kind++) {
            const char *name = fault_name((enum fault)kind);
            const json_int_t count = number_of(json_object_get(faults, name), key);
            if (count <= 0)
                continue;
            if (kinds++ == 0)
                fprintf(out, "node %u caught node %u:", node, peer);
            fprintf(out, "%s %s %lld", kinds > 1 ? "," : "", name, (long long)count);
        }
        if (kinds > 0)
            fputc('\n', out);
    }
}

void status_tell(FILE *out, unsigned node, const json_t *status)
{
    const char *state = json_string_value(json_object_get(status, "state"));
    if (!state)
        return;
    if (strcmp(state, node_states[STATE_WAITING]) == 0)
        tell_waiting(out, node, status);
    if (number_of(status, "snapshot_pieces") > 0)
        tell_snapshot(out, node, status);
    else if (json_is_integer(json_object_get(status, "snapshot_wanted")))
        tell_lost(out, node, status);
    else if (strcmp(state, node_states[STATE_CATCHING_UP]) == 0)
        tell_behind(out, node, status);
    tell_faults(out, node, json_object_get(status, "faults"));
}

const char *status_state(const json_t *status)
{
    const char *text = json_string_value(json_object_get(status, "state"));
    for (unsigned k = 0; text && k < NODE_STATES; k++)
        if (strcmp(text, node_states[k]) == 0)
            return node_states[k];
    return "?";
}

const char *status_hex(const json_t *status, const char *key)
{
    const char *text = json_string_value(json_object_get(status, key));
    return text && text[strspn(text, "0123456789abcdef")] == '\0' ? text : "?";
}
