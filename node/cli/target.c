#include "node/cli/target.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

bool target_arguments(struct target *t, struct arguments *a, int needed, const char *missing,
                      int *status)
{
    *status = EXIT_USAGE;
    if (a->count > needed) {
        t->path = a->values[0];
        a->values++;
        a->count--;
    }
    if (a->count == needed)
        return true;
    if (a->count < needed)
        say_usage(t->command, "%s is missing", missing);
    else
        say_usage(t->command, "%s is one too many", a->values[needed]);
    return false;
}

/* Sets `directory`, and the path of cluster.conf in it. False when that is too long. */
static bool resolve(struct target *t, char *path, size_t size)
{
    struct stat status;
    bool is_directory = stat(t->path, &status) == 0 && S_ISDIR(status.st_mode);
    const char *slash = strrchr(t->path, '/');
    int length;
    if (is_directory)
        length = snprintf(t->directory, sizeof t->directory, "%s", t->path);
    else if (slash)
        length = snprintf(t->directory, sizeof t->directory, "%.*s", (int)(slash - t->path) + 1,
                          t->path);
    else
        length = snprintf(t->directory, sizeof t->directory, ".");
    if (length < 0 || (size_t)length >= sizeof t->directory)
        return false;
    length = snprintf(path, size, "%s%s", t->path, is_directory ? "/cluster.conf" : "");
    return length >= 0 && (size_t)length < size;
}

int target_open(struct target *t)
{
    char message[CONFIG_MESSAGE_MAX];
    char path[sizeof t->directory + sizeof "/cluster.conf"];
    if (!resolve(t, path, sizeof path))
        return say_failed(t->command, "%.60s...: too long a path; use a shorter one", t->path);
    if (cluster_load(path, &t->cluster, message, sizeof message))
        return say_failed(t->command, "%s%s", message,
                          access(path, F_OK) != 0 ? "; give the cluster's directory: that which "
                                                    "ledger-cli genesis made"
                                                  : "");
    if (t->node >= t->cluster.node_count)
        return say_usage(t->command, "there is no node %u: the nodes are 0 to %u",
                         (unsigned)t->node, (unsigned)t->cluster.node_count - 1);
    t->zmq = zmq_ctx_new();
    return t->zmq ? EXIT_DONE : say_failed(t->command, "no ZeroMQ: %s", zmq_strerror(errno));
}

int target_connect(struct target *t)
{
    char message[CONFIG_MESSAGE_MAX];
    int status = target_open(t);
    if (status != EXIT_DONE)
        return status;
    t->connection =
        connection_open(t->zmq, &t->cluster, (unsigned)t->node, message, sizeof message);
    return t->connection ? EXIT_DONE : say_failed(t->command, "%s", message);
}

void target_close(struct target *t)
{
    connection_close(t->connection);
    if (t->zmq)
        zmq_ctx_term(t->zmq);
    cluster_free(&t->cluster);
}

int target_ask(struct target *t, struct client_request *request, struct client_answer *answer)
{
    char message[CONFIG_MESSAGE_MAX];
    int error = connection_ask(t->connection, request, answer, (unsigned)t->timeout_s * 1000,
                               message, sizeof message);
    return error ? say_failed(t->command, "%s", message) : EXIT_DONE;
}

int target_try(struct target *t, struct client_request *request, struct client_answer *answer)
{
    char message[CONFIG_MESSAGE_MAX];
    int error = connection_try(t->connection, request, answer, (unsigned)t->timeout_s * 1000,
                               message, sizeof message);
    return error ? say_failed(t->command, "%s", message) : EXIT_DONE;
}

int target_key(const struct target *t, const char *text, struct identity_public *key)
{
    char message[CONFIG_MESSAGE_MAX];
    struct identity_key parsed;
    struct account_key pair;
    if (hex_decode(text, key->bytes, sizeof key->bytes)) {
        if (identity_parse(key, &parsed))
            return EXIT_DONE;
        return say_usage(t->command, "%s is no public key", text);
    }
    if (account_key_load(text, &pair, message, sizeof message))
        return say_failed(t->command, "%s (a key is given in hex, or as the path of its file)",
                          message);
    *key = pair.public;
    secret_wipe(&pair, sizeof pair);
    return EXIT_DONE;
}
