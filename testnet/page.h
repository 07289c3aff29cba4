/* The page: what lies in testnet/page/, as one text that needs nothing beside it, and says in its
 * head that nothing else may be loaded. */
#ifndef TESTNET_PAGE_H
#define TESTNET_PAGE_H

#include <stddef.h>

/* With the data of an export (JSON); NULL: live, it asks for model.json beside it. To be freed. */
char *page_html(const char *data, size_t *size);

#endif
