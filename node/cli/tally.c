#include "node/cli/tally.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char other[] = "other reasons";

void tally_add(struct tally *t, struct slice reason)
{
    char text[CLIENT_REASON_MAX + 1];
    unsigned i = 0;
    snprintf(text, sizeof text, "%.*s", (int)reason.size, (const char *)reason.data);
    while (i < t->count && strcmp(t->reasons[i].text, text) != 0)
        i++;
    if (i == t->count && i < TALLY_REASONS_MAX) {
        memcpy(t->reasons[i].text, text, sizeof text);
        t->count++;
    }
    t->reasons[i].times++;
    t->total++;
}

struct slice tally_refusal(const struct client_result *r)
{
    static const char malformed[] = "not a transaction";
    static const char unknown[] = "its number is used, by which transaction this node may not "
                                  "know: it began with a snapshot; ask another one";
    static const char unforeseen[] = "an answer that does not belong here";
    if (r->status == CLIENT_INVALID || r->status == CLIENT_DROPPED || r->failed)
        return r->reason;
    if (r->status == CLIENT_MALFORMED)
        return slice_of(malformed, sizeof malformed - 1);
    return r->status == CLIENT_UNKNOWN ? slice_of(unknown, sizeof unknown - 1)
                                       : slice_of(unforeseen, sizeof unforeseen - 1);
}

void tally_print(const struct tally *t)
{
    for (unsigned i = 0; i <= TALLY_REASONS_MAX; i++)
        if (t->reasons[i].times)
            printf("  %" PRIu64 " %s\n", t->reasons[i].times,
                   i < TALLY_REASONS_MAX ? t->reasons[i].text : other);
}

json_t *tally_json(const struct tally *t)
{
    json_t *o = json_object();
    for (unsigned i = 0; i <= TALLY_REASONS_MAX; i++)
        if (t->reasons[i].times)
            json_object_set_new(o, i < TALLY_REASONS_MAX ? t->reasons[i].text : other,
                                json_count(t->reasons[i].times));
    return o;
}
