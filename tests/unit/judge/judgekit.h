/* SPDX-License-Identifier: Apache-2.0 */
/* One zone's judge over the packs of the tree, and a test that plays every other role. */
#ifndef TDZ_TESTS_UNIT_JUDGE_JUDGEKIT_H
#define TDZ_TESTS_UNIT_JUDGE_JUDGEKIT_H

#include "crypto/crypto.h"
#include "crypto/digest.h"
#include "crypto/filenote.h"
#include "gateway/judge/judge_inner.h"
#include "schemas/text.h"
#include "tests/test.h"

/* What the kit itself makes lives as long as the test; a leak below anything else is reported. */
const char *__lsan_default_suppressions(void);
const char *
__lsan_default_suppressions(void)
{
    return "leak:kit_";
}

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

static struct span
kit_copy(struct span bytes)
{
    uint8_t *memory = malloc(bytes.len + 1);
    if (memory == NULL)
        exit(1);
    memcpy(memory, bytes.ptr, bytes.len);
    return span_of(memory, bytes.len);
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

static void
kit_key_json(char **at, const char *role, const uint8_t *pub, const char *alg, bool last)
{
    char hex[65];
    char id[65];
    uint8_t keyid[32];
    CHECK_EQ(sign_keyid(span_of(pub, 32), keyid), ERR_OK);
    CHECK_EQ(text_hex(span_of(pub, 32), hex, sizeof(hex)), ERR_OK);
    CHECK_EQ(text_hex(span_of(keyid, 32), id, sizeof(id)), ERR_OK);
    *at += snprintf(*at, 1024,
                    "{\"role\":\"%s\",\"alg\":\"%s\",\"keyid\":\"%s\",\"pub\":\"%s\","
                    "\"not_before\":1,\"not_after\":4000000000,\"status\":\"active\","
                    "\"name\":\"%s\"}%s",
                    role, alg, id, hex, role, last ? " " : ",");
}

static void
kit_trust_zone(char **at, const char *zone, const struct kit *k)
{
    const uint8_t kem[32] = {(uint8_t)zone[0], 9};
    *at +=
        snprintf(*at, 1024, "\"%s\":{\"ca_pem\":\"x\",\"logs\":[],\"witness\":[],\"keys\":[", zone);
    kit_key_json(at, "gateway", k->gateway.pub.pub, "ed25519", false);
    kit_key_json(at, "release", k->release.pub.pub, "ed25519", false);
    kit_key_json(at, "operator", k->operator_key.pub.pub, "ed25519", false);
    kit_key_json(at, "kem", kem, "x25519", true);
    *at += snprintf(*at, 8, "]}");
}

static void
kit_keys(struct kit *k, uint8_t seed)
{
    uint8_t s[32] = {seed};
    CHECK_EQ(sign_key_init(&k->operator_key, s), ERR_OK);
    s[1] = 1;
    CHECK_EQ(sign_key_init(&k->gateway, s), ERR_OK);
    s[1] = 2;
    CHECK_EQ(sign_key_init(&k->release, s), ERR_OK);
    k->now_ms = NOW_MS;
}

static const char *const kit_agreements[] = {"oncology-2026.json", "claims-2026.json"};
static const char *const kit_partners[] = {"hospital-kl.json", "lab-shanghai.json",
                                           "insurer-kl.json", "insurer-sh.json"};

/* The files of k's zone; my and cn: both zones with their keys. */
static void
kit_files(struct kit *k, const char *packs, const char *prefix, const struct kit *my,
          const struct kit *cn)
{
    static char trust[16384];
    char name[128];
    char *at = trust;
    at += snprintf(at, 64, "{\"format\":\"tdz.trust/1\",\"zones\":{");
    kit_trust_zone(&at, "cn-lingang", cn);
    at += snprintf(at, 2, ",");
    kit_trust_zone(&at, "my-cyberjaya", my);
    (void)snprintf(at, 64, "},\"quorum\":{}}");
    k->files[k->file_count++] = (struct judge_book_file){JUDGE_BOOK_TRUST, SPAN_LIT("trust.json"),
                                                         kit_copy(span_str(trust))};
    k->files[k->file_count++] = (struct judge_book_file){
        JUDGE_BOOK_VOCABULARY, SPAN_LIT("tdz-core.json"), kit_file(packs, "tdz-core.json")};
    (void)snprintf(name, sizeof(name), "%s-export.json", prefix);
    kit_add(k, JUDGE_BOOK_POLICY, "tdz.policy/1", name, kit_file(packs, name));
    (void)snprintf(name, sizeof(name), "%s-import.json", prefix);
    kit_add(k, JUDGE_BOOK_POLICY, "tdz.policy/1", name, kit_file(packs, name));
    for (size_t i = 0; i < sizeof(kit_agreements) / sizeof(kit_agreements[0]); i++) {
        (void)snprintf(name, sizeof(name), "sandbox/agreements/%s", kit_agreements[i]);
        kit_add(k, JUDGE_BOOK_AGREEMENT, "tdz.agreement/1", kit_agreements[i],
                kit_file(packs, name));
    }
    for (size_t i = 0; i < sizeof(kit_partners) / sizeof(kit_partners[0]); i++) {
        (void)snprintf(name, sizeof(name), "sandbox/partners/%s", kit_partners[i]);
        kit_add(k, JUDGE_BOOK_PARTNER, "tdz.partner/1", kit_partners[i], kit_file(packs, name));
    }
}

static void
kit_start(struct kit *k, const char *zone)
{
    struct fault fault = {.code = ERR_OK};
    const enum err err =
        judge_book_new(span_str(zone), NOW_MS / 1000, k->files, k->file_count, &k->book, &fault);
    if (err != ERR_OK) {
        printf("Bail out! %s %s %u:%u\n", error_name(err), fault.where, fault.line, fault.column);
        exit(1);
    }
    CHECK_EQ(judge_init(&k->j, k->book, 16, 7), ERR_OK);
    k->j.out = (struct judge_out){k, kit_send, kit_answer};
    k->j.facts_max = 8192;
    k->j.offer_valid_s = 7 * 86400;
    k->j.verdict_max_age_s = 900;
}

#endif
