/* Gathers a snapshot from those who offer it, when what this node lacks is gone elsewhere.
 *
 * Who has pruned what a peer has not executed offers it a snapshot. When execution has stood
 * still for a while and f+1 have offered one (or for long and one has), the newest is gathered,
 * one that f+1 offer before any other, and no other if nobody has signed what its pieces are: a
 * few pieces at a time, each from another of those who offer it, each verified before it is kept.
 * Who lets one wait is not asked again before all have, or what it was asked for comes. What was
 * kept is there after a restart. One that turns out to be nobody's checkpoint, or does not come, or
 * hardly while others offer another one, goes, and its teller is not believed for a while, nor
 * while another is gathered. No sockets: `ask` sends. One thread. */
#ifndef NODE_CATCH_UP_H
#define NODE_CATCH_UP_H

#include "node/message.h"
#include "node/snapshots.h"

enum {
    CATCH_UP_STILL_MS = 10000, /* Without an epoch executed, once f+1 have offered, ... */
    CATCH_UP_LONG_MS = 60000,  /* ... or one has. */
    CATCH_UP_PIECES = 8,       /* Asked for at a time, at the most. */
    CATCH_UP_PATIENCE_MS =
        3000, /* At first: twice that after each that has not come, until one has. */
    CATCH_UP_PATIENCE_MS_MAX = 60000,
    CATCH_UP_BAN_MS = 600000,
    CATCH_UP_GIVE_UP_MS = 180000, /* Without a piece, ... */
    CATCH_UP_RUN_MS = 1000, /* ... of which one of runs, which may be anything, buys so much, ... */
    CATCH_UP_PIECE_MS =
        2000, /* ... and another, where there is a choice, so much: twice each time. */
};

struct catch_up_ports {
    void *context;
    void (*ask)(void *context, node_id peer, epoch_id epoch, uint32_t index);
    /* An offer or a piece that is none. */
    void (*fault)(void *context, node_id peer);
};

/* What tells one offer from another: all that is nobody's word but the teller's. */
struct catch_up_offer {
    epoch_id epoch; /* 0: none yet. */
    uint64_t accounts, runs, ids;
    uint32_t state_pieces;
    struct hash pieces_root;
};

struct catch_up {
    struct snapshot_rules rules;
    struct store *store;
    struct catch_up_ports ports;
    bool have;      /* An offer, or one that is gathered: `head`. */
    bool gathering; /* It is. */
    struct snapshot_head head;
    node_id teller;                        /* Who told us of its sizes, which nobody signs. */
    struct nodeset offering;               /* This very one. */
    struct nodeset silent;                 /* Who let a piece wait. */
    struct catch_up_offer last[NODES_MAX]; /* Of each. */
    struct nodeset banned;
    uint64_t banned_ms;
    uint64_t heard_ms[NODES_MAX]; /* When each last offered one that was looked at. */
    uint32_t next;                /* Pieces below are here or asked for. */
    unsigned slots;               /* Pieces asked for at a time: fewer when they do not come. */
    uint64_t patience_ms;
    uint64_t moved_ms; /* When the last piece came, or up to when pieces have bought time. */
    uint64_t piece_ms; /* What one buys. */
    node_id turn;
    struct {
        bool open;
        uint32_t index;
        node_id peer;
        uint64_t asked_ms, first_ms; /* First: of whomever. */
    } asked[CATCH_UP_PIECES];
    uint64_t begun_ms; /* Of this run of the program. */
    uint64_t bytes;    /* The same: of pieces that fitted. */
    uint32_t here;     /* Pieces, of snapshot_pieces(&head). */
};

/* Goes on where the store has one that is not complete. `store` and what `rules` refers to stay. */
int catch_up_open(struct catch_up *c, const struct snapshot_rules *rules, struct store *store,
                  const struct catch_up_ports *ports);
/* `executed`: the last epoch executed here. */
void catch_up_offer(struct catch_up *c, node_id from, epoch_id executed, struct slice head,
                    uint64_t now_ms);
int catch_up_piece(struct catch_up *c, node_id from, const struct message *m, uint64_t now_ms);
/* Somebody offers one; what is gathered after a restart nobody may offer any more who is not asked. */
bool catch_up_is_offered(const struct catch_up *c);
/* Somebody offers one, of a kind that f+1 are to offer alike, and no f+1 do. */
bool catch_up_waits(const struct catch_up *c);
/* Now and then. `still_ms`: how long execution has stood still. *complete: there is one to begin
 * with. 0 or a store error. */
int catch_up_tick(struct catch_up *c, epoch_id executed, uint64_t still_ms, uint64_t now_ms,
                  bool *complete);

#endif
