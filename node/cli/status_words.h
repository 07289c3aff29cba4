/* What a node's STATUS says beyond the table's columns, in words. */
#ifndef NODE_CLI_STATUS_WORDS_H
#define NODE_CLI_STATUS_WORDS_H

#include <jansson.h>
#include <stdio.h>

/* Lines about a node that is not current, what it waits for and until when; and about whoever was
 * caught at faults. None if there is nothing to say. NULL is fine. Nothing of what the node says goes
 * out as it is. */
void status_tell(FILE *out, unsigned node, const json_t *status);
/* What stands in the columns: a state that there is, hex digits; "?" for anything else. */
const char *status_state(const json_t *status);
const char *status_hex(const json_t *status, const char *key);

#endif
