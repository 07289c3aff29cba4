/* JSON as --json prints it. */
#ifndef NODE_CLI_JSON_H
#define NODE_CLI_JSON_H

#include "node/json.h"

void json_print(json_t *value); /* On one line. Takes the value. */

#endif
