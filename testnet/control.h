/* Commands from a terminal to a run that is alive, over a socket that is no file: the kernel
 * takes it away with the run, however that ends. Its being there is also what makes a run's name
 * taken. */
#ifndef TESTNET_CONTROL_H
#define TESTNET_CONTROL_H

#include <stdbool.h>
#include <stddef.h>

enum { CONTROL_TEXT_MAX = 32768 };

/* Where a run listens; -1 with one line in `message`, also when one of this name is alive. */
int control_listen(const char *run, char *message, size_t message_size);
/* Takes one command, if there is one, and answers with what `perform` says in `answer`. */
void control_serve(int listener,
                   int (*perform)(void *context, const char *text, char *answer,
                                  size_t answer_size),
                   void *context);
/* Sends a command to a run. 0 and its answer; -1 and what went wrong; 1: no such run is alive. */
int control_send(const char *run, const char *text, char answer[CONTROL_TEXT_MAX]);

#endif
