#include "crypto/bytes.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#ifdef NDEBUG
#error "assertions are part of the program: they stay on in a release"
#endif

/* memcmp and memcpy want valid pointers even for no bytes, and an empty slice may hold none. */
bool slice_equal(struct slice a, struct slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* In place of no address, from which one may not even count to zero. */
static uint8_t nowhere[1];

struct reader reader_of(struct slice source)
{
    assert(source.data || source.size == 0);
    const uint8_t *start = source.data ? source.data : nowhere;
    return (struct reader){.at = start, .end = start + source.size, .ok = true};
}

/* The next `size` bytes, or NULL when they are not there, and from then on. */
static const uint8_t *take(struct reader *r, size_t size)
{
    if (!r->ok || size > (size_t)(r->end - r->at)) {
        r->ok = false;
        return NULL;
    }
    const uint8_t *taken = r->at;
    r->at += size;
    return taken;
}

void read_into(struct reader *r, void *target, size_t size)
{
    const uint8_t *bytes = take(r, size);
    if (size == 0)
        return;
    if (bytes)
        memcpy(target, bytes, size);
    else
        memset(target, 0, size);
}

uint8_t read_u8(struct reader *r)
{
    uint8_t value;
    read_into(r, &value, sizeof value);
    return value;
}

uint16_t read_u16(struct reader *r)
{
    uint16_t value;
    read_into(r, &value, sizeof value);
    return be16toh(value);
}

uint32_t read_u32(struct reader *r)
{
    uint32_t value;
    read_into(r, &value, sizeof value);
    return be32toh(value);
}

uint64_t read_u64(struct reader *r)
{
    uint64_t value;
    read_into(r, &value, sizeof value);
    return be64toh(value);
}

struct slice read_slice(struct reader *r, size_t size)
{
    const uint8_t *bytes = take(r, size);
    return slice_of(bytes, r->ok ? size : 0);
}

/* Nothing is left of a source that was too short, so that a loop over what is left ends. */
size_t reader_left(const struct reader *r) { return r->ok ? (size_t)(r->end - r->at) : 0; }

bool reader_finished(const struct reader *r) { return r->ok && r->at == r->end; }

struct writer writer_of(void *target, size_t capacity)
{
    assert(target || capacity == 0);
    uint8_t *start = target ? target : nowhere;
    return (struct writer){.start = start, .at = start, .end = start + capacity, .ok = true};
}

void write_bytes(struct writer *w, const void *source, size_t size)
{
    if (!w->ok || size > (size_t)(w->end - w->at)) {
        w->ok = false;
        return;
    }
    if (size == 0)
        return;
    memcpy(w->at, source, size);
    w->at += size;
}

void write_u8(struct writer *w, uint8_t value) { write_bytes(w, &value, sizeof value); }

void write_u16(struct writer *w, uint16_t value)
{
    value = htobe16(value);
    write_bytes(w, &value, sizeof value);
}

void write_u32(struct writer *w, uint32_t value)
{
    value = htobe32(value);
    write_bytes(w, &value, sizeof value);
}

void write_u64(struct writer *w, uint64_t value)
{
    value = htobe64(value);
    write_bytes(w, &value, sizeof value);
}

void write_slice(struct writer *w, struct slice source)
{
    write_bytes(w, source.data, source.size);
}

struct slice writer_result(const struct writer *w)
{
    return slice_of(w->start, w->ok ? (size_t)(w->at - w->start) : 0);
}

void hex_encode(struct slice bytes, char *target)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.size; i++) {
        *target++ = digits[bytes.data[i] >> 4];
        *target++ = digits[bytes.data[i] & 15];
    }
    *target = '\0';
}

/* The value of a hex digit, or -1. */
static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool hex_decode(const char *text, uint8_t *target, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        int high = hex_digit(text[2 * i]);
        /* A text that ends here has no second digit to look at. */
        int low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);
        if (low < 0)
            return false;
        target[i] = (uint8_t)(high << 4 | low);
    }
    return text[2 * size] == '\0';
}
