/* SPDX-License-Identifier: Apache-2.0 */
/* Logs for tests: a key, entries made by seed, a folder that is removed again. */
#ifndef TDZ_TESTS_UNIT_LEDGER_LOGKIT_H
#define TDZ_TESTS_UNIT_LEDGER_LOGKIT_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypto/sign.h"
#include "gateway/ledger/logpublish.h"
#include "gateway/ledger/logstore.h"

struct kit {
    char path[256];
    struct sign_key signer;
    struct logstore_config config;
};

static int
kit_unlink(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

__attribute__((unused)) static void
kit_remove(const struct kit *kit)
{
    (void)nftw(kit->path, kit_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

/* A fresh folder name under the test's working folder and the log key of seed. */
__attribute__((unused)) static void
kit_init(struct kit *kit, const char *origin, uint8_t seed, uint64_t segment_bytes)
{
    uint8_t bytes[32] = {seed};
    memset(kit, 0, sizeof(*kit));
    (void)snprintf(kit->path, sizeof(kit->path), "kit-%d-%u-XXXXXX", (int)getpid(), seed);
    if (mkdtemp(kit->path) == NULL || sign_key_init(&kit->signer, bytes) != ERR_OK ||
        note_key_init(span_str(origin), NOTE_ED25519, kit->signer.pub.pub, &kit->config.key) !=
            ERR_OK)
        abort();
    kit->config.path = kit->path;
    kit->config.create = true;
    kit->config.segment_bytes = segment_bytes;
}

/* Entry number i of a made-up corridor, in buf (512 bytes). */
__attribute__((unused)) static struct logstore_item
kit_item(uint64_t i, char *buf)
{
    struct logstore_item item = {.has_transfer = true};
    static struct entry_scratch scratch;
    uint8_t transfer[16] = {0};
    uint8_t hash[32] = {9};
    struct span leaf;
    for (size_t k = 0; k < 8; k++)
        transfer[k] = (uint8_t)(i * UINT64_C(0x9e3779b97f4a7c15) >> (8 * k));
    transfer[15] = (uint8_t)i;
    const struct entry_head head = {
        .time_ms = INT64_C(1795313940000) + (int64_t)i, .transfer = transfer, .has_n = true};
    if (entry_write_receipt(&head, ENTRY_DELIVERED, hash, NULL, buf, 512, &leaf) != ERR_OK ||
        logstore_item(leaf, &scratch, &item) != ERR_OK)
        abort();
    return item;
}

/* Appends entries first..first+count-1 as one batch; true if all are durable. */
__attribute__((unused)) static bool
kit_append(struct logstore *log, uint64_t first, size_t count)
{
    static char text[LOGSTORE_BATCH_MAX][512];
    static struct logstore_item items[LOGSTORE_BATCH_MAX];
    static struct logstore_result results[LOGSTORE_BATCH_MAX];
    for (size_t i = 0; i < count; i++)
        items[i] = kit_item(first + i, text[i]);
    if (logstore_append(log, items, count, false, results) != ERR_OK)
        return false;
    for (size_t i = 0; i < count; i++)
        if (results[i].err != ERR_OK)
            return false;
    return true;
}

/* Signs what the log asks for and publishes it. */
__attribute__((unused)) static enum err
kit_publish(struct kit *kit, struct logstore *log)
{
    struct logpublish_ask ask;
    uint8_t sig[64];
    TRY(logpublish_ask(log, &ask));
    TRY(tlog_check_consistency(ask.old.size, &ask.old.root, ask.head.size, &ask.head.root,
                               ask.proof.hash, ask.proof.count));
    TRY(sign_ed25519(&kit->signer, span_of(ask.text, ask.text_len), sig));
    return logpublish_checkpoint(log, ask.head.size, sig);
}

#endif
