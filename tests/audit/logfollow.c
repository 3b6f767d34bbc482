/* SPDX-License-Identifier: Apache-2.0 */
/* logfollow DIR SIZE PEOPLE: in a folder that logmake made, the log of my-cyberjaya is lost and
 * DIR/next follows it, at SIZE of its entries, by a note that PEOPLE operators signed (3: two,
 * about another tree). Prints what the trust file needs: the new vkey, then name and public key of
 * two operators. For tests. */
#include "crypto/digest.h"
#include "gateway/ledger/logpublish.h"
#include "gateway/ledger/logwitness.h"
#include "schemas/entry.h"
#include "schemas/text.h"
#include "tests/succeeded.h"

#define OLD "my-cyberjaya/gw1/2026h2"
#define NEW "my-cyberjaya/gw1/2026h2b"

static struct succeeded_key old_key, new_key, witness;
static struct succeeded_key people[2];
static char note[SUCCESSION_NOTE_MAX];

/* The keys of logmake. */
static void
key_of(struct succeeded_key *k, const char *name, uint8_t first, uint8_t second)
{
    const uint8_t seed[32] = {first, second};
    k->name = name;
    CHECK_EQ(sign_key_init(&k->key, seed), ERR_OK);
}

static struct logstore *
open_log(const char *dir, const char *name, const struct succeeded_key *k)
{
    char path[512];
    struct logstore *log = NULL;
    struct logstore_config config = {.path = path, .create = true, .segment_bytes = 1 << 20};
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    CHECK_EQ(note_key_init(span_str(k->name), NOTE_ED25519, k->key.pub.pub, &config.key), ERR_OK);
    CHECK_EQ(logstore_open(&config, &log), ERR_OK);
    return log;
}

static struct span
sign_note(struct logstore *old, uint64_t size, size_t count, struct tlog_hash *ret_root)
{
    static char checkpoint[CHECKPOINT_MAX];
    const struct succeeded_key *const who[] = {&people[0], &people[1]};
    CHECK_EQ(logstore_root(old, size, ret_root), ERR_OK);
    if (count > 2) {
        ret_root->b[0] ^= 1; /* a tree that the old log never had */
        count = 2;
    }
    const struct succession s = {.checkpoint = succeeded_checkpoint(
                                     &old_key, &witness, size, ret_root, 1795313940, checkpoint),
                                 .key = succeeded_vkey(&new_key, NOTE_ED25519),
                                 .origin = SPAN_LIT(NEW),
                                 .previous = SPAN_LIT(OLD),
                                 .reason = SPAN_LIT("lost"),
                                 .time_s = 1795313941,
                                 .zone = SPAN_LIT("my-cyberjaya")};
    return succeeded_note(&s, who, count, note);
}

static void
begin(struct logstore *log, struct span bytes, uint64_t size, const struct tlog_hash *root)
{
    static struct entry_scratch scratch;
    const struct entry_head head = {.time_ms = INT64_C(1795313942000)};
    const struct entry_peer prev = {SPAN_LIT(OLD), size, root->b};
    struct logstore_result result;
    struct logstore_item item;
    char buf[4096];
    uint8_t hash[32];
    struct span leaf;
    CHECK_EQ(logwitness_save(log, "succession", bytes), ERR_OK);
    CHECK_EQ(digest_sha256(bytes, hash), ERR_OK);
    CHECK_EQ(entry_write_genesis(&head, SPAN_LIT(NEW), succeeded_vkey(&new_key, NOTE_ED25519),
                                 &prev, hash, buf, sizeof(buf), &leaf),
             ERR_OK);
    CHECK_EQ(logstore_item(leaf, &scratch, &item), ERR_OK);
    CHECK_EQ(logstore_append(log, &item, 1, false, &result), ERR_OK);
}

static void
publish(struct logstore *log)
{
    struct logpublish_ask ask;
    struct note_key key;
    char line[NOTE_LINE_MAX];
    uint8_t sig[64];
    CHECK_EQ(logpublish_ask(log, &ask), ERR_OK);
    CHECK_EQ(sign_ed25519(&new_key.key, span_of(ask.text, ask.text_len), sig), ERR_OK);
    CHECK_EQ(logpublish_checkpoint(log, ask.head.size, sig), ERR_OK);
    const size_t len =
        succeeded_cosign(&witness, span_of(ask.text, ask.text_len), 1795313943, line);
    CHECK_EQ(note_key_init(span_str(witness.name), NOTE_COSIGNATURE, witness.key.pub.pub, &key),
             ERR_OK);
    CHECK_EQ(logpublish_cosignature(log, &key, span_of(line, len)), ERR_OK);
}

int
main(int argc, char **argv)
{
    uint64_t size = 0;
    uint64_t count = 0;
    struct tlog_hash root;
    char hex[65];
    if (argc != 4 || text_parse_u64(span_str(argv[2]), 1000000, &size) != ERR_OK ||
        text_parse_u64(span_str(argv[3]), 3, &count) != ERR_OK)
        return 2;
    CHECK_EQ(digest_init(), ERR_OK);
    CHECK_EQ(sign_init(), ERR_OK);
    key_of(&old_key, OLD, 1, 0);
    key_of(&new_key, NEW, 1, 0);
    key_of(&witness, "cn-lingang/gw1/witness", 2, 1);
    key_of(&people[0], "ann", 5, 7);
    key_of(&people[1], "bob", 6, 7);
    struct logstore *old = open_log(argv[1], "my-cyberjaya", &old_key);
    struct logstore *log = open_log(argv[1], "next", &new_key);
    begin(log, sign_note(old, size, (size_t)count, &root), size, &root);
    publish(log);
    logstore_close(log);
    logstore_close(old);
    const struct span vkey = succeeded_vkey(&new_key, NOTE_ED25519);
    printf("%.*s\n", (int)vkey.len, (const char *)vkey.ptr);
    for (size_t i = 0; i < 2; i++) {
        CHECK_EQ(text_hex(span_of(people[i].key.pub.pub, 32), hex, sizeof(hex)), ERR_OK);
        printf("%s %s\n", people[i].name, hex);
    }
    return test_state.current_failed ? 1 : 0;
}
