/* From which epoch on a node that has lost what it said may speak again, by what the others say of
 * where they are. Pure.
 *
 * What it said was of epochs of its window. It had sealed the epoch before that window, so N-f nodes
 * took part in it, of which f-1 may lie and one was itself: f+1 others that are correct were no more
 * than a window behind it then, and are not farther back now. Of these, m missing answers leave
 * f+1-m. So what the (f+1-m)-th greatest has open, and two windows more, is beyond all that it can
 * have said, whatever liars say; and where no more are missing than do not lie among those f-1, liars
 * cannot make it more than what a correct node has open. */
#ifndef NODE_LOST_H
#define NODE_LOST_H

#include "node/message.h"

/* Notes what `from` says. A frame may have waited in its queue since before this node lost its data,
 * and come after what was said since: nobody goes back. */
void lost_note(struct word words[], node_id from, const struct word *word);
/* How many others have said where they are, and how many of these that something is agreed. `words`: n,
 * zero of whoever has not. */
unsigned lost_heard(const struct word words[], struct quorum q, node_id self, unsigned *moved);
/* The least epoch of a snapshot to begin with; 0: fewer than N-f others have been heard. */
epoch_id lost_least(const struct word words[], struct quorum q, node_id self, uint64_t window);

#endif
