/* What is beside a frame of a lane that nobody encrypts (bulk = plain): who sent it, and proof.
 *
 * A seal is the sender's number, a nonce, and Poly1305 (RFC 8439) of the frame under a key for it
 * alone: HMAC-SHA256 of lane and nonce under the key of the two nodes and this direction, which is
 * made of what X25519 gives for their CURVE keys. A nonce is 16 random bytes of the process and a
 * count. Who is no node of the cluster makes no seal, and no frame for another is one for us; it
 * may come again. What CURVE gives and this does not: anyone on the way reads the frames, and
 * whoever comes to know a node's key later, those of before. */
#ifndef NET_SEAL_H
#define NET_SEAL_H

#include <stddef.h>

#include "crypto/bytes.h"
#include "crypto/quorum.h"
#include "net/curve.h"

enum { SEAL_NONCE_SIZE = 24, SEAL_TAG_SIZE = 16, SEAL_SIZE = 1 + SEAL_NONCE_SIZE + SEAL_TAG_SIZE };

struct seals; /* Opaque: the keys of one node. One thread uses it. */

/* NULL when `publics[*bad]` is no key (a point of small order), or aborts: no memory. */
struct seals *seals_new(node_id self, unsigned node_count, const uint8_t secret[CURVE_KEY_SIZE],
                        const uint8_t (*publics)[CURVE_KEY_SIZE], unsigned *bad);
void seals_free(struct seals *s);

void seal_make(struct seals *s, node_id to, uint8_t lane, struct slice frame,
               uint8_t seal[static SEAL_SIZE]);
/* Who sent us the frame, or the number of nodes when the seal is not one for it. */
unsigned seal_sender(struct seals *s, uint8_t lane, struct slice frame, struct slice seal);

#endif
