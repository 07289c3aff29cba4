/* An application in a process of its own, in any language: what node and application say.
 *
 * The application binds a ZeroMQ REP socket; the node connects, twice, and asks. A request is a
 * message of several frames, the first of them a word; so is an answer: "ok" and what is asked for,
 * or "no" and a reason, a line for people. Numbers are 64 bits, big-endian; hashes are 32 bytes.
 *
 *   hello    version "1", chain (hash)   ok, epoch, root: those of its last commit; epoch 0 and the
 *                                        root of its beginning if it has made none. What was
 *                                        executed and not committed is forgotten.
 *   check    transaction                 ok, or no: whether it makes sense. It changes nothing, and
 *                                        what is ok may fail later.
 *   execute  epoch, transaction ...      ok, a byte for each: 1 executed, 2 failed (it had its turn
 *                                        and did nothing), 3 refused (as if it had never come)
 *   finish   epoch                       ok, root: of the state after this epoch
 *   commit   epoch                       ok: what was finished is durable; all of it, or, if the
 *                                        application dies before it answers, perhaps nothing
 *   query    bytes                       ok, bytes, of what is committed; or no
 *   dump     number                      ok, a record of its state as it was committed last, of 1 to
 *                                        204800 bytes of its own making. The number is 0, then
 *                                        ascends; with 0 it may begin again. No bytes: that was all.
 *   restore  epoch, root                 ok: its state is forgotten, and what follows is that after
 *                                        this epoch, which had this root
 *   load     record ...                  ok. Until commit, which makes it durable and the last one
 *
 * Epochs ascend; one that brings nothing is left out. An epoch is executed in one or more parts,
 * then finished, then committed. What an application answers to execute and finish follows from
 * the transactions alone, in their order: not from how they are cut into parts, from time, or
 * from chance. It may die at any time and begin again where it has committed: the node says
 * hello, and gives it again what came after that, from the first epoch if need be; execute before
 * any hello is to be answered no. The node commits first, so that an application is not ahead of
 * it, unless the node has lost its data.
 *
 * Dump, restore and load are for snapshots. When a node keeps too much for others that are
 * behind, or of what it has given to the application (retain_bytes), all take one of the same
 * epoch: nothing is executed meanwhile, and each record is a request, so that many small ones
 * take long. What it stands for is dropped, and an application that has less than that, or more
 * than its node, is restored, and given again what came after. The records follow from the
 * transactions as roots do, byte for byte: who is behind takes what f+1 nodes have alike. An
 * application that says no to dump has no snapshots: then all that was ever ordered is kept, and
 * a node that has lost its data directory stays off. One that dies while it is being restored
 * begins again as it was before, or empty.
 *
 * Transactions are 1 to 65536 bytes. The same bytes are the same transaction and are executed
 * once, whoever submits them how often: an application whose users may want the same thing twice
 * has them put a number into it. A refused one may come again, in a later part. Check and query
 * come on another connection than the rest, between any two requests. */
#ifndef NODE_EXTERNAL_H
#define NODE_EXTERNAL_H

#include "node/application.h"

struct external_options {
    struct hash chain;
    const char *socket; /* Its path; borrowed. */
    struct quorum quorum;
    struct store *snapshots; /* snapshots.h; NULL: none are made. Borrowed. */
};

enum {
    EXTERNAL_NAME_MAX = 100, /* Characters of the path. */
    EXTERNAL_SIDE_MS = 100,  /* For a check or a query; an application that takes longer is not
                              * asked, ... */
    EXTERNAL_REST_MS = 1000, /* ... for so long. */
    EXTERNAL_ANSWER_MAX = 1 << 20,
    EXTERNAL_RECORD_MAX = 200 << 10,
};

/* The port, on a store with ledger_tables, which keeps what the application was given and what it
 * answered: LEDGER_INPUTS. Nothing waits for the application before the first transaction is executed.
 * -1 with `message`. */
int external_open(const struct external_options *options, struct store *store,
                  struct application_port *port, char *message, size_t message_size);

#endif
