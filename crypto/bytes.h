/* Slices of bytes, and bounded readers and writers over them.
 *
 * A reader never reads past its end and a writer never writes past its end: the
 * first access that would clears `ok`, and from then on every access is a no-op
 * that yields zero. A decoder is therefore straight-line code with one check at
 * its end. Integers are big-endian. Nothing here allocates. */
#ifndef CRYPTO_BYTES_H
#define CRYPTO_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slice {
    const uint8_t *data;
    size_t size;
};

static inline struct slice slice_of(const void *data, size_t size)
{
    return (struct slice){(const uint8_t *)data, size};
}
bool slice_equal(struct slice a, struct slice b);

struct reader {
    const uint8_t *at;
    const uint8_t *end;
    bool ok;
};

struct reader reader_of(struct slice source);
uint8_t read_u8(struct reader *r);
uint16_t read_u16(struct reader *r);
uint32_t read_u32(struct reader *r);
uint64_t read_u64(struct reader *r);
/* Copies `size` bytes to `target`; zeroes it when they are not there. */
void read_into(struct reader *r, void *target, size_t size);
/* Borrows `size` bytes from the source; valid as long as the source is. */
struct slice read_slice(struct reader *r, size_t size);
size_t reader_left(const struct reader *r);
/* True when every read was in bounds and nothing is left over. */
bool reader_finished(const struct reader *r);

struct writer {
    uint8_t *start;
    uint8_t *at;
    uint8_t *end;
    bool ok;
};

struct writer writer_of(void *target, size_t capacity);
void write_u8(struct writer *w, uint8_t value);
void write_u16(struct writer *w, uint16_t value);
void write_u32(struct writer *w, uint32_t value);
void write_u64(struct writer *w, uint64_t value);
void write_bytes(struct writer *w, const void *source, size_t size);
void write_slice(struct writer *w, struct slice source);
/* What has been written, or an empty slice when it did not fit. */
struct slice writer_result(const struct writer *w);

/* Lower-case hex: 2 * size characters and a zero. */
void hex_encode(struct slice bytes, char *target);
/* False unless `text` is exactly 2 * size hex digits, in either case. */
bool hex_decode(const char *text, uint8_t *target, size_t size);

#endif
