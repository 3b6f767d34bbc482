/* SPDX-License-Identifier: Apache-2.0 */
/* Who may say that a log is followed by another, and of which checkpoint. */
#include "policy/succession.h"

#include "crypto/crypto.h"
#include "schemas/text.h"
#include "tests/succeeded.h"

#define OLD "my/gw1/2026h2"
#define NEW "my/gw1/2026h2b"

static struct succeeded_key old_log, new_log, own_witness, witness, stranger;
static struct succeeded_key ann, bob, carl, ann_two, chen;
static struct trust trust;
static char trust_text[16384];
static char checkpoint[CHECKPOINT_MAX];
static char note[SUCCESSION_NOTE_MAX];
static struct tlog_hash root = {{1, 2, 3}};
static struct succession s;
static struct succession_old old;
static struct fault told;

static size_t
operator_json(char *out, size_t cap, const struct succeeded_key *k, const char *more)
{
    char pub[65];
    CHECK_EQ(text_hex(span_of(k->key.pub.pub, 32), pub, sizeof(pub)), ERR_OK);
    const int n =
        snprintf(out, cap,
                 "{\"role\":\"operator\",\"alg\":\"ed25519\",\"keyid\":\"%064d\",\"pub\":\"%s\","
                 "\"not_before\":1000,\"not_after\":4000000000,\"name\":\"%s\"%s}",
                 0, pub, k->name, more);
    return (size_t)n;
}

#define ACTIVE ",\"status\":\"active\""

static void
setup(void)
{
    char *at = trust_text;
    const char *end = trust_text + sizeof(trust_text);
    succeeded_key(&old_log, OLD, 1);
    succeeded_key(&new_log, NEW, 1); /* the key may be the same: the name is not */
    succeeded_key(&own_witness, "my/gw1/witness", 2);
    succeeded_key(&witness, "cn/gw1/witness", 3);
    succeeded_key(&stranger, "xx/gw1/witness", 4);
    succeeded_key(&ann, "ann", 5);   /* zone-authority */
    succeeded_key(&bob, "bob", 6);   /* any role */
    succeeded_key(&carl, "carl", 7); /* operator alone */
    succeeded_key(&ann_two, "ann-two", 5);
    succeeded_key(&chen, "chen", 8); /* of the other zone */
    const struct span logs[] = {succeeded_vkey(&old_log, NOTE_ED25519),
                                succeeded_vkey(&new_log, NOTE_ED25519)};
    const struct span own = succeeded_vkey(&own_witness, NOTE_COSIGNATURE);
    const struct span other = succeeded_vkey(&witness, NOTE_COSIGNATURE);
    at += snprintf(at, (size_t)(end - at),
                   "{\"format\":\"tdz.trust/1\",\"quorum\":{},\"zones\":{\"cn\":{\"ca_pem\":\"x\","
                   "\"keys\":[");
    at += operator_json(at, (size_t)(end - at), &chen, ACTIVE);
    at += snprintf(at, (size_t)(end - at),
                   "],\"logs\":[],\"witness\":[\"%.*s\"]},\"my\":{\"ca_pem\":\"x\",\"logs\":[\"%.*s"
                   "\",\"%.*s\"],\"witness\":[\"%.*s\"],\"keys\":[",
                   (int)other.len, (const char *)other.ptr, (int)logs[0].len,
                   (const char *)logs[0].ptr, (int)logs[1].len, (const char *)logs[1].ptr,
                   (int)own.len, (const char *)own.ptr);
    at += operator_json(at, (size_t)(end - at), &ann, ACTIVE ",\"roles\":[\"zone-authority\"]");
    *at++ = ',';
    at += operator_json(at, (size_t)(end - at), &bob, ACTIVE);
    *at++ = ',';
    at += operator_json(at, (size_t)(end - at), &carl, ACTIVE ",\"roles\":[]");
    *at++ = ',';
    at += operator_json(at, (size_t)(end - at), &ann_two, ACTIVE);
    at += snprintf(at, (size_t)(end - at), "]}}}");
    const enum err err = trust_load(span_of(trust_text, (size_t)(at - trust_text)), &trust, &told);
    CHECK_EQ(err, ERR_OK);
    s = (struct succession){
        .checkpoint = succeeded_checkpoint(&old_log, &witness, 17, &root, 5000, checkpoint),
        .key = logs[1],
        .origin = SPAN_LIT(NEW),
        .previous = SPAN_LIT(OLD),
        .reason = SPAN_LIT("both disks of the host are gone"),
        .time_s = 6000,
        .zone = SPAN_LIT("my")};
}

/* What comes of reading and checking what these people sign. */
static enum err
checked(const struct succession *what, const struct succeeded_key *const *people, size_t count)
{
    static struct succession_scratch scratch;
    struct succession got;
    struct note parsed;
    told = (struct fault){.code = ERR_OK};
    TRY(succession_read(succeeded_note(what, people, count, note), &scratch, &got, &parsed, &told));
    return succession_check(&got, &parsed, &trust, SPAN_LIT("my"), SPAN_LIT(NEW), &old, &told);
}

static enum err
by(const struct succeeded_key *one, const struct succeeded_key *two)
{
    const struct succeeded_key *people[] = {one, two};
    return checked(&s, people, two == NULL ? 1 : 2);
}

static enum err
with(struct span cosigned)
{
    const struct succeeded_key *people[] = {&ann, &bob};
    struct succession other = s;
    other.checkpoint = cosigned;
    return checked(&other, people, 2);
}

static bool
tells(const char *what)
{
    return strstr(told.where, what) != NULL && told.line > 0 && told.column > 0;
}

static void
test_people(void)
{
    TEST("two persons, one as zone-authority and one as operator, begin a new origin")
    {
        CHECK_EQ(by(&ann, &carl), ERR_OK);
        CHECK(old.size == 17 && tlog_hash_eq(&old.root, &root) && old.cosigned_s == 5000 &&
              strcmp(old.cosigner, witness.name) == 0 && strcmp(old.key.name, OLD) == 0);
        CHECK_EQ(by(&bob, &ann), ERR_OK);
        CHECK_EQ(by(&carl, &bob), ERR_OK); /* bob acts in every role */
    }
    TEST("one person alone does not, nor twice, nor under two names")
    {
        CHECK(by(&ann, NULL) == ERR_DENIED && tells("two persons"));
        CHECK_EQ(by(&bob, NULL), ERR_DENIED);
        CHECK_EQ(by(&bob, &bob), ERR_DENIED);
        CHECK_EQ(by(&ann, &ann_two), ERR_DENIED);
    }
    TEST("two operators of whom nobody is zone-authority do not")
    {
        struct succeeded_key dora;
        succeeded_key(&dora, "carl", 7);
        CHECK_EQ(by(&carl, &dora), ERR_DENIED);
    }
    TEST("operators of another zone and strangers do not count")
    {
        CHECK(by(&ann, &chen) == ERR_DENIED && tells("two persons"));
        CHECK(by(&chen, &stranger) == ERR_KEY_UNKNOWN && tells("no operator"));
    }
    TEST("keys count only when they were valid at its time")
    {
        const struct succeeded_key *people[] = {&ann, &bob};
        struct succession early = s;
        early.time_s = 999;
        CHECK_EQ(checked(&early, people, 2), ERR_KEY_UNKNOWN);
    }
    TEST("a signature that does not verify is refused")
    {
        struct succeeded_key forged = bob;
        forged.key = carl.key;
        memcpy(forged.key.pub.pub, bob.key.pub.pub, 32); /* bob's key id, another's signature */
        CHECK(by(&ann, &forged) == ERR_SIGNATURE && tells("does not verify"));
    }
}

static void
test_places(void)
{
    const struct succeeded_key *people[] = {&ann, &bob};
    struct succession other = s;
    TEST("it is for one zone, one origin and one key, and for another origin than before")
    {
        other.zone = SPAN_LIT("cn");
        CHECK(checked(&other, people, 2) == ERR_CONFLICT && tells("zone"));
        other = s;
        other.origin = SPAN_LIT("my/gw1/2026h2c");
        CHECK(checked(&other, people, 2) == ERR_CONFLICT && tells("origin is another"));
        other = s;
        other.previous = SPAN_LIT(NEW);
        CHECK(checked(&other, people, 2) == ERR_CONFLICT && tells("the same"));
        other = s;
        other.key = succeeded_vkey(&old_log, NOTE_ED25519);
        CHECK(checked(&other, people, 2) == ERR_CONFLICT && tells("key is not"));
        other = s;
        other.previous = SPAN_LIT("my/gw1/2026h1");
        CHECK(checked(&other, people, 2) == ERR_NOT_FOUND && tells("no key of the previous"));
    }
    TEST("the checkpoint is the old log's, signed, cosigned by another zone, and not empty")
    {
        char text[CHECKPOINT_MAX];
        struct tlog_hash none;
        CHECK(with(succeeded_checkpoint(&old_log, NULL, 17, &root, 0, text)) == ERR_KEY_UNKNOWN &&
              tells("not cosigned"));
        CHECK(with(succeeded_checkpoint(&old_log, &own_witness, 17, &root, 1, text)) ==
                  ERR_KEY_UNKNOWN &&
              tells("not cosigned"));
        CHECK_EQ(with(succeeded_checkpoint(&old_log, &stranger, 17, &root, 1, text)),
                 ERR_KEY_UNKNOWN);
        CHECK(with(succeeded_checkpoint(&new_log, &witness, 17, &root, 1, text)) == ERR_CONFLICT &&
              tells("not of the previous"));
        struct succeeded_key forged = old_log;
        forged.key = carl.key;
        CHECK(with(succeeded_checkpoint(&forged, &witness, 17, &root, 1, text)) ==
                  ERR_KEY_UNKNOWN &&
              tells("not signed by the previous"));
        CHECK_EQ(tlog_empty_root(&none), ERR_OK);
        CHECK(with(succeeded_checkpoint(&old_log, &witness, 0, &none, 1, text)) == ERR_RANGE &&
              tells("empty"));
        CHECK(with(SPAN_LIT("nothing")) != ERR_OK && tells("checkpoint is not one"));
    }
    TEST("a cosignature under the witness's name that does not verify is refused")
    {
        char text[CHECKPOINT_MAX];
        struct span c = succeeded_checkpoint(&old_log, &witness, 17, &root, 5000, text);
        text[c.len - 20] = text[c.len - 20] == 'A' ? 'B' : 'A';
        CHECK(with(c) == ERR_SIGNATURE && tells("of checkpoint does not verify"));
    }
}

static void
test_reader(void)
{
    static struct succession_scratch scratch;
    static const struct {
        const char *text;
        enum err err;
    } bad[] = {
        {"x", ERR_SYNTAX},
        {"tdz.origin/2\n{}\n\n\xe2\x80\x94 a AAAAAAAA\n", ERR_VERSION},
        {"tdz.origin/1\n\n\xe2\x80\x94 a AAAAAAAA\n", ERR_TOO_LARGE},
        {"tdz.origin/1\n[]\n\n\xe2\x80\x94 a AAAAAAAA\n", ERR_TYPE},
        {"tdz.origin/1\n{\n\n\xe2\x80\x94 a AAAAAAAA\n", ERR_SHORT},
        {"tdz.origin/1\n{}\n\n\xe2\x80\x94 a AAAAAAAA\n", ERR_MISSING},
        {"tdz.origin/1\n{\"who\":1}\n\n\xe2\x80\x94 a AAAAAAAA\n", ERR_UNKNOWN_FIELD},
        {"tdz.origin/1\n{\"checkpoint\":1}\n\n\xe2\x80\x94 a AAAAAAAA\n", ERR_TYPE},
        {"tdz.origin/1\n{\"checkpoint\":\"c\",\"key\":\"k\",\"origin\":\"o\",\"previous\":\"p\","
         "\"reason\":\"\",\"time\":\"2026-11-22T02:19:00Z\",\"zone\":\"z\"}\n\n\xe2\x80\x94 a "
         "AAAAAAAA\n",
         ERR_RANGE},
        {"tdz.origin/1\n{\"checkpoint\":\"c\",\"key\":\"k\",\"origin\":\"o\",\"previous\":\"p\","
         "\"reason\":\"r\",\"time\":\"today\",\"zone\":\"z\"}\n\n\xe2\x80\x94 a AAAAAAAA\n",
         ERR_SYNTAX},
        {"tdz.origin/1\n{\"checkpoint\":\"c\", \"key\":\"k\",\"origin\":\"o\",\"previous\":\"p\","
         "\"reason\":\"r\",\"time\":\"2026-11-22T02:19:00Z\",\"zone\":\"z\"}\n\n\xe2\x80\x94 a "
         "AAAAAAAA\n",
         ERR_NOT_CANONICAL},
    };
    TEST("what is no such note, or not in its one form, is refused with the place")
    {
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
            struct succession got;
            struct note parsed;
            told = (struct fault){.code = ERR_OK};
            CHECK_EQ(succession_read(span_str(bad[i].text), &scratch, &got, &parsed, &told),
                     bad[i].err);
            CHECK(told.code == bad[i].err && told.line > 0 && told.column > 0);
        }
    }
    TEST("a reason that is empty or too long, and a checkpoint too long, are not written")
    {
        static char many[SUCCESSION_TEXT_MAX];
        char text[SUCCESSION_TEXT_MAX];
        size_t len = 0;
        struct succession other = s;
        memset(many, 'a', sizeof(many));
        other.reason = SPAN_LIT("");
        CHECK_EQ(succession_text(&other, text, &len), ERR_RANGE);
        other.reason = span_of(many, SUCCESSION_REASON_MAX + 1);
        CHECK_EQ(succession_text(&other, text, &len), ERR_RANGE);
        other = s;
        other.checkpoint = span_of(many, sizeof(many));
        CHECK_EQ(succession_text(&other, text, &len), ERR_TOO_LARGE);
        other = s;
        other.time_s = -1;
        CHECK_EQ(succession_text(&other, text, &len), ERR_RANGE);
    }
}

int
main(void)
{
    CHECK_EQ(crypto_init(), ERR_OK);
    setup();
    test_people();
    test_places();
    test_reader();
    trust_free(&trust);
    return test_end();
}
