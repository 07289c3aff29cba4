/* Ctrl-C, SIGTERM, or a terminal that is gone: noted, so that what was made is removed first. */
#ifndef TESTNET_INTERRUPT_H
#define TESTNET_INTERRUPT_H

#include <signal.h>

extern volatile sig_atomic_t interrupted;

/* From now on they set `interrupted`; more of them do no more. What nobody reads any more (SIGPIPE)
 * is an error of the write alone. */
void interrupt_catch(void);

#endif
