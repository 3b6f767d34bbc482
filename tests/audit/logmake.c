/* SPDX-License-Identifier: Apache-2.0 */
/* logmake DIR COUNT: two zones' logs of COUNT transfers, cosigned by each other, a trust file and
 * the evidence of the first transfer, made with the log engine and keys known to everybody. For
 * tests of tdz-audit and of foreign verifiers. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "crypto/cosign.h"
#include "crypto/digest.h"
#include "crypto/proof.h"
#include "crypto/sign.h"
#include "crypto/th.h"
#include "gateway/ledger/logpublish.h"
#include "gateway/ledger/logstore.h"
#include "gateway/ledger/logwitness.h"
#include "schemas/entry.h"
#include "schemas/evidence.h"
#include "schemas/text.h"

struct zone {
    const char *name;
    char path[512];
    struct sign_key log_key;
    struct sign_key witness_key;
    struct note_key log_vkey;
    struct note_key witness_vkey;
    struct logstore *log;
    uint64_t index; /* of the last entry */
    struct tlog_hash leaf;
};

static struct zone zones[2] = {{.name = "my-cyberjaya"}, {.name = "cn-lingang"}};
static const uint8_t salt[32] = {0x5a};

static void
must(enum err err, const char *what)
{
    if (err == ERR_OK)
        return;
    (void)fprintf(stderr, "logmake: %s: %s\n", what, error_name(err));
    exit(1);
}

static void
open_zone(struct zone *z, const char *dir, uint8_t seed)
{
    uint8_t bytes[32] = {seed};
    char name[128];
    struct logstore_config config = {.create = true, .segment_bytes = 1 << 20};
    must(sign_key_init(&z->log_key, bytes), "key");
    bytes[1] = 1;
    must(sign_key_init(&z->witness_key, bytes), "key");
    (void)snprintf(name, sizeof(name), "%s/gw1/2026h2", z->name);
    must(note_key_init(span_str(name), NOTE_ED25519, z->log_key.pub.pub, &z->log_vkey), "vkey");
    (void)snprintf(name, sizeof(name), "%s/gw1/witness", z->name);
    must(note_key_init(span_str(name), NOTE_COSIGNATURE, z->witness_key.pub.pub, &z->witness_vkey),
         "vkey");
    (void)snprintf(z->path, sizeof(z->path), "%s/%s", dir, z->name);
    config.path = z->path;
    config.key = z->log_vkey;
    must(logstore_open(&config, &z->log), "open");
}

static void
append(struct zone *z, struct span leaf)
{
    static struct entry_scratch scratch;
    struct logstore_item item;
    struct logstore_result result;
    must(logstore_item(leaf, &scratch, &item), "entry");
    must(logstore_append(z->log, &item, 1, false, &result), "append");
    must(result.err, "append");
    z->index = result.index;
    z->leaf = result.leaf;
}

/* Publishes z's checkpoint and has the other zone cosign it. */
static void
publish(struct zone *z, struct zone *witness)
{
    struct logpublish_ask ask;
    uint8_t sig[64];
    uint8_t message[COSIGN_MESSAGE_MAX];
    char line[NOTE_LINE_MAX];
    char note[CHECKPOINT_MAX];
    struct span to_sign;
    struct logstore_head head;
    size_t len = 0;
    const uint64_t time = 1795313940;
    must(logpublish_ask(z->log, &ask), "ask");
    must(sign_ed25519(&z->log_key, span_of(ask.text, ask.text_len), sig), "sign");
    must(logpublish_checkpoint(z->log, ask.head.size, sig), "publish");
    must(logpublish_read(z->log, note, sizeof(note), &len), "read");
    must(logwitness_check(witness->log, &z->log_vkey, span_of(note, len), ask.old.size, &ask.proof,
                          &head),
         "witness");
    must(cosign_message(time, span_of(ask.text, ask.text_len), message, &to_sign), "cosign");
    must(sign_ed25519(&witness->witness_key, to_sign, sig), "cosign");
    must(cosign_line(&witness->witness_vkey, time, sig, line, &len), "cosign");
    must(logpublish_cosignature(z->log, &witness->witness_vkey, span_of(line, len)), "merge");
    must(logpublish_read(z->log, note, sizeof(note), &len), "read");
    must(logwitness_store(witness->log, &z->log_vkey, span_of(note, len)), "store");
}

/* decision here, received there, settled here. */
static void
cross(struct zone *from, struct zone *to, uint64_t number)
{
    char buf[4096];
    struct span leaf;
    uint8_t transfer[16] = {0};
    uint8_t commit[32];
    static const uint8_t hash[32] = {1};
    for (size_t i = 0; i < 8; i++)
        transfer[i] = (uint8_t)((number + 1) * UINT64_C(0x9e3779b97f4a7c15) >> (8 * i));
    must(
        TH(commit, "tdz/v1/commit", SPAN_LIT("sender"), span_of(salt, 32), SPAN_LIT("hospital-kl")),
        "commit");
    const struct entry_head head = {
        .time_ms = INT64_C(1795313940000) + (int64_t)number, .transfer = transfer, .has_n = true};
    const struct entry_decision d = {.phase = SPAN_LIT("final"),
                                     .verdict = SPAN_LIT("allow"),
                                     .reason = SPAN_LIT("permitted"),
                                     .record = hash,
                                     .from = span_str(from->name),
                                     .to = span_str(to->name),
                                     .suite = 1,
                                     .bytes = 42 + number,
                                     .offer = hash,
                                     .seal = commit,
                                     .root = hash,
                                     .commit = {.sender = commit, .record = hash}};
    must(entry_write_decision(&head, &d, buf, sizeof(buf), &leaf), "decision");
    append(from, leaf);
    const struct entry_received r = {
        .verdict = SPAN_LIT("allow"),
        .seal = commit,
        .release = hash,
        .commit = {.record = hash},
        .peer = {span_str(from->log_vkey.name), from->index, from->leaf.b}};
    must(entry_write_received(&head, &r, buf, sizeof(buf), &leaf), "received");
    append(to, leaf);
    const struct entry_peer peer = {span_str(to->log_vkey.name), to->index, to->leaf.b};
    must(entry_write_receipt(&head, ENTRY_SETTLED, hash, &peer, buf, sizeof(buf), &leaf),
         "settled");
    append(from, leaf);
}

static FILE *
create(const char *dir, const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *out = fopen(path, "wb");
    if (out == NULL)
        exit(1);
    return out;
}

static void
write_trust(const char *dir)
{
    char vkey[NOTE_VKEY_MAX];
    FILE *out = create(dir, "trust.json");
    (void)fprintf(out, "{\"format\":\"tdz.trust/1\",\"zones\":{");
    for (size_t i = 0; i < 2; i++) {
        must(note_key_text(&zones[i].log_vkey, vkey), "vkey");
        (void)fprintf(out, "%s\"%s\":{\"ca_pem\":\"\",\"logs\":[\"%s\"],", i == 0 ? "" : ",",
                      zones[i].name, vkey);
        must(note_key_text(&zones[i].witness_vkey, vkey), "vkey");
        (void)fprintf(out, "\"witness\":[\"%s\"],\"keys\":[]}", vkey);
    }
    (void)fprintf(out, "},\"quorum\":{\"%s\":[\"%s\"],\"%s\":[\"%s\"]}}\n", zones[0].name,
                  zones[1].name, zones[1].name, zones[0].name);
    (void)fclose(out);
}

static void
add_entry(struct evidence *e, struct zone *z, const char *kind, uint64_t index)
{
    struct evidence_entry *entry = &e->entries[e->entry_count++];
    static uint8_t leaves[8][ENTRY_BYTES_MAX];
    static char proofs[8][PROOF_TEXT_MAX];
    uint8_t *leaf = leaves[e->entry_count];
    size_t len = 0;
    must(logstore_get(z->log, index, leaf, ENTRY_BYTES_MAX, &len), "get");
    entry->leaf = span_of(leaf, len);
    must(logpublish_proof(z->log, index, proofs[e->entry_count], PROOF_TEXT_MAX, &len), "proof");
    entry->proof = span_of(proofs[e->entry_count], len);
    entry->zone = span_str(z->name);
    entry->origin = span_str(z->log_vkey.name);
    entry->kind = span_str(kind);
    entry->index = index;
}

static void
write_evidence(const char *dir)
{
    static struct evidence e;
    static char scratch[65536];
    static char text[262144];
    static char vkeys[2][NOTE_VKEY_MAX];
    struct span out;
    e.state = SPAN_LIT("settled");
    for (size_t i = 0; i < 8; i++)
        e.transfer[i] = (uint8_t)(UINT64_C(0x9e3779b97f4a7c15) >> (8 * i));
    add_entry(&e, &zones[0], "decision", 0);
    add_entry(&e, &zones[1], "received", 0);
    add_entry(&e, &zones[0], "settled", 1);
    e.record_count = 1;
    e.records[0].body = SPAN_LIT("{}");
    must(digest_sha256(e.records[0].body, e.records[0].sha256), "digest");
    e.salt_count = 1;
    e.salts[0] = (struct evidence_salt){.zone = span_str(zones[0].name),
                                        .field = SPAN_LIT("sender"),
                                        .value = SPAN_LIT("hospital-kl")};
    memcpy(e.salts[0].salt, salt, 32);
    e.key_count = 2;
    for (size_t i = 0; i < 2; i++) {
        must(note_key_text(&zones[i].log_vkey, vkeys[i]), "vkey");
        e.keys[i] = span_str(vkeys[i]);
    }
    must(evidence_write(&e, scratch, sizeof(scratch), text, sizeof(text), &out), "evidence");
    FILE *file = create(dir, "evidence.json");
    (void)fwrite(out.ptr, 1, out.len, file);
    (void)fclose(file);
}

int
main(int argc, char **argv)
{
    uint64_t count = 0;
    if (argc != 3 || text_parse_u64(span_str(argv[2]), 10000000, &count) != ERR_OK || count < 2)
        return 2;
    must(digest_init(), "digest");
    must(sign_init(), "sign");
    (void)mkdir(argv[1], 0755);
    open_zone(&zones[0], argv[1], 1);
    open_zone(&zones[1], argv[1], 2);
    for (uint64_t i = 0; i < count; i++) {
        cross(&zones[0], &zones[1], i);
        if (i % 100 == 3 || i + 1 == count) {
            publish(&zones[0], &zones[1]);
            publish(&zones[1], &zones[0]);
        }
    }
    write_trust(argv[1]);
    write_evidence(argv[1]);
    logstore_close(zones[0].log);
    logstore_close(zones[1].log);
    return 0;
}
