#include "testnet/csv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/file.h"

enum { CSV_FILE_SIZE_MAX = 1 << 30 };

int csv_open(struct csv *c, const char *path, char *message, size_t message_size)
{
    size_t size = 0;
    *c = (struct csv){.file = path, .message = message, .message_size = message_size};
    if (file_read(path, CSV_FILE_SIZE_MAX, &c->data, &size, message, message_size))
        return -1;
    c->rest = slice_of(c->data, size);
    return 0;
}

void csv_close(struct csv *c)
{
    free(c->data);
    c->data = NULL;
}

int csv_error(struct csv *c, const char *format, ...)
{
    va_list arguments;
    const int used = snprintf(c->message, c->message_size, "%s:%u: ", c->file, c->line);
    if (used >= 0 && (size_t)used < c->message_size) {
        va_start(arguments, format);
        vsnprintf(c->message + used, c->message_size - (size_t)used, format, arguments);
        va_end(arguments);
    }
    return -1;
}

/* Takes the next line into `text`. */
static int take_line(struct csv *c)
{
    const uint8_t *end = memchr(c->rest.data, '\n', c->rest.size);
    const size_t size = end ? (size_t)(end - c->rest.data) : c->rest.size;
    const size_t taken = end ? size + 1 : size;
    c->line++;
    if (size > CSV_LINE_MAX)
        return csv_error(c, "a line has at most %d characters; break it", CSV_LINE_MAX);
    for (size_t i = 0; i < size; i++)
        if (c->rest.data[i] < ' ' && c->rest.data[i] != '\t' && c->rest.data[i] != '\r')
            return csv_error(c, "control character 0x%02x; the file is text, remove it",
                             c->rest.data[i]);
    memcpy(c->text, c->rest.data, size);
    c->text[size] = '\0';
    c->rest = slice_of(c->rest.data + taken, c->rest.size - taken);
    return 0;
}

static char *trim(char *text)
{
    static const char blanks[] = " \t\r";
    text += strspn(text, blanks);
    size_t size = strlen(text);
    while (size > 0 && strchr(blanks, text[size - 1]))
        size--;
    text[size] = '\0';
    return text;
}

int csv_next(struct csv *c)
{
    while (c->rest.size > 0) {
        if (take_line(c))
            return -1;
        char *rest = trim(c->text);
        if (*rest == '\0' || *rest == '#')
            continue;
        int count = 0;
        while (rest) {
            if (count == CSV_FIELDS_MAX)
                return csv_error(c, "a row has at most %d fields", CSV_FIELDS_MAX);
            c->field[count++] = trim(strsep(&rest, ","));
        }
        return count;
    }
    return 0;
}
