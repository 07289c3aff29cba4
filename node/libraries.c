#include "node/libraries.h"

#include <sys/random.h>

#include "crypto/hash.h"
#include "crypto/identity.h"

const char *libraries_init(void)
{
    uint8_t entropy[32];
    const bool ready = getrandom(entropy, sizeof entropy, 0) == sizeof entropy && hash_init() &&
                       identity_init(entropy);
    secret_wipe(entropy, sizeof entropy);
    return ready ? NULL : "the libraries for hashes and signatures do not work here";
}
