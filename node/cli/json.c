#include "node/cli/json.h"

#include <stdio.h>
#include <stdlib.h>

void json_print(json_t *value)
{
    char *text = json_text(value);
    puts(text);
    free(text);
}
