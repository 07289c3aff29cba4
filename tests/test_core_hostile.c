/* What liars would have of one correct node: its table of instances, its time, its fetches. */
#include "tests/core_liar.h"

static void say_root(node_id from, node_id to, epoch_id epoch, node_id proposer, enum vid_vote vote,
                     const struct hash *root)
{
    uint8_t entry[1 + HASH_SIZE] = {(uint8_t)proposer};
    memcpy(entry + 1, root->bytes, HASH_SIZE);
    const struct message m = {
        .kind = MESSAGE_ROOTS, .epoch = epoch, .roots = {vote, 1, slice_of(entry, sizeof entry)}};
    speak(from, to, DRIVER_VOTES, &m);
}

/* ---- The table of instances ---- */

enum { EPOCHS = 640, HERE = 0 };

static struct hash own_roots[EPOCHS + WINDOW + 1]; /* Of HERE's dispersals, as it says. */

static bool note_own_roots(struct post *p)
{
    struct reader r = sections_of(p);
    struct message m;
    while (p->from == HERE && section_next(&r, p, &m))
        for (unsigned k = 0; m.kind == MESSAGE_ROOTS && k < m.roots.count; k++) {
            node_id proposer;
            struct hash root;
            message_root_entry(&m, k, &proposer, &root);
            if (proposer == HERE && m.epoch <= EPOCHS + WINDOW)
                own_roots[m.epoch] = root;
        }
    return true;
}

/* Four of the six others end an epoch in which nothing of HERE's was accepted. */
static void end_epoch(epoch_id e)
{
    struct message m = {.kind = MESSAGE_VOTES, .epoch = e};
    for (node_id from = 1; from <= 4; from++) {
        m.votes.vote = (struct ba_message){BA_TERM, 0, BA_ONE};
        m.votes.proposers = (struct nodeset){{0x7e}};
        speak(from, HERE, DRIVER_VOTES, &m);
        m.votes.vote.values = BA_ZERO;
        m.votes.proposers = (struct nodeset){{1 << HERE}};
        speak(from, HERE, DRIVER_VOTES, &m);
    }
}

/* Our READY outlives the votes that it followed from, when these give way to those on older
 * instances. A table full of such has room for our own dispersals all the same. */
static void instances_left_with_our_ready_alone_leave_room_for_our_own(void **state)
{
    (void)state;
    cluster_open(7, 2000);
    memset(own_roots, 0, sizeof own_roots);
    for (unsigned k = 0; k < 7; k++)
        if (k != HERE)
            member_crash(&cluster.members[k]);
    cluster.passes = note_own_roots;
    while (word_of(HERE).first_unsealed <= EPOCHS) {
        const epoch_id first = word_of(HERE).first_unsealed;
        for (epoch_id e = first; e < first + WINDOW; e++)
            end_epoch(e);
        cluster_round();
    }
    for (epoch_id block = EPOCHS; block > 0; block -= 64) {
        for (epoch_id e = block - 63; e <= block; e++)
            for (node_id p = 1; p < 7; p++) {
                const struct hash root = hash_bytes(slice_of(&(uint64_t){e << 8 | p}, 8));
                for (node_id from = 1; from <= 3; from++)
                    say_root(from, HERE, e, p, VID_READY, &root);
            }
        cluster_run(2);
    }
    /* One of its own completes: now it may disperse another. */
    const epoch_id last = node_of(HERE)->proposing.last;
    epoch_id own = 1;
    while (hash_equal(&own_roots[own], &(struct hash){{0}}))
        own++;
    for (node_id from = 1; from <= 4; from++)
        say_root(from, HERE, own, HERE, VID_READY, &own_roots[own]);
    submit(HERE);
    cluster_run(10);
    assert_true(node_of(HERE)->proposing.last > last);
    assert_int_equal(node_of(HERE)->proposing.own_open, OPEN_DISPERSALS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORE_TEST(instances_left_with_our_ready_alone_leave_room_for_our_own),
    };
    return cmocka_run_group_tests_name("core hostile", tests, NULL, NULL);
}
