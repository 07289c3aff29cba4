/* What clients say to a node, and what a node says to the tools. */
#include "net/client.h"
#include "tests/fuzz/fuzz.h"

static uint8_t again[CLIENT_FRAME_SIZE_MAX];

static void take_request(struct slice frame)
{
    struct client_request request;
    if (!client_request_decode(frame, &request))
        return;
    if (request.kind == CLIENT_SUBMIT) {
        struct slice rest = request.list.items, transaction;
        uint32_t count = 0;
        for (; client_transaction_next(&rest, &transaction); count++)
            fuzz_require(transaction.size >= 1 && transaction.size <= CLIENT_TRANSACTION_SIZE_MAX);
        fuzz_require(count == request.list.count);
    }
    struct writer w = writer_of(again, sizeof again);
    client_request_encode(&w, &request);
    fuzz_require(w.ok && slice_equal(writer_result(&w), frame));
}

static void take_answer(struct slice frame)
{
    struct client_answer answer;
    if (!client_answer_decode(frame, &answer))
        return;
    const bool list = answer.kind == CLIENT_SUBMIT || answer.kind == CLIENT_TX;
    if (list && answer.result.status == CLIENT_OK) {
        struct slice rest = answer.list.items;
        struct client_result result;
        uint32_t count = 0;
        for (; client_result_next(&rest, &result); count++)
            fuzz_require(result.reason.size <= CLIENT_REASON_MAX);
        fuzz_require(count == answer.list.count);
    }
    struct writer w = writer_of(again, sizeof again);
    client_answer_encode(&w, &answer);
    fuzz_require(w.ok && slice_equal(writer_result(&w), frame));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > CLIENT_FRAME_SIZE_MAX)
        return 0;
    const struct slice frame = slice_of(data + 1, size - 1);
    if (data[0] % 2)
        take_answer(frame);
    else
        take_request(frame);
    return 0;
}
