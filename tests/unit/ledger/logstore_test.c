/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/ledger/logstore.h"

#include "crypto/cosign.h"
#include "crypto/digest.h"
#include "crypto/proof.h"
#include "gateway/ledger/logpublish.h"
#include "gateway/ledger/logsettle.h"
#include "gateway/ledger/logwitness.h"
#include "tests/slurp.h"
#include "tests/test.h"
#include "tests/unit/ledger/logdisk.h"
#include "tests/unit/ledger/logkit.h"

enum { SEGMENT = 64 * 1024 };

static struct disk disk;
static char text[1024];
static uint8_t bytes[65536];

static void
appends(void)
{
    struct kit kit;
    struct logstore *log = NULL;
    struct logstore *other = NULL;
    struct logstore_result result;
    struct logstore_item item;
    size_t len = 0;
    uint64_t index = 0;
    kit_init(&kit, "my/gw1/2026h2", 1, SEGMENT);
    disk_init(&disk);
    kit.config.io = &disk.io;

    TEST("a new log is empty, locked and says whose it is")
    {
        CHECK_EQ(logstore_open(&kit.config, &log), ERR_OK);
        struct logstore_head head;
        struct tlog_hash empty;
        logstore_head(log, &head);
        CHECK_EQ(tlog_empty_root(&empty), ERR_OK);
        CHECK(head.size == 0 && tlog_hash_eq(&head.root, &empty) && !logstore_quarantined(log));
        CHECK_EQ(logstore_open(&kit.config, &other), ERR_STATE);
        char vkey[NOTE_VKEY_MAX];
        CHECK_EQ(note_key_text(&kit.config.key, vkey), ERR_OK);
        const struct span file = slurp(bytes, sizeof(bytes), kit.path, "log.vkey");
        CHECK(span_eq(span_of(file.ptr, file.len - 1), span_str(vkey)));
        struct stat st;
        (void)snprintf(text, sizeof(text), "%s/private", kit.path);
        CHECK(stat(text, &st) == 0 && (st.st_mode & 0777) == 0700);
    }
    TEST("each batch is one write and one fdatasync, whatever its size")
    {
        uint64_t next = 0;
        for (size_t n = 1; n <= 64; n *= 2) {
            const unsigned writes = disk.writes;
            const unsigned datasyncs = disk.datasyncs;
            CHECK(kit_append(log, next, n));
            CHECK_EQ(disk.writes - writes, 1);
            CHECK_EQ(disk.datasyncs - datasyncs, 1);
            next += n;
        }
        CHECK_EQ(next, 127);
    }
    TEST("the same bytes again give the same index and write nothing; other bytes conflict")
    {
        const unsigned writes = disk.writes;
        item = kit_item(5, text);
        CHECK_EQ(logstore_append(log, &item, 1, false, &result), ERR_OK);
        CHECK(result.err == ERR_OK && result.known && result.index == 5);
        text[30] = text[30] == '0' ? '1' : '0';
        CHECK_EQ(logstore_append(log, &item, 1, false, &result), ERR_OK);
        CHECK(result.err == ERR_CONFLICT && result.index == 5);
        CHECK_EQ(disk.writes, writes);
        struct logstore_item pair[2];
        struct logstore_result results[2];
        static char second[512];
        pair[0] = kit_item(127, text);
        pair[1] = kit_item(127, second);
        CHECK_EQ(logstore_append(log, pair, 2, false, results), ERR_OK);
        CHECK(!results[0].known && results[1].known && results[1].index == 127);
        pair[0] = kit_item(128, text);
        pair[1] = kit_item(128, second);
        second[30] = second[30] == '0' ? '1' : '0';
        CHECK_EQ(logstore_append(log, pair, 2, false, results), ERR_OK);
        CHECK(results[0].err == ERR_OK && results[1].err == ERR_CONFLICT);
    }
    TEST("entries are found by index and by key, and their leaf hash is right")
    {
        for (uint64_t i = 0; i <= 128; i++) {
            struct tlog_hash leaf;
            item = kit_item(i, text);
            CHECK_EQ(logstore_find(log, &item.key, &index), ERR_OK);
            CHECK_EQ(index, i);
            CHECK_EQ(logstore_get(log, i, bytes, sizeof(bytes), &len), ERR_OK);
            CHECK(span_eq(span_of(bytes, len), item.leaf));
            CHECK_EQ(tlog_leaf_hash(item.leaf, &leaf), ERR_OK);
            CHECK_EQ(logstore_append(log, &item, 1, false, &result), ERR_OK);
            CHECK(tlog_hash_eq(&leaf, &result.leaf));
        }
        item.key.n = 77;
        CHECK_EQ(logstore_find(log, &item.key, &index), ERR_NOT_FOUND);
        CHECK_EQ(logstore_get(log, 129, bytes, sizeof(bytes), &len), ERR_NOT_FOUND);
        CHECK_EQ(logstore_get(log, 1, bytes, 10, &len), ERR_FULL);
    }
    TEST("empty, too long and too many entries are refused")
    {
        struct logstore_item none = {.leaf = {bytes, 0}};
        CHECK_EQ(logstore_append(log, &none, 1, false, &result), ERR_OK);
        CHECK_EQ(result.err, ERR_RANGE);
        none.leaf.len = ENTRY_BYTES_MAX + 1;
        CHECK_EQ(logstore_append(log, &none, 1, false, &result), ERR_OK);
        CHECK_EQ(result.err, ERR_RANGE);
        CHECK_EQ(logstore_append(log, &none, 0, false, &result), ERR_RANGE);
        CHECK_EQ(logstore_append(log, &none, LOGSTORE_BATCH_MAX + 1, false, &result), ERR_RANGE);
        static struct entry_scratch scratch;
        CHECK_EQ(logstore_item(SPAN_LIT("{}"), &scratch, &none), ERR_MISSING);
    }
    TEST("a log of another key, another folder and a segment too small are refused")
    {
        logstore_close(log);
        struct logstore_config config = kit.config;
        config.key.name[0] = 'x';
        CHECK_EQ(logstore_open(&config, &log), ERR_CONFIG);
        config = kit.config;
        config.path = "no/such/folder";
        config.create = false;
        CHECK_EQ(logstore_open(&config, &log), ERR_NOT_FOUND);
        config = kit.config;
        config.segment_bytes = 1024;
        CHECK_EQ(logstore_open(&config, &log), ERR_CONFIG);
    }
    kit_remove(&kit);
}

/* Everything in the log is what was put in, and every proof holds. */
static void
check_log(struct logstore *log, uint64_t size)
{
    struct tlog_edge edge;
    struct tlog_hash root;
    struct logstore_head head;
    size_t len = 0;
    tlog_edge_init(&edge);
    logstore_head(log, &head);
    CHECK_EQ(head.size, size);
    for (uint64_t i = 0; i < size; i++) {
        struct tlog_hash leaf;
        const struct logstore_item item = kit_item(i, text);
        CHECK_EQ(logstore_get(log, i, bytes, sizeof(bytes), &len), ERR_OK);
        CHECK(span_eq(span_of(bytes, len), item.leaf));
        CHECK_EQ(tlog_leaf_hash(item.leaf, &leaf), ERR_OK);
        CHECK_EQ(tlog_edge_append(&edge, &leaf, NULL, NULL), ERR_OK);
        if (i % 97 == 0) {
            struct tlog_proof proof;
            CHECK_EQ(logstore_inclusion(log, i, size, &proof), ERR_OK);
            CHECK_EQ(tlog_check_inclusion(&leaf, i, size, &head.root, proof.hash, proof.count), 0);
        }
    }
    CHECK_EQ(tlog_edge_root(&edge, &root), ERR_OK);
    CHECK(tlog_hash_eq(&root, &head.root));
}

static void
restarts(void)
{
    struct kit kit;
    struct logstore *log = NULL;
    kit_init(&kit, "my/gw1/2026h2", 2, SEGMENT);
    TEST("a log over many segments opens again as it was, with and without its tiles")
    {
        uint64_t next = 0;
        CHECK_EQ(logstore_open(&kit.config, &log), ERR_OK);
        for (size_t n = 1; next < 1500; n = n % 90 + 13) {
            CHECK(kit_append(log, next, n));
            next += n;
            if (n % 3 == 0)
                CHECK_EQ(kit_publish(&kit, log), ERR_OK);
        }
        check_log(log, next);
        logstore_close(log);
        CHECK(slurp(bytes, sizeof(bytes), kit.path, "segments/000004.seg").len == SEGMENT);
        CHECK_EQ(logstore_open(&kit.config, &log), ERR_OK);
        check_log(log, next);
        CHECK(!logstore_quarantined(log));
        CHECK(kit_append(log, next, 200));
        next += 200;
        logstore_close(log);
        /* Without one tile, without all of them. */
        (void)snprintf(text, sizeof(text), "%s/tile/0/002", kit.path);
        CHECK_EQ(unlink(text), 0);
        CHECK_EQ(logstore_open(&kit.config, &log), ERR_OK);
        check_log(log, next);
        logstore_close(log);
        CHECK_EQ(slurp(bytes, sizeof(bytes), kit.path, "tile/0/002").len, TILE_BYTES);
        struct kit tiles = kit;
        (void)snprintf(tiles.path, sizeof(tiles.path), "%.200s/tile", kit.path);
        kit_remove(&tiles);
        CHECK_EQ(logstore_open(&kit.config, &log), ERR_OK);
        check_log(log, next);
        logstore_close(log);
        CHECK_EQ(slurp(bytes, sizeof(bytes), kit.path, "tile/0/000").len, TILE_BYTES);
    }
    TEST("an old copy under a newer checkpoint opens quarantined and appends nothing")
    {
        struct kit old;
        struct logstore_result result;
        struct logpublish_ask ask;
        kit_init(&old, "my/gw1/2026h2", 2, SEGMENT);
        CHECK_EQ(logstore_open(&old.config, &log), ERR_OK);
        CHECK(kit_append(log, 0, 3));
        logstore_close(log);
        const struct span note = slurp(bytes, sizeof(bytes), kit.path, "checkpoint");
        CHECK(note.len > 0);
        (void)snprintf(text, sizeof(text), "%s/checkpoint", old.path);
        FILE *f = fopen(text, "wb");
        CHECK(f != NULL && fwrite(note.ptr, 1, note.len, f) == note.len && fclose(f) == 0);
        CHECK_EQ(logstore_open(&old.config, &log), ERR_OK);
        CHECK(logstore_quarantined(log));
        const struct logstore_item item = kit_item(3, text);
        CHECK_EQ(logstore_append(log, &item, 1, false, &result), ERR_QUARANTINE);
        CHECK_EQ(logpublish_ask(log, &ask), ERR_QUARANTINE);
        logstore_close(log);
        kit_remove(&old);
    }
    TEST("a ledger can put its log into quarantine")
    {
        struct logstore_result result;
        CHECK_EQ(logstore_open(&kit.config, &log), ERR_OK);
        logstore_quarantine(log);
        const struct logstore_item item = kit_item(9999, text);
        CHECK_EQ(logstore_append(log, &item, 1, false, &result), ERR_QUARANTINE);
        logstore_close(log);
    }
    kit_remove(&kit);
}

/* 200 power cuts at seeded points of a run of appends, publishes and segment changes. */
static void
power(void)
{
    TEST("after a power cut at any point nothing acknowledged is lost and nothing is half there")
    {
        for (unsigned round = 0; round < 200; round++) {
            struct kit kit;
            struct logstore *log = NULL;
            struct logstore_head head;
            uint64_t seed = 0x5eed0000 + round;
            uint64_t acknowledged = 0;
            uint64_t asked = 0;
            kit_init(&kit, "my/gw1/2026h2", 3, SEGMENT);
            disk_init(&disk);
            kit.config.io = &disk.io;
            disk.cut_at = 20 + (unsigned)(disk_random(&seed) % 160);
            enum err err = logstore_open(&kit.config, &log);
            while (err == ERR_OK && asked < 3000) {
                const size_t n = 1 + (size_t)(disk_random(&seed) % 60);
                const bool good = kit_append(log, asked, n);
                asked += n;
                if (!good)
                    break;
                acknowledged = asked;
                if (disk_random(&seed) % 2 == 0 && kit_publish(&kit, log) != ERR_OK)
                    break;
            }
            disk_power_cut(&disk, kit.path, &seed);
            logstore_close(err == ERR_OK ? log : NULL);
            disk_init(&disk);
            err = logstore_open(&kit.config, &log);
            CHECK_EQ(err, ERR_OK);
            if (err != ERR_OK)
                break;
            logstore_head(log, &head);
            CHECK(!logstore_quarantined(log));
            CHECK(head.size == acknowledged || head.size == asked);
            if (round % 10 == 0)
                check_log(log, head.size);
            CHECK(kit_append(log, head.size, 40));
            CHECK_EQ(kit_publish(&kit, log), ERR_OK);
            logstore_close(log);
            kit_remove(&kit);
            if (test_state.current_failed) {
                printf("# round %u\n", round);
                break;
            }
        }
    }
}

static void
failures(void)
{
    struct kit kit;
    struct logstore *log = NULL;
    struct logstore_result result;
    struct logstore_item item;
    size_t len = 0;
    kit_init(&kit, "my/gw1/2026h2", 4, SEGMENT);
    kit.config.io = &disk.io;
    TEST("a failed fdatasync ends the log: everything after it is refused")
    {
        disk_init(&disk);
        CHECK_EQ(logstore_open(&kit.config, &log), ERR_OK);
        CHECK(kit_append(log, 0, 5));
        disk.fail_sync = disk.datasyncs + disk.syncs + 1;
        item = kit_item(5, text);
        CHECK_EQ(logstore_append(log, &item, 1, false, &result), ERR_IO);
        CHECK_EQ(logstore_append(log, &item, 1, false, &result), ERR_IO);
        CHECK_EQ(logstore_get(log, 0, bytes, sizeof(bytes), &len), ERR_IO);
        CHECK_EQ(kit_publish(&kit, log), ERR_IO);
        logstore_close(log);
        disk_finish(&disk);
    }
    TEST("a full disk refuses before it writes, but lets transfers in flight end in the reserve")
    {
        uint64_t next = 0;
        disk_init(&disk);
        CHECK_EQ(logstore_open(&kit.config, &log), ERR_OK);
        struct logstore_head head;
        logstore_head(log, &head);
        next = head.size;
        disk.full = true;
        while (kit_append(log, next, 1))
            next++;
        const unsigned writes = disk.writes;
        item = kit_item(next, text);
        CHECK_EQ(logstore_append(log, &item, 1, false, &result), ERR_NO_SPACE);
        CHECK(next > 100 && next < 256);
        logstore_head(log, &head);
        CHECK_EQ(head.size, next);
        CHECK(disk.writes - writes <= 2);
        for (unsigned i = 0; i < 20; i++) {
            item = kit_item(next++, text);
            CHECK_EQ(logstore_append(log, &item, 1, true, &result), ERR_OK);
            CHECK_EQ(result.err, ERR_OK);
        }
        while (logstore_append(log, &item, 1, true, &result) == ERR_OK)
            item = kit_item(next++, text);
        CHECK_EQ(logstore_append(log, &item, 1, true, &result), ERR_NO_SPACE);
        next--;
        disk.full = false;
        CHECK(kit_append(log, next, 1));
        check_log(log, next + 1);
        logstore_close(log);
        CHECK_EQ(logstore_open(&kit.config, &log), ERR_OK);
        check_log(log, next + 1);
        logstore_close(log);
    }
    TEST("a damaged byte of an acknowledged entry is not taken for a torn write")
    {
        CHECK_EQ(logstore_open(&kit.config, &log), ERR_OK);
        CHECK_EQ(kit_publish(&kit, log), ERR_OK);
        logstore_close(log);
        (void)snprintf(text, sizeof(text), "%s/segments/000000.seg", kit.path);
        const int fd = open(text, O_RDWR);
        uint8_t byte = 0;
        CHECK(pread(fd, &byte, 1, 700) == 1);
        byte ^= 1;
        CHECK(pwrite(fd, &byte, 1, 700) == 1);
        (void)close(fd);
        CHECK_EQ(logstore_open(&kit.config, &log), ERR_OK);
        CHECK(logstore_quarantined(log));
        logstore_close(log);
    }
    kit_remove(&kit);
}

static void
witnesses(void)
{
    struct kit kit;
    struct kit peer;
    struct logstore *log = NULL;
    struct logstore *foreign = NULL;
    struct logpublish_ask ask;
    char note[CHECKPOINT_MAX];
    char line[NOTE_LINE_MAX];
    uint8_t sig[64];
    uint8_t message[COSIGN_MESSAGE_MAX];
    struct span to_sign;
    struct note_key witness;
    struct note_key parsed_keys[2];
    struct note parsed;
    struct note_signers by;
    struct checkpoint c;
    size_t len = 0;
    size_t line_len = 0;
    kit_init(&kit, "my/gw1/2026h2", 5, SEGMENT);
    kit_init(&peer, "cn/gw1/2026h2", 6, SEGMENT);
    if (note_key_init(SPAN_LIT("cn/gw1/witness"), NOTE_COSIGNATURE, peer.signer.pub.pub, &witness))
        exit(1);
    parsed_keys[0] = kit.config.key;
    parsed_keys[1] = witness;
    if (logstore_open(&kit.config, &log) != ERR_OK || logstore_open(&peer.config, &foreign) != 0)
        exit(1);

    TEST("nothing is published before a signature comes, and a wrong one is refused")
    {
        CHECK_EQ(logpublish_read(log, note, sizeof(note), &len), ERR_NOT_FOUND);
        CHECK_EQ(logpublish_cosignature(log, &witness, SPAN_LIT("x")), ERR_STATE);
        CHECK(kit_append(log, 0, 7));
        memset(sig, 1, sizeof(sig));
        CHECK_EQ(logpublish_checkpoint(log, 7, sig), ERR_SIGNATURE);
        CHECK_EQ(logpublish_checkpoint(log, 8, sig), ERR_RANGE);
        CHECK_EQ(kit_publish(&kit, log), ERR_OK);
        CHECK_EQ(logpublish_ask(log, &ask), ERR_AGAIN);
        CHECK_EQ(logpublish_checkpoint(log, 6, sig), ERR_STATE);
        CHECK_EQ(logpublish_read(log, note, 10, &len), ERR_FULL);
    }
    TEST("a cosignature is merged into the checkpoint, once, and proofs carry it")
    {
        char proof_text[PROOF_TEXT_MAX];
        struct proof proof;
        struct tlog_hash leaf;
        CHECK_EQ(logpublish_read(log, note, sizeof(note), &len), ERR_OK);
        CHECK_EQ(note_parse(span_of(note, len), &parsed), ERR_OK);
        for (uint64_t time = 1795313940; time < 1795313943; time++) {
            CHECK_EQ(cosign_message(time, parsed.text, message, &to_sign), ERR_OK);
            CHECK_EQ(sign_ed25519(&peer.signer, to_sign, sig), ERR_OK);
            CHECK_EQ(cosign_line(&witness, time, sig, line, &line_len), ERR_OK);
            CHECK_EQ(logpublish_cosignature(log, &witness, span_of(line, line_len)), ERR_OK);
        }
        CHECK_EQ(logpublish_read(log, note, sizeof(note), &len), ERR_OK);
        CHECK_EQ(checkpoint_open(span_of(note, len), parsed_keys, 2, &parsed, &by, &c), ERR_OK);
        CHECK(parsed.sig_count == 2 && by.count == 2 && by.by[1].time == 1795313942);
        const struct logstore_item item = kit_item(3, text);
        CHECK_EQ(tlog_leaf_hash(item.leaf, &leaf), ERR_OK);
        CHECK_EQ(logpublish_proof(log, 3, proof_text, sizeof(proof_text), &len), ERR_OK);
        CHECK_EQ(proof_verify(span_of(proof_text, len), &leaf, parsed_keys, 2, &proof, &by, &c), 0);
        CHECK_EQ(by.count, 2);
        CHECK_EQ(logpublish_proof(log, 7, proof_text, sizeof(proof_text), &len), ERR_RANGE);
        CHECK_EQ(logpublish_cosignature(log, &kit.config.key, SPAN_LIT("x")), ERR_TYPE);
        line[line_len - 8] = line[line_len - 8] == 'A' ? 'B' : 'A';
        CHECK_EQ(logpublish_cosignature(log, &witness, span_of(line, line_len)), ERR_SIGNATURE);
        CHECK_EQ(logpublish_cosignature(log, &witness, SPAN_LIT("x\n")), ERR_SYNTAX);
    }
    TEST("a witness follows a foreign log step by step and never back or aside")
    {
        struct logstore_head head;
        struct tlog_proof proof = {.count = 0};
        const struct span origin = span_str(peer.config.key.name);
        CHECK_EQ(logwitness_head(log, origin, &head), ERR_OK);
        CHECK_EQ(head.size, 0);
        CHECK(kit_append(foreign, 100, 5));
        CHECK_EQ(kit_publish(&peer, foreign), ERR_OK);
        CHECK_EQ(logpublish_read(foreign, note, sizeof(note), &len), ERR_OK);
        const struct span first = span_of(note, len);
        CHECK_EQ(logwitness_check(log, &peer.config.key, first, 0, &proof, &head), ERR_OK);
        CHECK_EQ(head.size, 5);
        CHECK_EQ(logwitness_store(log, &peer.config.key, first), ERR_OK);
        CHECK_EQ(logwitness_store(log, &peer.config.key, first), ERR_OK);
        CHECK_EQ(logwitness_check(log, &peer.config.key, first, 0, &proof, &head), ERR_STATE);
        CHECK_EQ(logwitness_check(log, &peer.config.key, first, 6, &proof, &head), ERR_RANGE);
        CHECK_EQ(logwitness_check(log, &kit.config.key, first, 5, &proof, &head), ERR_KEY_UNKNOWN);
        CHECK(kit_append(foreign, 105, 6));
        CHECK_EQ(kit_publish(&peer, foreign), ERR_OK);
        char newer[CHECKPOINT_MAX];
        size_t newer_len = 0;
        CHECK_EQ(logpublish_read(foreign, newer, sizeof(newer), &newer_len), ERR_OK);
        CHECK_EQ(logstore_consistency(foreign, 5, 11, &proof), ERR_OK);
        const struct span second = span_of(newer, newer_len);
        CHECK_EQ(logwitness_check(log, &peer.config.key, second, 5, &proof, &head), ERR_OK);
        proof.hash[0].b[0] ^= 1;
        CHECK_EQ(logwitness_check(log, &peer.config.key, second, 5, &proof, &head), ERR_PROOF);
        CHECK_EQ(logwitness_store(log, &peer.config.key, second), ERR_OK);
        CHECK_EQ(logwitness_store(log, &peer.config.key, first), ERR_STATE);
        CHECK_EQ(logwitness_store(log, &peer.config.key, span_of(bytes, LOGWITNESS_NOTE_MAX + 1)),
                 ERR_TOO_LARGE);
        logstore_close(log);
        CHECK_EQ(logstore_open(&kit.config, &log), ERR_OK);
        CHECK_EQ(logwitness_head(log, origin, &head), ERR_OK);
        CHECK_EQ(head.size, 11);
        CHECK_EQ(logwitness_read(log, origin, newer, 10, &len), ERR_FULL);
        CHECK_EQ(logwitness_read(log, SPAN_LIT("nobody"), newer, sizeof(newer), &len),
                 ERR_NOT_FOUND);
    }
    logstore_close(log);
    logstore_close(foreign);
    kit_remove(&kit);
    kit_remove(&peer);
}

/* Our writer given a foreign log's entries makes that log's files, byte for byte. */
static void
same_as_tessera(const char *vectors)
{
    struct kit kit;
    struct logstore *log = NULL;
    struct logstore_result result;
    static uint8_t want[65536];
    size_t at = 0;
    kit_init(&kit, "example.com/log/testdata", 8, SEGMENT);
    TEST("the entries of a foreign log make the same tiles, bundles and roots at every size")
    {
        CHECK_EQ(logstore_open(&kit.config, &log), ERR_OK);
        const struct span bundle =
            slurp(want, sizeof(want), vectors, "tlog/tessera-log/tile/entries/000.p/15");
        for (unsigned size = 1; size <= 15; size++) {
            struct logstore_item item = {.has_transfer = false};
            CHECK_EQ(tile_entry_next(bundle, &at, &item.leaf), ERR_OK);
            CHECK_EQ(logstore_append(log, &item, 1, false, &result), ERR_OK);
            CHECK_EQ(kit_publish(&kit, log), ERR_OK);
            static uint8_t theirs[65536];
            static const char *const names[] = {"tile/0/000.p", "tile/entries/000.p"};
            for (size_t i = 0; i < 2; i++) {
                const struct span a =
                    slurp(bytes, sizeof(bytes), kit.path, "%s/%u", names[i], size);
                const struct span b = slurp(theirs, sizeof(theirs), vectors,
                                            "tlog/tessera-log/%s/%u", names[i], size);
                CHECK(a.ptr != NULL && b.ptr != NULL && span_eq(a, b));
            }
            const struct span a = slurp(bytes, sizeof(bytes), kit.path, "checkpoint");
            const struct span b =
                slurp(theirs, sizeof(theirs), vectors, "tlog/tessera-log/checkpoint.%u", size);
            struct note ours;
            struct note other;
            CHECK_EQ(note_parse(a, &ours), ERR_OK);
            CHECK_EQ(note_parse(b, &other), ERR_OK);
            CHECK(span_eq(ours.text, other.text));
        }
        logstore_close(log);
    }
    kit_remove(&kit);
}

int
main(int argc, char **argv)
{
    if (argc != 2 || digest_init() != ERR_OK || sign_init() != ERR_OK)
        return 2;
    appends();
    restarts();
    failures();
    witnesses();
    same_as_tessera(argv[1]);
    power();
    return test_end();
}
