/* The memory store's other face: what its tests do to it.
 *
 * A store outlives store_close under its path, as a disk does, until store_memory_forget. A
 * commit is durable when store_commit returned 0; a crash loses everything after the last one. */
#ifndef STORAGE_STORE_MEMORY_H
#define STORAGE_STORE_MEMORY_H

#include "storage/store.h"

/* The `countdown`-th call from now (1: the next) of any function that can fail returns
 * `error`, and every later call too until this is called again; 0 turns it off. */
void store_memory_fail(struct store *s, unsigned countdown, int error);
/* Instead, from that call on: the first commit fails and has happened all the same, the disk has it
 * and nobody was told, and only then all fails. */
void store_memory_unsure(struct store *s);
/* Whether that was so. */
bool store_memory_was_unsure(const struct store *s);
/* The process died: closes the store as it is. What was not committed is gone. */
void store_memory_crash(struct store *s);
/* Throws away what `path` holds; not while it is open. */
void store_memory_forget(const char *path);

#endif
