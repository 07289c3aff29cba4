/* Inside of the daemon: what its files share. */
#ifndef NODE_DAEMON_STATE_H
#define NODE_DAEMON_STATE_H

#include <poll.h>

#include "net/transport.h"
#include "node/api.h"
#include "node/asked.h"
#include "node/catch_up.h"
#include "node/clients.h"
#include "node/config.h"
#include "node/daemon.h"
#include "node/execution.h"
#include "node/log.h"
#include "node/peers.h"
#include "node/report.h"
#include "node/retention.h"
#include "node/settle.h"

enum {
    DAEMON_FRAMES = 256, /* Taken in one round of the loop. */
    DAEMON_ITEMS = 5,    /* Waited for beside the transport's sockets. */
    DAEMON_WANTED = 8,   /* Pieces of snapshots that a peer may ask for in one round. */
};

/* The maps' sizes are addresses set aside, not disk or memory: files grow as they are filled, and a disk
 * ends before. */
#define DAEMON_MAP_BYTES ((size_t)4 << 40)
_Static_assert(RETAIN_BYTES_MAX <= DAEMON_MAP_BYTES / 2, "what is kept has room, and then some");

/* What the application asks of the rest, on the thread of the executor. */
struct daemon_checks {
    struct workers *workers;
    struct known *known;
};

struct daemon {
    struct config config;
    struct quorum quorum;
    node_id self;
    struct identity_key identities[NODES_MAX];

    struct store *consensus;
    struct store *ledger;
    struct workers *workers;
    struct known *known;
    struct wanted *wanted;
    struct recent *recent;
    struct daemon_checks checks;
    struct application_port application;
    struct execution *execution;
    struct mempool *mempool;
    struct admission admission;
    struct settler settler;
    struct driver *driver;
    void *zmq;
    bool clients_call; /* There is something of theirs to receive. */
    struct zap *zap;
    struct seals *seals; /* NULL: bulk is encrypted. */
    struct transport *transport;
    struct service *service;
    struct clients *clients;
    struct api *api;
    struct http *http;     /* NULL: none is wanted. */
    uint64_t http_us;      /* When it was last served. */
    bool http_more;        /* There is more to serve at once; but not before ... */
    uint64_t http_rest_us; /* ... so long after http_us. */
    int signals;

    uint64_t now_ms;  /* Monotonic. */
    uint64_t busy_ms; /* When something last happened. */
    bool more;        /* Something was left for the next round. */
    bool draining;
    uint64_t drain_ms;                           /* Since when. */
    enum { MUTE_NOT, MUTE_NEW, MUTE_LOST } mute; /* daemon_lost.c */
    struct {
        uint64_t pinged_ms, heard_ms;
        unsigned others;              /* Heard until heard_ms. */
        struct word words[NODES_MAX]; /* The farthest each has said. */
    } lost;
    struct {
        uint64_t looked_ms, free, reserve; /* Bytes; UINT64_MAX both: not known. */
    } disk;
    struct pollfd *polled; /* Room for all that is waited for. */
    struct transport_frame frames[DAEMON_FRAMES];

    struct {
        struct execution_snapshots making; /* Its store is NULL until it is open. */
        struct catch_up gathering;
        uint64_t looked_ms, offered_ms;
        struct asked asked;
        struct nodeset askers;
        struct retention_peer others[NODES_MAX];
        epoch_id alike;     /* All are to make one of this epoch: none that f+1 have is offered. */
        uint64_t wanted_ms; /* When they were told. */
        epoch_id executed;  /* When it last moved: */
        uint64_t moved_ms;
        bool known, made; /* There is a signed one, there is one not signed yet: */
        struct snapshot_head last, unsigned_one; /* the newest. */
        struct {
            unsigned count;
            struct {
                epoch_id epoch;
                uint32_t index;
            } items[DAEMON_WANTED];
        } wanted[NODES_MAX];
        struct snapshot_head installed;
        struct checkpoint_record installed_record;
        bool again; /* What was gathered is complete: begin with it. */
    } snapshots;

    struct executor_state executed; /* As reported. */
    struct executor_state executed_at_start;
    struct peers peers;
    size_t core_bytes;
    uint64_t peers_ms; /* When they were looked at. */
    struct word words[NODES_MAX];
    struct progress progress; /* daemon_describe.c */
    uint64_t progress_ms;     /* When it was noted. */
    bool progress_of_pieces;
    uint64_t faults[FAULT_COUNT][NODES_MAX];
};

/* daemon_snapshot.c: with what the last run has gathered, if it is ahead of the ledger, in its place.
 * Before the ledger is opened. 0, or -1 with `message`. */
int daemon_open_snapshots(struct daemon *d, char *message, size_t message_size);
void daemon_close_snapshots(struct daemon *d); /* What was not opened is fine. */
/* OFFER, WANT_SNAPSHOT, SNAPSHOT. */
void daemon_hear_snapshot(struct daemon *d, node_id from, const struct message *m);
/* In each round, after the commit. 0, or -1 with `message`. */
int daemon_look_after_snapshots(struct daemon *d, char *message, size_t message_size);
/* daemon_retain.c */
void daemon_open_asked(struct daemon *d);
/* To all that are reached. */
void daemon_say_all(struct daemon *d, const struct message *m);
/* Asks all, now and then, for one of this epoch or later. `waits`: nothing is executed without. */
void daemon_want_snapshot(struct daemon *d, epoch_id least, bool waits);
void daemon_hear_want(struct daemon *d, node_id from, epoch_id epoch);
void daemon_retain(struct daemon *d);
void daemon_describe_snapshots(const struct daemon *d, struct report *r);
/* The snapshot that the ledger began with; NULL: none. */
const struct checkpoint_record *daemon_installed(struct daemon *d);

/* daemon_describe.c: in each round. */
void daemon_note_progress(struct daemon *d);

/* daemon_disk.c: once a second; where its size cannot be known there is room. */
void daemon_look_at_disk(struct daemon *d);
/* No transactions are taken then. */
bool daemon_store_filling(const struct daemon *d);
bool daemon_may_promise(const struct daemon *d); /* To keep others' chunks. */
/* Bytes that the larger of the stores may come to have. */
uint64_t daemon_store_limit(const struct daemon *d);

/* daemon_sockets.c. 0, or -1 with `message`. */
int daemon_open_sockets(struct daemon *d, char *message, size_t message_size);
/* For clients, over ZeroMQ and HTTP. */
int daemon_open_clients(struct daemon *d, char *message, size_t message_size);

/* daemon_recover.c: takes out of the pool what is done, and marks what is in blocks of ours. */
int daemon_recover(struct daemon *d, char *message, size_t message_size);

/* daemon_lost.c: after the driver, and now and then. 0, or -1 with `message`. */
int daemon_open_lost(struct daemon *d, bool lost_data, char *message, size_t message_size);
int daemon_look_after_lost(struct daemon *d, char *message, size_t message_size);

/* daemon_ports.c */
struct driver_ports daemon_ports(struct daemon *d, bool trace);
/* The ledger as it is. */
struct executed daemon_executed(const struct daemon *d);
/* What became of an epoch: for the mempool and the core. */
void daemon_settle(struct daemon *d, const struct execution_report *report);

/* daemon_describe.c */
/* The latest epoch of which f+1 nodes say that it is agreed: one of them is right. */
epoch_id daemon_credible(const struct daemon *d);
/* The latest epoch that this node, or each of f+1 by what they say, has executed. */
epoch_id daemon_settled(const struct daemon *d);
char *daemon_describe(void *context, enum client_kind kind);
void daemon_answer_http(void *context, const struct http_request *request,
                        struct http_answer *answer);

#endif
