/* The page: what lies in testnet/page/, as one text that needs nothing beside it. */
#ifndef TESTNET_PAGE_H
#define TESTNET_PAGE_H

#include <stddef.h>

/* What an HTTP server says of it: as the page itself does. */
extern const char page_policy[];

/* With the data of an export (JSON); NULL: live, it asks for model.json beside it. To be freed. */
char *page_html(const char *data, size_t *size);

#endif
