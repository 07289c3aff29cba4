/* Files of settings: `key = value` lines under [sections], read into structs by tables.
 *
 *   # A comment: from a # at the start of a line, or after a blank, to the end of the line.
 *   [section]
 *   key = value
 *
 * A table says of each key what its values are, where the value goes and what it is by default,
 * so that a table is the list of what a file may say. A key that is not in the table, or that
 * comes twice, is an error: a slip of the pen must not silently become a default. Errors are one
 * line, `file:line: what is wrong; what to do`, and never repeat a value that may be secret.
 * Any bytes may be given. Nothing here allocates. */
#ifndef NODE_SETTINGS_H
#define NODE_SETTINGS_H

#include "crypto/bytes.h"

enum {
    SETTING_KEY_MAX = 64, /* Characters; a key may be 32 bytes in hex. */
    SETTING_VALUE_MAX = 1023,
    SETTING_HOST_MAX = 51, /* So that tcp://host:port fits the 64 bytes that net/ gives it. */
};

struct address {
    char host[SETTING_HOST_MAX + 1]; /* A name or an IPv4 address. */
    uint16_t port;
};

enum setting_type {
    SETTING_NUMBER,  /* uint64_t: digits, then perhaps k, m or g for 2^10, 2^20, 2^30. */
    SETTING_CHOICE,  /* unsigned (or an enum): one of `choices`, by index. */
    SETTING_TEXT,    /* char[]: whatever is printable and fits. */
    SETTING_NAME,    /* char[]: letters, digits, '.', '-', '_'. */
    SETTING_ADDRESS, /* struct address: host:port, both needed. */
    SETTING_HEX,     /* uint8_t[]: exactly as many bytes, in lower case. */
    SETTING_OTHER,   /* Anything: what `read` makes of it. */
};

struct setting {
    const char *key; /* NULL ends a table, which has at most 64. */
    enum setting_type type;
    size_t offset; /* Of the field in the target. */
    size_t size;   /* Of the field. */
    bool required;
    uint64_t min, max;          /* NUMBER. */
    uint64_t number;            /* NUMBER and CHOICE: the default. */
    const char *text;           /* TEXT, NAME and OTHER: the default, unless required. */
    const char *const *choices; /* CHOICE: ended by NULL. */
    bool (*read)(const char *text, void *field); /* OTHER; false when it is not `form`, … */
    const char *form;                            /* … which follows "give" in the message. */
};
/* Where the field is, for a table. */
#define SETTING_AT(type, field_name) \
    .offset = offsetof(type, field_name), .size = sizeof(((type *)0)->field_name)

/* A file while it is read. */
struct settings {
    const char *file; /* For messages. */
    struct slice rest;
    char *message; /* Where errors go. */
    size_t message_size;
    unsigned line;
    char section[SETTING_KEY_MAX + 1]; /* Empty before the first. */
    char key[SETTING_KEY_MAX + 1];
    char value[SETTING_VALUE_MAX + 1];
};

enum settings_item { SETTINGS_ERROR = -1, SETTINGS_END, SETTINGS_SECTION, SETTINGS_VALUE };

void settings_open(struct settings *s, struct slice text, const char *file, char *message,
                   size_t message_size);
/* Reads to the next section or value, which is then in `s`. */
enum settings_item settings_next(struct settings *s);
/* Writes `file:line: …` as the message; returns -1. */
__attribute__((format(printf, 2, 3))) int settings_error(struct settings *s, const char *format,
                                                         ...);

/* One section while it is read: its table, and what of it has come. */
struct settings_section {
    const struct setting *table;
    void *target;
    unsigned line; /* Where it begins; 0 when it has not come. */
    uint64_t seen; /* A bit for each row of the table. */
};

/* Puts the defaults into the target. */
void settings_begin(struct settings_section *section, const struct setting table[], void *target,
                    unsigned line);
/* Puts the value just read where the table says. 0, or -1 and a message. */
int settings_assign(struct settings *s, struct settings_section *section);
/* Whether all that is required has come. 0, or -1 and a message. */
int settings_finish(struct settings *s, const struct settings_section *section);

/* Digits, then perhaps k, m or g. False when it is anything else or does not fit. */
bool settings_number(const char *text, uint64_t *value);
/* Whether it is one or more letters, digits, '.', '-' and '_'. */
bool settings_is_name(const char *text);
/* host:port. False when it is anything else. */
bool settings_address(const char *text, struct address *address);

#endif
