/* Small files, read and written whole. A file that is written is there with all its bytes, on
 * the disk, or not at all; none is ever overwritten. Functions return 0, or -1 with one line in
 * `message`. */
#ifndef NODE_FILE_H
#define NODE_FILE_H

#include <sys/types.h>

#include "crypto/bytes.h"

/* Reads at most `size_max` bytes. The caller frees *data. */
int file_read(const char *path, size_t size_max, uint8_t **data, size_t *size, char *message,
              size_t message_size);
/* The same, unless anyone but the owner may read or write the file. The caller wipes as well. */
int file_read_secret(const char *path, size_t size_max, uint8_t **data, size_t *size, char *message,
                     size_t message_size);
/* Writes a new file; refuses when there is one. */
int file_create(const char *path, mode_t mode, struct slice content, char *message,
                size_t message_size);
/* Makes a new directory; refuses when there is one. */
int file_create_directory(const char *path, mode_t mode, char *message, size_t message_size);

#endif
