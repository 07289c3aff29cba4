/* Time does not tell a coin share's secret: run under valgrind, to which the secret is memory that
 * nobody has set, so that each branch and each address that depends on it is a complaint (Langley's
 * method). With an argument it branches on the secret, to see that valgrind says so. `make ctime` */
#include "crypto/coin.h"
#include "crypto/group.h"
#include "crypto/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <valgrind/memcheck.h>

void group_declassify(const void *data, size_t size)
{
    (void)VALGRIND_MAKE_MEM_DEFINED(data, size);
}

int main(int argc, char **argv)
{
    (void)argv;
    static struct coin_public keys;
    struct coin_secret secrets[4];
    const struct hash seed = {{7}};
    if (!RUNNING_ON_VALGRIND || !hash_init() || !identity_init(NULL) ||
        !coin_deal(quorum_of(4), &seed, &keys, secrets))
        return 2;
    for (uint8_t round = 2; round < 12; round += 3) {
        const struct coin_name name = {.chain = seed, .epoch = 5, .proposer = 1, .round = round};
        struct coin_share share;
        (void)VALGRIND_MAKE_MEM_UNDEFINED(&secrets[3], sizeof secrets[3]);
        if (argc > 1 && secrets[3].scalar[31] & 1)
            puts("odd");
        coin_share_make(&secrets[3], &name, &share);
        (void)VALGRIND_MAKE_MEM_DEFINED(&share, sizeof share);
        (void)VALGRIND_MAKE_MEM_DEFINED(&secrets[3], sizeof secrets[3]);
        if (!coin_share_verify(&keys, &name, 3, &share))
            return 1;
    }
    return 0;
}
