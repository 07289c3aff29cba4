/* ledger-cli conformance: the application under test, what it is asked, and the checks. */
#ifndef NODE_CLI_CONFORMANCE_H
#define NODE_CLI_CONFORMANCE_H

#include <sys/types.h>

#include "crypto/hash.h"
#include "node/external.h"

enum {
    SUBJECT_START_MS = 10000, /* So long until it answers, once it was started; */
    SUBJECT_ANSWER_MS = 5000, /* and so long for every later answer. */
    SUBJECT_PATH_MAX = 100,   /* A socket has no longer one. */
    SUBJECT_WHY_MAX = 640,
    SUBJECT_TRANSACTION_MAX = 65536,
    SUBJECT_DUMP_MAX = 256 << 20,
};

/* The application under test: a process, its directory, and two connections to it. Functions that
 * return an int return 0, or -1 with a sentence in `why`. */
struct subject {
    char **command; /* With its last two arguments and a NULL. */
    void *zmq;
    void *requests; /* NULL while it does not run. */
    void *asides;   /* Check and query. */
    pid_t process;
    char home[SUBJECT_PATH_MAX];
    char socket[SUBJECT_PATH_MAX + 16];
    char directory[SUBJECT_PATH_MAX + 16];
    char output[SUBJECT_PATH_MAX + 16]; /* What it said. */
    char why[SUBJECT_WHY_MAX];
};

int subject_open(struct subject *s, char *const command[], int count);
void subject_close(struct subject *s, bool keep); /* `keep`: what it has left behind. */
int subject_empty(struct subject *s);             /* Kills it and leaves an empty directory. */
int subject_start(struct subject *s);             /* With new connections. */
void subject_kill(struct subject *s);             /* Answers that have come can still be read. */
/* True if the process has ended by itself: then `why` says so. */
bool subject_ended(struct subject *s, const char *asked);
__attribute__((format(printf, 2, 3))) int subject_why(struct subject *s, const char *format, ...);

/* What the node asks. An answer that the protocol does not know is a failure, as is none. */
int ask_hello(struct subject *s, const struct hash *chain, int limit_ms, uint64_t *epoch,
              struct hash *root);
int ask_execute(struct subject *s, uint64_t epoch, const struct slice transactions[], size_t count,
                uint8_t outcomes[]);
int ask_finish(struct subject *s, uint64_t epoch, struct hash *root);
int ask_commit(struct subject *s, uint64_t epoch);
int ask_unknown(struct subject *s);
/* An empty record: that was all. Lent until the next question. */
int ask_dump(struct subject *s, uint64_t number, struct slice *record);
int ask_whether_dump(struct subject *s, bool *has); /* It may say no. */
int ask_restore(struct subject *s, uint64_t epoch, const struct hash *root);
int ask_load(struct subject *s, const struct slice records[], size_t count);
/* Execute, before any hello: 0 if it says no. */
int ask_ungreeted(struct subject *s, struct slice transaction);
/* In halves: others are asked meanwhile. */
int send_aside(struct subject *s, const char *word, struct slice bytes);
int receive_aside(struct subject *s, const char *word);
int send_commit(struct subject *s, uint64_t epoch);
bool commit_was_answered(struct subject *s); /* Before it was killed. */

struct planned_epoch {
    uint64_t number;
    size_t first, count; /* Of the transactions. */
    struct hash root;    /* Of the reference run. */
};

struct conformance {
    struct subject subject;
    struct hash chain;
    struct slice *transactions;
    uint8_t *outcomes; /* Of the reference run. */
    uint8_t *came;     /* Of the last request. */
    size_t count;
    struct planned_epoch *epochs;
    size_t epoch_count;
    struct hash beginning;
    uint64_t kills, killed;
    uint64_t half_way[2]; /* Of kills while it committed: how many had not, and had. */
    uint64_t random;
    uint64_t commit_us; /* How long one takes, on average. */
    /* Of the run that is under way. */
    size_t committed;  /* So many of the epochs. */
    bool reference;    /* Answers are not compared, but kept. */
    bool parts;        /* An epoch is cut into some. */
    const char *aside; /* The word that is waiting for its answer on the second connection. */
    char context[160]; /* What was done to it: for `why`. */
    char remark[320];  /* What the line of a check adds to it. */
    int (*between)(struct conformance *c);                /* Any two requests, or NULL. */
    int (*before)(struct conformance *c, size_t epoch_k); /* An epoch, or NULL. May commit it. */
};

uint64_t conformance_below(struct conformance *c, uint64_t bound);
/* A run in a fresh directory, or the parts of one. */
int run_all(struct conformance *c);
int run_begin(struct conformance *c);
int run_hello(struct conformance *c, int limit_ms); /* It tells the last commit. */
int run_execute(struct conformance *c, const struct planned_epoch *e, size_t count);
int run_finish(struct conformance *c, struct planned_epoch *e);
int run_epoch(struct conformance *c, struct planned_epoch *e);
int conformance_why(struct conformance *c, const struct planned_epoch *e, const char *what,
                    const char *expected, const char *came);

int check_first_hello(struct conformance *c);
int check_reference(struct conformance *c);
int check_parts(struct conformance *c);
int check_asides(struct conformance *c);
int check_hello_executed(struct conformance *c);
int check_hello_finished(struct conformance *c);
int check_greeting(struct conformance *c);
int check_unknown(struct conformance *c);
int check_kills(struct conformance *c);
int check_snapshot(struct conformance *c);
int check_anew(struct conformance *c);

#endif
