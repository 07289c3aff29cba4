/* What all programs here begin with. */
#ifndef NODE_LIBRARIES_H
#define NODE_LIBRARIES_H

/* hash_init, and identity_init with the kernel's entropy (getrandom(2)). Once, before any thread is
 * started. NULL, or why nothing can be done here. */
const char *libraries_init(void);

#endif
