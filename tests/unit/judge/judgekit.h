/* SPDX-License-Identifier: Apache-2.0 */
/* One zone's judge over the packs of the tree, and a test that plays every other role. */
#ifndef TDZ_TESTS_UNIT_JUDGE_JUDGEKIT_H
#define TDZ_TESTS_UNIT_JUDGE_JUDGEKIT_H

#include "crypto/crypto.h"
#include "crypto/digest.h"
#include "crypto/filenote.h"
#include "gateway/judge/judge_inner.h"
#include "schemas/text.h"
#include "tests/activated.h"
#include "tests/test.h"

#define NOW_MS INT64_C(1795313940000)

enum { KIT_FILES = 64 };

struct said {
    enum msg_type type;
    size_t len;
    uint8_t body[MSG_PAYLOAD_MAX];
};

#define SAID(said) span_of((said).body, (said).len)

struct kit {
    struct judge j;
    struct judge_book *book;
    struct said answer;
    struct said to_keeper;
    struct said to_clerk;
    enum err keeper_err;
    struct judge_book_file files[KIT_FILES];
    size_t file_count;
    struct sign_key operator_key;
    struct sign_key approver_key;
    struct vocab vocab; /* the packs', for who signs an activation */
    struct sign_key gateway;
    struct sign_key release;
    uint8_t kem_keyid[32];
    int64_t now_ms;
    bool suspect;
};

static void
kit_keep(struct said *said, enum msg_type type, struct span body)
{
    said->type = type;
    said->len = body.len;
    if (body.len > 0)
        memcpy(said->body, body.ptr, body.len);
}

static enum err
kit_send(void *ctx, enum role_id role, enum msg_type type, const uint8_t transfer[static 16],
         struct span body)
{
    struct kit *k = ctx;
    (void)transfer;
    if (role == ROLE_KEEPER && k->keeper_err != ERR_OK)
        return k->keeper_err;
    kit_keep(role == ROLE_KEEPER ? &k->to_keeper : &k->to_clerk, type, body);
    return ERR_OK;
}

static enum err
kit_answer(void *ctx, enum msg_type type, struct span body)
{
    kit_keep(&((struct kit *)ctx)->answer, type, body);
    return ERR_OK;
}

static enum err
kit_tell(struct kit *k, enum role_id from, enum msg_type type, const uint8_t transfer[16],
         struct span body, struct span file)
{
    struct judge_in in = {.type = type,
                          .from = from,
                          .body = body,
                          .file = file,
                          .now_ms = k->now_ms,
                          .clock_suspect = k->suspect};
    memcpy(in.transfer, transfer, 16);
    k->answer.type = MSG_NONE;
    return judge_handle(&k->j, &in);
}

static uint8_t kit_scratch[MSG_PAYLOAD_MAX];

#define TELL(k, from, TYPE, name, p, transfer, file)                                               \
    __extension__({                                                                                \
        struct span body_;                                                                         \
        const enum err put_ = payload_##name##_put((p), kit_scratch, sizeof(kit_scratch), &body_); \
        put_ != ERR_OK ? put_ : kit_tell((k), (from), MSG_##TYPE, (transfer), body_, (file));      \
    })

#define ANSWER(k, name, p) (payload_##name##_get(SAID((k)->answer), (p)) == ERR_OK)

/* What the kit makes lives as long as the test. */
static struct span
kit_copy(struct span bytes)
{
    static uint8_t memory[1 << 22];
    static size_t used;
    uint8_t *copy = memory + used;
    if (bytes.len >= sizeof(memory) - used)
        exit(1);
    memcpy(copy, bytes.ptr, bytes.len);
    used += bytes.len + 1;
    return span_of(copy, bytes.len);
}

static struct span
kit_file(const char *root, const char *name)
{
    char path[1024];
    (void)snprintf(path, sizeof(path), "%s/%s", root, name);
    FILE *f = fopen(path, "rb");
    static uint8_t buf[1 << 18];
    if (f == NULL) {
        printf("Bail out! %s\n", path);
        exit(1);
    }
    const size_t len = fread(buf, 1, sizeof(buf), f);
    (void)fclose(f);
    return kit_copy(span_of(buf, len));
}

static struct span
kit_note(const struct sign_key *key, const char *who, const char *text, size_t len)
{
    struct note_key nk;
    uint8_t sig[64];
    char line[NOTE_LINE_MAX];
    static char out[8192];
    size_t line_len = 0;
    size_t out_len = 0;
    CHECK_EQ(note_key_init(span_str(who), NOTE_ED25519, key->pub.pub, &nk), ERR_OK);
    CHECK_EQ(sign_ed25519(key, span_of(text, len), sig), ERR_OK);
    CHECK_EQ(note_line(&nk, span_of(sig, 64), line, &line_len), ERR_OK);
    CHECK_EQ(note_join(span_of(text, len), span_of(line, line_len), out, sizeof(out), &out_len),
             ERR_OK);
    return kit_copy(span_of(out, out_len));
}

/* A document with its note by the operator of k's zone. */
static void
kit_add(struct kit *k, enum judge_book_kind kind, const char *format, const char *name,
        struct span bytes)
{
    char text[FILENOTE_TEXT_MAX];
    char note_name[256];
    size_t len = 0;
    if (name == NULL || k->file_count + 2 > KIT_FILES)
        exit(1);
    CHECK_EQ(filenote_text(format, span_str(name), bytes, text, &len), ERR_OK);
    (void)snprintf(note_name, sizeof(note_name), "%s.note", name);
    k->files[k->file_count++] = (struct judge_book_file){kind, kit_copy(span_str(name)), bytes};
    k->files[k->file_count++] = (struct judge_book_file){
        kind, kit_copy(span_str(note_name)), kit_note(&k->operator_key, "operator", text, len)};
}

/* A policy with its activation by the two operators of k's zone. */
static void
kit_add_policy(struct kit *k, const char *name, struct span bytes)
{
    const struct activated_person people[] = {{"operator", &k->operator_key},
                                              {"approver", &k->approver_key}};
    char note[ACTIVATED_BYTES_MAX];
    char note_name[256];
    if (k->file_count + 2 > KIT_FILES)
        exit(1);
    const size_t len = activated_note(&k->vocab, bytes, 1000, people, 2, note);
    (void)snprintf(note_name, sizeof(note_name), "%s.activation", name);
    k->files[k->file_count++] =
        (struct judge_book_file){JUDGE_BOOK_POLICY, kit_copy(span_str(name)), bytes};
    k->files[k->file_count++] = (struct judge_book_file){
        JUDGE_BOOK_POLICY, kit_copy(span_str(note_name)), kit_copy(span_of(note, len))};
}

#endif
