/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: msg_decode msg_check msg_encode payload_upload_open_get payload_decide_get
 * payload_note_ask_get payload_peer_verify_get payload_corridor_in_get */
/* A datagram as a captured role may send it, and its body read as every payload there is: what is
 * read is written back to the same bytes, and each vector lies within the body. */
#include "fuzz/fuzz.h"
#include "gateway/core/msg.h"
#include "gateway/core/payload.h"

static uint8_t buf[MSG_BYTES_MAX];

#define BACK(NAME, name)                                                       \
    static void back_##name(struct span body)                                  \
    {                                                                          \
        struct p_##name p;                                                     \
        struct span out;                                                       \
        if (payload_##name##_get(body, &p) != ERR_OK)                          \
            return;                                                            \
        FUZZ_MUST(payload_##name##_put(&p, buf, sizeof(buf), &out) == ERR_OK); \
        FUZZ_MUST(span_eq(out, body));                                         \
    }
PAYLOAD_LIST(BACK)

#define CALL(NAME, name) back_##name(body);

static void
every_payload(struct span body)
{
    PAYLOAD_LIST(CALL)
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct msg m;
    size_t back = 0;
    if (len > MSG_BYTES_MAX)
        return 0;
    if (msg_decode(span_of(data, len), &m) != ERR_OK) {
        every_payload(span_of(data, len < MSG_PAYLOAD_MAX ? len : MSG_PAYLOAD_MAX));
        return 0;
    }
    FUZZ_MUST(m.body.len <= len && m.fd_count == 0 && msg_rule_of(m.type) != NULL);
    FUZZ_MUST(msg_encode(&m, buf, sizeof(buf), &back) == ERR_OK);
    FUZZ_MUST(span_eq(span_of(buf, back), span_of(data, len)));
    /* Whoever says it to whomever: the table answers, and allows only pairs it lets talk. */
    for (enum role_id from = 0; from < ROLE_COUNT; from++) {
        for (enum role_id to = 0; to < ROLE_COUNT; to++) {
            const bool ok = msg_check(&m, from, to, false) == ERR_OK;
            FUZZ_MUST(!ok || (msg_pair_allowed(from, to, false) &&
                              m.body.len <= msg_rule_of(m.type)->bytes_max));
        }
    }
    every_payload(m.body);
    return 0;
}
