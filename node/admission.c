#include "node/admission.h"

enum {
    CREEP = 8, /* What is believed goes an eighth of the way to what is seen. */
    STEP = 16, /* The limit moves by a sixteenth: what is free for newcomers stays free. */
    FAR = 2,   /* Times what fits: then at once. */
};

static uint64_t greater(uint64_t a, uint64_t b) { return a > b ? a : b; }

void admission_init(struct admission *a, uint32_t delay_ms)
{
    *a = (struct admission){.delay_ms = delay_ms, .limit = ADMISSION_FIRST};
}

static uint64_t target_us(const struct admission *a)
{
    return a->delay_ms * UINT64_C(1000) + ADMISSION_PATIENCE * a->base_us;
}

static uint64_t greatest_rate(const struct admission *a)
{
    uint64_t rate = 0;
    for (unsigned i = 0; i < ADMISSION_WINDOWS; i++)
        rate = greater(rate, a->rates[i]);
    return rate;
}

static uint64_t fitting(const struct admission *a)
{
    return greater(greatest_rate(a) * target_us(a) / 1000000, ADMISSION_LEAST);
}

static void believe(struct admission *a, uint64_t delay_us, uint64_t mean)
{
    if (a->base_us == 0 || delay_us < a->base_us ||
        a->limit <= ADMISSION_LEAST + ADMISSION_LEAST / STEP)
        a->base_us = delay_us;
    else if (mean <= fitting(a) / ADMISSION_LITTLE)
        a->base_us += (delay_us - a->base_us) / CREEP;
}

/* With less in hand than fits, what left is what came, and no reason to admit less. How much could
 * be executed is seen only when as much is in hand: where much more fits, that is soon. */
static void adjust(struct admission *a, uint64_t mean)
{
    const uint64_t fits = fitting(a);
    if (mean > FAR * fits || (!a->window.refused && fits > a->limit))
        a->limit = fits;
    else if (mean > fits + fits / STEP)
        a->limit -= a->limit / STEP;
    else if (a->window.refused)
        a->limit = greater(a->limit + a->limit / STEP, fits);
    a->limit = greater(a->limit, ADMISSION_LEAST);
}

/* A window is as long as it takes for all that was in hand when it began to leave: else a burst that
 * comes and goes would seem to be quick. */
static void end_window(struct admission *a)
{
    const uint64_t ms = a->now_ms - a->window.since_ms;
    const uint64_t left = a->window.left;
    if (ms < ADMISSION_WINDOW_MS || left == 0 || left < a->window.begun_with ||
        left < a->window.came / 2)
        return;
    const uint64_t mean = a->window.area / ms;
    a->rates[a->windows++ % ADMISSION_WINDOWS] = left * 1000 / ms;
    believe(a, a->window.area * 1000 / left, mean);
    adjust(a, mean);
    a->window.since_ms = a->now_ms;
    a->window.area = a->window.left = a->window.came = 0;
    a->window.refused = false;
    a->window.begun_with = a->seen;
}

void admission_look(struct admission *a, uint64_t now_ms, uint64_t in_hand)
{
    const uint64_t came = a->in_hand - a->seen;
    if (a->now_ms == 0) {
        a->window.since_ms = now_ms;
        a->window.begun_with = in_hand;
    } else {
        a->window.came += came;
        a->window.area += a->in_hand * (now_ms - a->now_ms);
        a->window.left += greater(a->in_hand, in_hand) - in_hand;
    }
    a->now_ms = now_ms;
    a->in_hand = a->seen = in_hand;
    if (a->window.area == 0 && a->window.left == 0)
        a->window.since_ms = now_ms; /* Nothing was in hand. */
    end_window(a);
}

/* What a client has in hand fades within the target, as what is in hand leaves. */
static uint64_t faded(const struct admission *a, const struct admission_client *c)
{
    const uint64_t target_ms = target_us(a) / 1000, ms = a->now_ms - c->at_ms;
    return ms >= target_ms ? 0 : c->bytes - (c->bytes * ms + target_ms - 1) / target_ms;
}

struct admission_client *admission_client(struct admission *a, uint64_t key)
{
    struct admission_client *found = &a->clients[0];
    uint64_t least = UINT64_MAX;
    for (struct admission_client *c = a->clients; c < a->clients + ADMISSION_CLIENTS; c++) {
        const uint64_t bytes = c->bytes > 0 ? faded(a, c) : 0;
        if (c->key == key && bytes > 0) {
            found = c;
            least = bytes;
            break;
        }
        if (bytes < least) {
            found = c;
            least = bytes;
        }
    }
    if (found->key != key)
        least = 0;
    *found = (struct admission_client){.key = key, .bytes = least, .at_ms = a->now_ms};
    return found;
}

bool admission_admit(struct admission *a, struct admission_client *c, uint64_t bytes)
{
    const uint64_t free = a->limit > a->in_hand ? a->limit - a->in_hand : 0;
    const uint64_t weight =
        bytes < a->limit / 2 ? bytes : a->limit / 2; /* The largest come in too. */
    if (a->delay_ms > 0 && a->in_hand > 0 && c->bytes + weight > ADMISSION_SHARE * free) {
        a->window.refused = true;
        return false;
    }
    a->in_hand += bytes;
    c->bytes += bytes;
    return true;
}

uint32_t admission_retry_ms(const struct admission *a)
{
    const uint64_t ms = target_us(a) / 4000;
    return ms < ADMISSION_RETRY_MS_MIN   ? ADMISSION_RETRY_MS_MIN
           : ms > ADMISSION_RETRY_MS_MAX ? ADMISSION_RETRY_MS_MAX
                                         : (uint32_t)ms;
}
