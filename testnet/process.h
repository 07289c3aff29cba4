/* Child processes that do not outlive this one: when it dies, however it dies, they are killed. */
#ifndef TESTNET_PROCESS_H
#define TESTNET_PROCESS_H

#include <stddef.h>
#include <sys/types.h>

/* Forks. In the child this returns 0 and the death of the parent is the child's; in the parent it
 * returns the child's id, or -1 with errno set. */
pid_t process_fork(void);

/* Runs a command to its end with `input` as its standard input. 0; or -1 with, in `message`, what
 * it said on stderr, or that it cannot be run. */
int process_run(const char *const argv[], const char *input, char *message, size_t message_size);
/* The same; what it says on stdout goes to `output` (ended by a zero, cut at its size). */
int process_read(const char *const argv[], char *output, size_t output_size, char *message,
                 size_t message_size);

/* Starts a command in a network namespace (an open file of it; -1: ours), its stdout and stderr
 * appended to the files named. The id, or -1 with `message`. */
pid_t process_start(const char *const argv[], int namespace, const char *out, const char *err,
                    char *message, size_t message_size);

#endif
