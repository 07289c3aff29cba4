/* The file of a proof: a receipt, what an account holds, or that the ledger was only added to. */
#ifndef NODE_CLI_PROOF_FILE_H
#define NODE_CLI_PROOF_FILE_H

#include "node/consistency.h"
#include "node/holding.h"
#include "node/receipt.h"

struct proof_file {
    enum { PROOF_RECEIPT, PROOF_HOLDING, PROOF_CONSISTENCY } kind;
    union {
        struct receipt receipt;
        struct holding holding;
        struct consistency consistency;
    };
};

/* What it says, with nothing checked. 0; EXIT_FAILED, or EXIT_DIFFERENT if it is no proof, after a line
 * on stderr. */
int proof_file_read(const char *command, const char *path, struct proof_file *p);
const struct proof_checkpoint *proof_file_under(const struct proof_file *p);

#endif
