/* Modes: what else the protocol can be, so that each idea can be measured against its absence in
 * one binary. A mode is a row of switches; everything else is shared. It belongs to the chain.
 *
 *   dl          As node.h says.
 *   dl-coupled  A node whose execution is more than COUPLED_LAG epochs behind what is agreed here
 *               puts no transactions into its blocks. It takes part with empty ones.
 *               (One that proposes all the time can keep the others at it where an epoch is
 *               over before the blocks of COUPLED_LAG epochs are fetched. dl has no such rule.)
 *   hb-link     A node proposes in an epoch only when all that the epochs before it deliver is
 *               here, and fetches a block only when an epoch has accepted or linked it.
 *   hb          The same without linking: a dispersal that its own epoch rejects is given up. It is
 *               not fetched and may be dropped; its transactions wait again at its proposer. */
#ifndef NODE_MODE_H
#define NODE_MODE_H

#include <stdbool.h>
#include <stdint.h>

enum node_mode { MODE_DL, MODE_DL_COUPLED, MODE_HB_LINK, MODE_HB, MODES };

enum { COUPLED_LAG = 2 };

struct mode_rules {
    bool links;   /* Else the link horizon is 0: an epoch delivers its accepted blocks alone. */
    bool coupled; /* No transactions while execution is behind. */
    bool in_step; /* Agree, then fetch, then propose again: in effect one epoch in flight. */
};

extern const char *const mode_names[MODES + 1]; /* And NULL. */

struct mode_rules mode_rules(enum node_mode mode);
/* Epochs after which an undelivered dispersal is given up, where linking gives it so many. */
uint64_t mode_horizon(enum node_mode mode, uint64_t link_horizon);

#endif
