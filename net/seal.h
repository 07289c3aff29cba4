/* Bulk lanes that nobody encrypts (bulk = plain): who comes in, and what is beside each frame.
 *
 * Two nodes have a key for each direction, made of what X25519 gives for their CURVE keys. With a
 * password made of it (ZMTP's PLAIN) a connection comes in: who has none is refused before any
 * frame. A seal is the sender's number, a nonce, and Poly1305 (RFC 8439) of the frame under a key
 * for it alone: HMAC-SHA256 of lane and nonce under the direction's key. A nonce is 16 random bytes
 * of the process and a count. So no frame is another's, for another, or changed. What CURVE gives
 * and this does not: whoever is on the way reads the frames and the password, comes in with it, and
 * can say again what was said before; who comes to know a node's key later reads what was before.
 */
#ifndef NET_SEAL_H
#define NET_SEAL_H

#include <stddef.h>

#include "crypto/bytes.h"
#include "crypto/quorum.h"
#include "net/curve.h"

enum {
    SEAL_NONCE_SIZE = 24,
    SEAL_TAG_SIZE = 16,
    SEAL_SIZE = 1 + SEAL_NONCE_SIZE + SEAL_TAG_SIZE,
    SEAL_PASSWORD_SIZE = 65, /* Hexadecimal, and a zero. */
};

struct seals; /* Opaque: the keys of one node. One thread uses it. */

/* NULL with `message`: a public key that is none (a point of small order), or an OpenSSL without
 * Poly1305 or randomness. */
struct seals *seals_new(node_id self, unsigned node_count, const uint8_t secret[CURVE_KEY_SIZE],
                        const uint8_t (*publics)[CURVE_KEY_SIZE], char *message,
                        size_t message_size);
void seals_free(struct seals *s);

/* The passwords, as text: what we show to a peer, and what it has to show to us. From any thread.
 */
void seal_password(const struct seals *s, node_id to, char password[static SEAL_PASSWORD_SIZE]);
void seal_expected(const struct seals *s, node_id from, char password[static SEAL_PASSWORD_SIZE]);

void seal_make(struct seals *s, node_id to, uint8_t lane, struct slice frame,
               uint8_t seal[static SEAL_SIZE]);
/* Who sent us the frame, or the number of nodes when the seal is not one for it. */
unsigned seal_sender(struct seals *s, uint8_t lane, struct slice frame, struct slice seal);

#endif
