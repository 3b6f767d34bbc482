/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: judge_note_handle judge_approval_check judge_approval_open judge_votes_read */
/* NOTE_ASK as a captured clerk may send it: u8 kind | u16 length of hold | hold | lines. With an
 * odd kind's second bit the lines are signed by an operator first, for behind the signature there
 * is a reader too. Judge answers exactly once, or calls it a violation; what counts has an entry
 * that a log takes, what does not has a code and no entry. */
#include "crypto/crypto.h"
#include "fuzz/fuzz.h"
#include "gateway/judge/judge_inner.h"
#include "schemas/text.h"

enum { NOTE_MAX = 16384 };

static struct judge judge;
static struct judge_book book;
static struct sign_key operator_key;
static struct p_note_answer answer;
static unsigned answers;
static char trust_text[1024];

static enum err
on_send(void *ctx, enum role_id role, enum msg_type type, const uint8_t transfer[static 16],
        struct span body)
{
    (void)ctx, (void)role, (void)type, (void)transfer, (void)body;
    return ERR_OK;
}

static enum err
on_answer(void *ctx, enum msg_type type, struct span body)
{
    (void)ctx;
    FUZZ_MUST(type == MSG_NOTE_ANSWER && payload_note_answer_get(body, &answer) == ERR_OK);
    answers++;
    return ERR_OK;
}

/* A judge with one operator and no document. */
static void
setup(void)
{
    const uint8_t seed[32] = {7};
    char pub[65];
    char keyid[65];
    FUZZ_MUST(crypto_init() == ERR_OK && sign_key_init(&operator_key, seed) == ERR_OK);
    FUZZ_MUST(text_hex(span_of(operator_key.pub.pub, 32), pub, sizeof(pub)) == ERR_OK);
    FUZZ_MUST(text_hex(span_of(operator_key.pub.keyid, 32), keyid, sizeof(keyid)) == ERR_OK);
    const int n = snprintf(
        trust_text, sizeof(trust_text),
        "{\"format\":\"tdz.trust/1\",\"quorum\":{},\"zones\":{\"z\":{\"ca_pem\":\"\",\"logs\":[],"
        "\"witness\":[],\"keys\":[{\"role\":\"operator\",\"alg\":\"ed25519\",\"keyid\":\"%s\","
        "\"pub\":\"%s\",\"name\":\"op\",\"not_before\":1,\"not_after\":4000000000,\"status\":"
        "\"active\"}]}}}",
        keyid, pub);
    FUZZ_MUST(n > 0 && (size_t)n < sizeof(trust_text));
    memcpy(book.zone, "z", 2);
    FUZZ_MUST(trust_load(span_str(trust_text), &book.trust, NULL) == ERR_OK);
    book.own = trust_find(&book.trust, SPAN_LIT("z"));
    FUZZ_MUST(note_key_init(SPAN_LIT("op"), NOTE_ED25519, operator_key.pub.pub,
                            &book.operators[0]) == ERR_OK);
    book.operator_keys[0] = &book.own->keys[0];
    book.operator_count = 1;
    FUZZ_MUST(judge_init(&judge, &book, 2, 1) == ERR_OK);
    judge.out = (struct judge_out){NULL, on_send, on_answer};
}

/* The signed note of text; an empty span when it cannot be one. */
static struct span
sign(struct span text)
{
    static char out[NOTE_MAX + NOTE_LINE_MAX + 64];
    uint8_t sig[64];
    char line[NOTE_LINE_MAX];
    size_t line_len = 0;
    size_t len = 0;
    FUZZ_MUST(sign_ed25519(&operator_key, text, sig) == ERR_OK);
    FUZZ_MUST(note_line(&book.operators[0], span_of(sig, 64), line, &line_len) == ERR_OK);
    if (note_join(text, span_of(line, line_len), out, sizeof(out), &len) != ERR_OK)
        return (struct span){NULL, 0};
    return span_of(out, len);
}

static void
ask(const struct p_note_ask *p)
{
    static uint8_t body[MSG_PAYLOAD_MAX];
    struct judge_in in = {.type = MSG_NOTE_ASK,
                          .from = ROLE_CLERK,
                          .transfer = {1},
                          .now_ms = INT64_C(1795313940000)};
    struct entry entry;
    struct entry_scratch scratch;
    if (payload_note_ask_put(p, body, sizeof(body), &in.body) != ERR_OK)
        return;
    answers = 0;
    const enum err err = judge_handle(&judge, &in);
    FUZZ_MUST(err == ERR_OK ? answers == 1 : answers == 0);
    if (err != ERR_OK)
        return;
    if (answer.code.len > 0) {
        FUZZ_MUST(answer.entry.len == 0 && answer.detail.len > 0);
        return;
    }
    FUZZ_MUST(entry_read(answer.entry, true, &scratch, &entry, NULL) == ERR_OK);
    FUZZ_MUST(entry.kind == (p->what == NOTE_COUNTER ? ENTRY_COUNTER : ENTRY_APPROVAL));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static bool ready;
    struct p_note_ask p = {.seal_hash = {2}, .held = {3}, .n = 1};
    if (len < 3 || len > NOTE_MAX)
        return 0;
    if (!ready)
        setup();
    ready = true;
    const size_t hold = (size_t)data[1] << 8 | data[2];
    const struct span rest = span_of(data + 3, len - 3);
    p.what = data[0] & 3;
    p.hold = span_of(rest.ptr, hold < rest.len ? hold : rest.len);
    p.note = span_from(rest, p.hold.len);
    if ((data[0] & 4) != 0)
        p.note = sign(p.note);
    p.notes = (data[0] & 8) != 0 ? p.note : (struct span){NULL, 0};
    ask(&p);
    return 0;
}
