/* Tables in files: a line a row, fields between commas. Empty lines and those that begin with a #
 * are passed over. Any bytes may be given. */
#ifndef TESTNET_CSV_H
#define TESTNET_CSV_H

#include "crypto/bytes.h"

enum { CSV_FIELDS_MAX = 160, CSV_LINE_MAX = 4095 };

struct csv {
    const char *file;
    unsigned line;
    char *field[CSV_FIELDS_MAX]; /* Of the row just read, without blanks around. */
    uint8_t *data;
    struct slice rest;
    char text[CSV_LINE_MAX + 1];
    char *message;
    size_t message_size;
};

/* 0, or -1 and a message. */
int csv_open(struct csv *c, const char *path, char *message, size_t message_size);
/* How many fields the next row has; 0 at the end; -1 and a message. */
int csv_next(struct csv *c);
/* Writes `file:line: …` as the message; returns -1. */
__attribute__((format(printf, 2, 3))) int csv_error(struct csv *c, const char *format, ...);
void csv_close(struct csv *c); /* Also after csv_open has failed. */

#endif
