#include "net/curve.h"

#include <assert.h>
#include <string.h>
#include <zmq.h>

enum { Z85_SIZE = CURVE_KEY_SIZE * 5 / 4 + 1 }; /* libzmq makes keys as text, Z85 and a zero. */

int curve_generate(uint8_t public[static CURVE_KEY_SIZE], uint8_t secret[static CURVE_KEY_SIZE])
{
    char public_text[Z85_SIZE];
    char secret_text[Z85_SIZE];
    if (zmq_curve_keypair(public_text, secret_text))
        return -1;
    const uint8_t *a = zmq_z85_decode(public, public_text);
    const uint8_t *b = zmq_z85_decode(secret, secret_text);
    assert(a && b);
    explicit_bzero(secret_text, sizeof secret_text);
    return 0;
}

int curve_public(const uint8_t secret[static CURVE_KEY_SIZE], uint8_t public[static CURVE_KEY_SIZE])
{
    char public_text[Z85_SIZE];
    char secret_text[Z85_SIZE];
    const char *text = zmq_z85_encode(secret_text, secret, CURVE_KEY_SIZE);
    assert(text);
    int result = zmq_curve_public(public_text, secret_text);
    explicit_bzero(secret_text, sizeof secret_text);
    if (result)
        return -1;
    const uint8_t *bytes = zmq_z85_decode(public, public_text);
    assert(bytes);
    return 0;
}
