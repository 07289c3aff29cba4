#include "testnet/live.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "testnet/page.h"

static void handle(void *context, const struct http_request *request, struct http_answer *answer)
{
    const struct recording *r = context;
    *answer = (struct http_answer){.status = 200};
    if (strcmp(request->path, "/") == 0) {
        answer->type = "text/html; charset=utf-8";
        answer->text = page_html(NULL, &answer->size);
    } else if (strcmp(request->path, "/model.json") == 0) {
        const char *after = http_argument(request, "after");
        answer->type = "application/json";
        answer->text =
            recording_json(&r, 1, true, after ? strtod(after, NULL) : -INFINITY, &answer->size);
    } else {
        http_say(answer, 404, "There are / and /model.json.\n");
    }
}

int live_open(const struct recording *r, const char *host, uint16_t port, struct http **http,
              char *message, size_t message_size)
{
    const struct http_options options = {
        .host = host, .port = port, .handle = handle, .context = (void *)r};
    return http_open(&options, http, message, message_size);
}
