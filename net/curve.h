/* Key pairs of CURVE (Curve25519), as raw bytes. */
#ifndef NET_CURVE_H
#define NET_CURVE_H

#include <stdint.h>

enum { CURVE_KEY_SIZE = 32 };

/* Both 0, or -1 when this libzmq was built without CURVE. */
int curve_generate(uint8_t public[static CURVE_KEY_SIZE], uint8_t secret[static CURVE_KEY_SIZE]);
int curve_public(const uint8_t secret[static CURVE_KEY_SIZE],
                 uint8_t public[static CURVE_KEY_SIZE]);

#endif
