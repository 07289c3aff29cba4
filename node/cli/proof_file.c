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
    if (file_read(path, PROOF_TEXT_MAX, &text, &size, message, sizeof message))
        return say_failed(command, "%s", message);
    /* The line's end is not the proof's, but nothing else may follow. */
    const bool ended = size > 0 && text[size - 1] == '\n';
    const struct slice line = slice_of(text, size - ended);
    bool parsed = true;
    if (receipt_parse(line, &p->receipt))
        p->kind = PROOF_RECEIPT;
    else if (holding_parse(line, &p->holding))
        p->kind = PROOF_HOLDING;
    else if (consistency_parse(line, &p->consistency))
        p->kind = PROOF_CONSISTENCY;
    else
        parsed = false;
    free(text);
    if (parsed && ended)
        return EXIT_DONE;
    say_failed(command, "%s: not proven: this is no proof as a node writes it", path);
    return EXIT_DIFFERENT;
}

const struct proof_checkpoint *proof_file_under(const struct proof_file *p)
{
    switch (p->kind) {
    case PROOF_RECEIPT: return &p->receipt.under;
    case PROOF_HOLDING: return &p->holding.under;
    case PROOF_CONSISTENCY: break;
    }
    return &p->consistency.under;
}
