/* What a power cut would take back of a data file: its writes since it was last synced.
 *
 * undo.so, preloaded into a node, notes beside each DIR/data.mdb, in DIR/data.mdb.undo, what each
 * write is about to overwrite, and empties the note when a sync of the file has returned. A killed
 * process leaves both; `cut` then makes of them what the disk might have held: each sector of what
 * was not synced is new, or as it was. What was written through a descriptor with O_DSYNC is
 * synced when the write returns, and nothing else is.
 *
 * A note is this header and `kept` bytes, those that were there before: the file may have ended
 * earlier. Both programs are of one build. */
#ifndef TESTS_POWER_UNDO_H
#define TESTS_POWER_UNDO_H

#include <stdint.h>

#define UNDO_FILE   "data.mdb"
#define UNDO_SUFFIX ".undo"

enum { UNDO_SECTOR = 512 }; /* A write is torn between these. */

enum undo_type {
    UNDO_WRITE = 1,   /* Is about to be written, or is written. */
    UNDO_SETTLED = 2, /* Is on the disk, whatever was written there before. kept = 0. */
};

struct undo_note {
    uint64_t type;
    uint64_t offset, size; /* Of what is written. */
    uint64_t file_size;    /* Before. */
    uint64_t kept;
};

#endif
