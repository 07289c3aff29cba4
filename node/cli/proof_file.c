#include "node/cli/proof_file.h"

#include <stdlib.h>

#include "node/cli/arguments.h"
#include "node/file.h"
#include "node/proof_text.h"

int proof_file_read(const char *command, const char *path, struct proof_file *p)
{
    char message[CONFIG_MESSAGE_MAX];
    uint8_t *text;
    size_t size;
    *p = (struct proof_file){.is_receipt = false};
    if (file_read(path, PROOF_TEXT_MAX, &text, &size, message, sizeof message))
        return say_failed(command, "%s", message);
    /* The line's end is not the proof's, but nothing else may follow. */
    const bool ended = size > 0 && text[size - 1] == '\n';
    const struct slice line = slice_of(text, size - ended);
    p->is_receipt = receipt_parse(line, &p->receipt);
    const bool parsed = p->is_receipt || consistency_parse(line, &p->consistency);
    free(text);
    if (parsed && ended)
        return EXIT_DONE;
    say_failed(command, "%s: not proven: this is no proof as a node writes it", path);
    return EXIT_DIFFERENT;
}

const struct proof_checkpoint *proof_file_under(const struct proof_file *p)
{
    return p->is_receipt ? &p->receipt.under : &p->consistency.under;
}
