#include "node/settings.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void settings_open(struct settings *s, struct slice text, const char *file, char *message,
                   size_t message_size)
{
    *s = (struct settings){
        .file = file, .rest = text, .message = message, .message_size = message_size};
}

int settings_error(struct settings *s, const char *format, ...)
{
    va_list arguments;
    int used = s->line ? snprintf(s->message, s->message_size, "%s:%u: ", s->file, s->line)
                       : snprintf(s->message, s->message_size, "%s: ", s->file); /* Empty. */
    if (used >= 0 && (size_t)used < s->message_size) {
        va_start(arguments, format);
        vsnprintf(s->message + used, s->message_size - (size_t)used, format, arguments);
        va_end(arguments);
    }
    return -1;
}

static bool is_blank(uint8_t byte) { return byte == ' ' || byte == '\t' || byte == '\r'; }

static struct slice trim(struct slice text)
{
    while (text.size > 0 && is_blank(text.data[0])) {
        text.data++;
        text.size--;
    }
    while (text.size > 0 && is_blank(text.data[text.size - 1]))
        text.size--;
    return text;
}

/* Takes the next line, without its end and its comment, off what is left. */
static struct slice take_line(struct settings *s)
{
    const uint8_t *end = memchr(s->rest.data, '\n', s->rest.size);
    size_t size = end ? (size_t)(end - s->rest.data) : s->rest.size;
    struct slice line = slice_of(s->rest.data, size);
    size_t taken = end ? size + 1 : size;

    s->rest = slice_of(s->rest.data + taken, s->rest.size - taken);
    s->line++;
    for (size_t i = 0; i < line.size; i++)
        if (line.data[i] == '#' && (i == 0 || is_blank(line.data[i - 1])))
            line.size = i;
    return trim(line);
}

/* Copies what was read into a string; false when it does not fit. */
static bool copy_text(struct slice text, char *target, size_t size)
{
    if (text.size >= size)
        return false;
    memcpy(target, text.data, text.size);
    target[text.size] = '\0';
    return true;
}

static enum settings_item read_section(struct settings *s, struct slice line)
{
    if (line.size < 3 || line.data[line.size - 1] != ']' ||
        !copy_text(trim(slice_of(line.data + 1, line.size - 2)), s->section, sizeof s->section)) {
        settings_error(s, "no section's name; write it as [name]");
        return SETTINGS_ERROR;
    }
    return SETTINGS_SECTION;
}

static enum settings_item read_value(struct settings *s, struct slice line)
{
    const uint8_t *equals = memchr(line.data, '=', line.size);
    if (!equals) {
        settings_error(s, "not a setting; write key = value, and comments after a #");
        return SETTINGS_ERROR;
    }
    size_t key_size = (size_t)(equals - line.data);
    struct slice key = trim(slice_of(line.data, key_size));
    struct slice value = trim(slice_of(equals + 1, line.size - key_size - 1));
    if (key.size == 0 || !copy_text(key, s->key, sizeof s->key)) {
        settings_error(s, "a key has 1 to %d characters; write key = value", SETTING_KEY_MAX);
        return SETTINGS_ERROR;
    }
    if (value.size == 0 || !copy_text(value, s->value, sizeof s->value)) {
        settings_error(s, "%s: a value has 1 to %d characters; give one, or remove the line",
                       s->key, SETTING_VALUE_MAX);
        return SETTINGS_ERROR;
    }
    return SETTINGS_VALUE;
}

enum settings_item settings_next(struct settings *s)
{
    while (s->rest.size > 0) {
        struct slice line = take_line(s);
        for (size_t i = 0; i < line.size; i++) {
            if ((line.data[i] < ' ' && line.data[i] != '\t') || line.data[i] == 0x7f) {
                settings_error(s, "control character 0x%02x; the file is text, remove it",
                               line.data[i]);
                return SETTINGS_ERROR;
            }
        }
        if (line.size > 0)
            return line.data[0] == '[' ? read_section(s, line) : read_value(s, line);
    }
    return SETTINGS_END;
}

bool settings_number(const char *text, uint64_t *value)
{
    static const char suffixes[] = "kmg";
    uint64_t number = 0;
    const char *at = text;

    for (; *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(number, 10u, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*at - '0'), &number))
            return false;
    if (at == text)
        return false;
    const char *suffix = *at ? strchr(suffixes, *at) : NULL;
    if (suffix) {
        if (__builtin_mul_overflow(number, UINT64_C(1) << (10 * (suffix - suffixes + 1)), &number))
            return false;
        at++;
    }
    *value = number;
    return *at == '\0';
}

bool settings_is_name(const char *text)
{
    size_t size = strlen(text);
    return size > 0 && size == strspn(text, "abcdefghijklmnopqrstuvwxyz"
                                            "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
}

bool settings_address(const char *text, struct address *address)
{
    struct address result = {.port = 0};
    uint64_t port;
    const char *colon = strrchr(text, ':');

    if (!colon ||
        !copy_text(slice_of(text, (size_t)(colon - text)), result.host, sizeof result.host))
        return false;
    if (!settings_is_name(result.host) || !settings_number(colon + 1, &port) || port < 1 ||
        port > UINT16_MAX)
        return false;
    result.port = (uint16_t)port;
    *address = result;
    return true;
}

void settings_begin(struct settings_section *section, const struct setting table[], void *target,
                    unsigned line)
{
    *section = (struct settings_section){.table = table, .target = target, .line = line};
    for (const struct setting *row = table; row->key; row++) {
        uint8_t *field = (uint8_t *)target + row->offset;
        memset(field, 0, row->size);
        if (row->type == SETTING_NUMBER) {
            assert(row->size == sizeof row->number);
            memcpy(field, &row->number, row->size);
        } else if (row->type == SETTING_CHOICE) {
            unsigned choice = (unsigned)row->number;
            assert(row->size == sizeof choice);
            memcpy(field, &choice, row->size);
        } else if (row->type == SETTING_OTHER) {
            bool valid = !row->text || row->read(row->text, field);
            assert(valid);
            (void)valid;
        } else if (row->text) {
            assert(strlen(row->text) < row->size);
            memcpy(field, row->text, strlen(row->text));
        }
    }
}

static int assign_number(struct settings *s, const struct setting *row, void *field)
{
    uint64_t number;
    assert(row->size == sizeof number);
    if (!settings_number(s->value, &number) || number < row->min || number > row->max)
        return settings_error(s, "%s = %.40s; give a number from %" PRIu64 " to %" PRIu64, s->key,
                              s->value, row->min, row->max);
    memcpy(field, &number, sizeof number);
    return 0;
}

/* "a, b or c": the first `count` of `names`. */
static const char *list_names(const char *const names[], unsigned count, char *target, size_t size)
{
    size_t used = 0;
    target[0] = '\0';
    for (unsigned i = 0; i < count && used < size; i++) {
        const char *before = i == 0 ? "" : i + 1 == count ? " or " : ", ";
        used += (size_t)snprintf(target + used, size - used, "%s%s", before, names[i]);
    }
    return target;
}

static int assign_choice(struct settings *s, const struct setting *row, void *field)
{
    char names[128];
    unsigned choice = 0;
    assert(row->size == sizeof choice);
    while (row->choices[choice] && strcmp(row->choices[choice], s->value) != 0)
        choice++;
    if (!row->choices[choice]) {
        list_names(row->choices, choice, names, sizeof names);
        return settings_error(s, "%s = %.40s; give %s", s->key, s->value, names);
    }
    memcpy(field, &choice, sizeof choice);
    return 0;
}

static int assign_text(struct settings *s, const struct setting *row, void *field)
{
    size_t size = strlen(s->value);
    if (size >= row->size)
        return settings_error(s, "%s is too long; give at most %zu characters", s->key,
                              row->size - 1);
    if (row->type == SETTING_NAME && !settings_is_name(s->value))
        return settings_error(s, "%s = %.60s; use only letters, digits, '.', '-' and '_'", s->key,
                              s->value);
    memset(field, 0, row->size);
    memcpy(field, s->value, size);
    return 0;
}

static int assign_address(struct settings *s, const struct setting *row, void *field)
{
    assert(row->size == sizeof(struct address));
    if (!settings_address(s->value, field))
        return settings_error(s,
                              "%s = %.60s; give host:port, the host a name of at most %d "
                              "characters or an IPv4 address, the port from 1 to 65535",
                              s->key, s->value, SETTING_HOST_MAX);
    return 0;
}

/* The value stays out of the message: it may be a secret. */
static int assign_hex(struct settings *s, const struct setting *row, void *field)
{
    if (s->value[strcspn(s->value, "ABCDEF")] != '\0' || !hex_decode(s->value, field, row->size))
        return settings_error(s, "%s: give exactly %zu digits of lower-case hex", s->key,
                              2 * row->size);
    return 0;
}

static int unknown_key(struct settings *s, const struct settings_section *section)
{
    char known[512] = "";
    size_t used = 0;
    for (const struct setting *row = section->table; row->key && used < sizeof known; row++)
        used += (size_t)snprintf(known + used, sizeof known - used, " %s", row->key);
    return settings_error(s, "unknown key %s; known here:%s", s->key, known);
}

static int assign_other(struct settings *s, const struct setting *row, void *field)
{
    if (!row->read(s->value, field))
        return settings_error(s, "%s = %.40s; give %s", s->key, s->value, row->form);
    return 0;
}

int settings_assign(struct settings *s, struct settings_section *section)
{
    const struct setting *row = section->table;
    while (row->key && strcmp(row->key, s->key) != 0)
        row++;
    if (!row->key)
        return unknown_key(s, section);

    size_t index = (size_t)(row - section->table);
    assert(index < 64);
    if (section->seen >> index & 1)
        return settings_error(s, "%s comes a second time; keep one", s->key);
    section->seen |= UINT64_C(1) << index;

    void *field = (uint8_t *)section->target + row->offset;
    switch (row->type) {
    case SETTING_NUMBER: return assign_number(s, row, field);
    case SETTING_CHOICE: return assign_choice(s, row, field);
    case SETTING_TEXT:
    case SETTING_NAME: return assign_text(s, row, field);
    case SETTING_ADDRESS: return assign_address(s, row, field);
    case SETTING_OTHER: return assign_other(s, row, field);
    case SETTING_HEX: break;
    }
    return assign_hex(s, row, field);
}

int settings_finish(struct settings *s, const struct settings_section *section)
{
    for (size_t i = 0; section->table[i].key; i++) {
        const struct setting *row = &section->table[i];
        if (!row->required || section->seen >> i & 1)
            continue;
        if (section->line > 0)
            s->line = section->line;
        if (row->type == SETTING_HEX) /* A key, which nobody can make up. */
            return settings_error(s, "%s is missing; put the file back from its copy", row->key);
        return settings_error(s, "%s is missing; add a line %s = ...", row->key, row->key);
    }
    return 0;
}
