/* Cuts the power: makes of the data file of a killed node, and of its notes, what the disk might
 * have held. Of what was not synced each sector is new or old; what was draws it: all, none, or
 * some of each write. lock.mdb, which nobody syncs, becomes noise.
 * usage: cut SEED STORE_DIR...      Prints: sectors that were not synced, and those taken back. */
#include "tests/power/undo.h"
#include "tests/sim/prng.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct cut {
    struct prng prng;
    const char *directory;
    uint64_t pending, taken_back;
};

static void fail(const struct cut *c, const char *what)
{
    fprintf(stderr, "cut: %s: ", c->directory);
    perror(what);
    exit(1);
}

static uint8_t *read_whole(const struct cut *c, const char *name, size_t *size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", c->directory, name);
    FILE *f = fopen(path, "rb");
    struct stat status;
    if (!f || fstat(fileno(f), &status))
        fail(c, path);
    *size = (size_t)status.st_size;
    uint8_t *bytes = calloc(1, *size + 1);
    if (!bytes || fread(bytes, 1, *size, f) != *size)
        fail(c, path);
    fclose(f);
    return bytes;
}

static void write_whole(const struct cut *c, const char *name, const uint8_t *bytes, size_t size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", c->directory, name);
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(bytes, 1, size, f) != size || fclose(f))
        fail(c, path);
}

/* Takes back sectors of one write; the newest write comes first. A sector is settled once it is
 * as the disk has it: what was written there earlier does not matter any more. */
static void undo(struct cut *c, const struct undo_note *n, const uint8_t *old, uint8_t *bytes,
                 size_t size, uint8_t *settled, unsigned of_eight)
{
    const uint64_t end = n->offset + n->size < size ? n->offset + n->size : size;
    for (uint64_t at = n->offset; at < end;) {
        const uint64_t sector = at / UNDO_SECTOR;
        const uint64_t next = (sector + 1) * UNDO_SECTOR < end ? (sector + 1) * UNDO_SECTOR : end;
        const uint64_t into = at - n->offset;
        at = next;
        if (settled[sector])
            continue;
        c->pending += n->type == UNDO_WRITE;
        if (n->type == UNDO_SETTLED || !prng_chance(&c->prng, of_eight, 8)) {
            settled[sector] = 1;
            continue;
        }
        c->taken_back++;
        const uint64_t length = next - (n->offset + into);
        const uint64_t kept = into >= n->kept           ? 0
                              : n->kept - into < length ? n->kept - into
                                                        : length;
        memcpy(bytes + n->offset + into, old + into, kept);
        memset(bytes + n->offset + into + kept, 0, length - kept);
    }
}

/* The notes, newest first: they are found by walking them once. */
static size_t find_notes(const struct cut *c, const uint8_t *notes, size_t size, size_t **starts)
{
    size_t count = 0, capacity = 0, at = 0;
    *starts = NULL;
    while (at + sizeof(struct undo_note) <= size) {
        struct undo_note n;
        memcpy(&n, notes + at, sizeof n);
        if (n.kept > size - at - sizeof n)
            break; /* Killed while it was noted: the write had not begun. */
        if (count == capacity) {
            capacity = capacity ? 2 * capacity : 64;
            *starts = realloc(*starts, capacity * sizeof **starts);
            if (!*starts)
                fail(c, "memory");
        }
        (*starts)[count++] = at;
        at += sizeof n + n.kept;
    }
    return count;
}

static void cut_data(struct cut *c)
{
    size_t size, notes_size, *starts;
    uint8_t *bytes = read_whole(c, UNDO_FILE, &size);
    uint8_t *notes = read_whole(c, UNDO_FILE UNDO_SUFFIX, &notes_size);
    uint8_t *settled = calloc(size / UNDO_SECTOR + 1, 1);
    if (!settled)
        fail(c, "memory");
    const size_t count = find_notes(c, notes, notes_size, &starts);
    static const unsigned all[] = {0, 8, 4, 1, 7};
    const unsigned drawn = all[prng_below(&c->prng, 5)];
    uint64_t end = size;
    for (size_t k = count; k-- > 0;) {
        struct undo_note n;
        memcpy(&n, notes + starts[k], sizeof n);
        undo(c, &n, notes + starts[k] + sizeof n, bytes, size, settled, drawn);
        if (n.type == UNDO_WRITE && n.file_size < end)
            end = n.file_size;
    }
    /* Where it grew: the file ends as it did, or after the last sector that is there now. */
    for (uint64_t sector = end / UNDO_SECTOR; sector * UNDO_SECTOR < size; sector++)
        if (settled[sector])
            end = (sector + 1) * UNDO_SECTOR < size ? (sector + 1) * UNDO_SECTOR : size;
    write_whole(c, UNDO_FILE, bytes, end);
    free(bytes);
    free(notes);
    free(settled);
    free(starts);
}

static void cut_lock(struct cut *c)
{
    size_t size;
    uint8_t *bytes = read_whole(c, "lock.mdb", &size);
    prng_fill(&c->prng, bytes, size);
    write_whole(c, "lock.mdb", bytes, size);
    free(bytes);
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    struct cut c = {0};
    prng_init(&c.prng, strtoull(argv[1], NULL, 10));
    for (int k = 2; k < argc; k++) {
        c.directory = argv[k];
        cut_data(&c);
        cut_lock(&c);
    }
    printf("%llu %llu\n", (unsigned long long)c.pending, (unsigned long long)c.taken_back);
    return 0;
}
