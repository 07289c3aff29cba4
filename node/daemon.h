/* A node as a process: one loop around the driver.
 *
 * Each round gathers whatever is there (frames of peers, requests of clients, finished work,
 * executed epochs), gives it to the driver as one batch with one commit, and then answers the
 * clients whose transactions that commit made durable. Heavy work is on the workers, execution
 * on a thread of its own; only the loop's thread touches the driver, the mempool and the sockets. */
#ifndef NODE_DAEMON_H
#define NODE_DAEMON_H

#include <stdbool.h>
#include <stddef.h>

#define DAEMON_VERSION "0.1"

enum { DAEMON_MESSAGE_MAX = 2048 };

struct daemon; /* Opaque. */

/* Reads the files of a node's directory. 0 with a line about the node in `message`, and one a
 * warning, or -1 with one that says what is wrong. */
int daemon_check(const char *directory, char *message, size_t message_size);

/* Opens the node whose directory this is: stores, sockets, threads. `log_level` overrides the
 * file's, unless it is negative. `lost_data`: the data directory is empty because what was in it is
 * lost. Blocks SIGTERM and SIGINT. 0, or -1 with `message`. */
int daemon_open(const char *directory, int log_level, bool lost_data, struct daemon **daemon,
                char *message, size_t message_size);
/* Runs until SIGTERM or SIGINT, then drains. 0; or DAEMON_AGAIN when it has gathered a snapshot: close
 * it and open it again; or -1 with `message` when it could not go on. What was acknowledged or
 * promised is on the disk all the same. */
enum { DAEMON_AGAIN = 1 };
int daemon_run(struct daemon *d, char *message, size_t message_size);
void daemon_close(struct daemon *d); /* NULL is fine. */

#endif
