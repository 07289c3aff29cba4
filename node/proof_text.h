/* What proofs as JSON have in common. There is one way to write each: what is read is written again and
 * compared, so that readers need not look at what they pass over. */
#ifndef NODE_PROOF_TEXT_H
#define NODE_PROOF_TEXT_H

#include "node/json.h"
#include "node/proof.h"

enum { PROOF_TEXT_MAX = 64 << 10 }; /* Of any cluster. */

json_t *proof_path(const struct hash path[], unsigned length);
json_t *proof_checkpoint_json(const struct proof_checkpoint *p);
char *proof_write(json_t *o); /* One line, to be freed; NULL when there is no memory. Takes it. */

/* A member of `o`; a number that is none is 0. */
uint64_t proof_read_number(const json_t *o, const char *key);
bool proof_read_hash(const json_t *o, const char *key, struct hash *h);
bool proof_read_path(const json_t *o, const char *key, struct hash path[], unsigned most,
                     unsigned *length);
bool proof_read_checkpoint(const json_t *o, struct proof_checkpoint *p);
/* Whether `text` is what was `written`, which is freed. */
bool proof_same(char *written, struct slice text);

#endif
