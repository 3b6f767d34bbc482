/* SPDX-License-Identifier: Apache-2.0 */
/* A zone of judgekit.h with its keys, its trust file and the packs of the tree, started and
 * stopped. */
#ifndef TDZ_TESTS_UNIT_JUDGE_JUDGEZONE_H
#define TDZ_TESTS_UNIT_JUDGE_JUDGEZONE_H

#include "tests/unit/judge/judgekit.h"

static void
kit_key_json(char **at, const char *role, const char *name, const uint8_t *pub, const char *alg,
             bool last)
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
                    role, alg, id, hex, name, last ? " " : ",");
}

static void
kit_trust_zone(char **at, const char *zone, const struct kit *k)
{
    const uint8_t kem[32] = {(uint8_t)zone[0], 9};
    *at +=
        snprintf(*at, 1024, "\"%s\":{\"ca_pem\":\"x\",\"logs\":[],\"witness\":[],\"keys\":[", zone);
    kit_key_json(at, "gateway", "gateway", k->gateway.pub.pub, "ed25519", false);
    kit_key_json(at, "release", "release", k->release.pub.pub, "ed25519", false);
    kit_key_json(at, "operator", "operator", k->operator_key.pub.pub, "ed25519", false);
    kit_key_json(at, "operator", "approver", k->approver_key.pub.pub, "ed25519", false);
    kit_key_json(at, "kem", "kem", kem, "x25519", true);
    *at += snprintf(*at, 8, "]}");
}

static void
kit_keys(struct kit *k, uint8_t seed)
{
    uint8_t s[32] = {seed};
    CHECK_EQ(sign_key_init(&k->operator_key, s), ERR_OK);
    s[1] = 3;
    CHECK_EQ(sign_key_init(&k->approver_key, s), ERR_OK);
    s[1] = 1;
    CHECK_EQ(sign_key_init(&k->gateway, s), ERR_OK);
    s[1] = 2;
    CHECK_EQ(sign_key_init(&k->release, s), ERR_OK);
    k->now_ms = NOW_MS;
}

static const char *const kit_agreements[] = {"oncology-2026.json", "claims-2026.json"};
static const char *const kit_partners[] = {"hospital-kl.json", "lab-shanghai.json",
                                           "insurer-kl.json", "insurer-sh.json"};

/* Rules put before those of the zones' export documents; NULL: as they are in the tree. */
static const char *kit_rules;

/* An envelope put into the first evidence of oncology-2026; NULL: as it is in the tree. */
static const char *kit_envelope;

static struct span
kit_agreement(const char *packs, const char *name)
{
    static const char mark[] = "\"scope\": \"all fields of the schema\"";
    static char text[1 << 15];
    const struct span file = kit_file(packs, name);
    const char *at = memmem(file.ptr, file.len, mark, sizeof(mark) - 1);
    if (kit_envelope == NULL || at == NULL || strstr(name, "oncology") == NULL)
        return file;
    const size_t before = (size_t)((const uint8_t *)at - file.ptr) + sizeof(mark) - 1;
    const int n = snprintf(text, sizeof(text), "%.*s,\"envelope\":%s%.*s", (int)before,
                           (const char *)file.ptr, kit_envelope, (int)(file.len - before),
                           (const char *)file.ptr + before);
    return kit_copy(span_of(text, (size_t)n));
}

static struct span
kit_export(const char *packs, const char *name)
{
    static const char mark[] = "\"rules\": [";
    static char text[1 << 16];
    const struct span file = kit_file(packs, name);
    const char *at = memmem(file.ptr, file.len, mark, sizeof(mark) - 1);
    CHECK(at != NULL);
    if (kit_rules == NULL || at == NULL)
        return file;
    const size_t before = (size_t)((const uint8_t *)at - file.ptr) + sizeof(mark) - 1;
    const int n = snprintf(text, sizeof(text), "%.*s%s,%.*s", (int)before, (const char *)file.ptr,
                           kit_rules, (int)(file.len - before), (const char *)file.ptr + before);
    return kit_copy(span_of(text, (size_t)n));
}

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
    uint8_t sha256[32];
    const struct span words = k->files[k->file_count - 1].bytes;
    CHECK_EQ(digest_sha256(words, sha256), ERR_OK);
    vocab_finish(&k->vocab);
    CHECK_EQ(vocab_read(&k->vocab, words, sha256, NULL), ERR_OK);
    (void)snprintf(name, sizeof(name), "%s-export.json", prefix);
    kit_add_policy(k, name, kit_export(packs, name));
    (void)snprintf(name, sizeof(name), "%s-import.json", prefix);
    kit_add_policy(k, name, kit_file(packs, name));
    kit_add(k, JUDGE_BOOK_LIST, "tdz.list/1", "sh-cleared-items.json",
            kit_file(packs, "lists/sh-cleared-items.json"));
    kit_add(k, JUDGE_BOOK_LIST, "tdz.list/1", "sh-negative-list.json",
            kit_file(packs, "lists/sh-negative-list.json"));
    for (size_t i = 0; i < sizeof(kit_agreements) / sizeof(kit_agreements[0]); i++) {
        (void)snprintf(name, sizeof(name), "sandbox/agreements/%s", kit_agreements[i]);
        kit_add(k, JUDGE_BOOK_AGREEMENT, "tdz.agreement/1", kit_agreements[i],
                kit_agreement(packs, name));
    }
    for (size_t i = 0; i < sizeof(kit_partners) / sizeof(kit_partners[0]); i++) {
        (void)snprintf(name, sizeof(name), "sandbox/partners/%s", kit_partners[i]);
        kit_add(k, JUDGE_BOOK_PARTNER, "tdz.partner/1", kit_partners[i], kit_file(packs, name));
    }
}

static void
kit_stop(struct kit *k)
{
    judge_finish(&k->j);
    judge_book_free(k->book);
    vocab_finish(&k->vocab);
    k->book = NULL;
}

/* True: ledger has not spoken yet when a judge is started. */
static bool kit_floorless;
static const uint8_t kit_no_transfer[16];

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
    k->j.crossing_margin_s = 3600;
    if (!kit_floorless) {
        const struct p_policy_floor empty = {.documents = {NULL, 0}};
        CHECK_EQ(TELL(k, ROLE_LEDGER, POLICY_FLOOR, policy_floor, &empty, kit_no_transfer,
                      ((struct span){NULL, 0})),
                 ERR_OK);
    }
}

#endif
