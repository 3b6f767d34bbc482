/* SPDX-License-Identifier: Apache-2.0 */
/* A log that is lost is followed by another, which two operators begin; its peer watches. */
#include <dirent.h>

#include "crypto/digest.h"
#include "gateway/ledger/ledger_origin.h"
#include "gateway/ledger/ledger_part.h"
#include "tests/succeeded.h"
#include "tests/unit/ledger/ledgerdrive.h"

#define OLD "my-cyberjaya/gw1/2026h2"
#define NEW "my-cyberjaya/gw1/2026h2b"

static const uint8_t id_a[16] = {0xaa, 1};
static struct succeeded_key ann, bob;
static char more_keys[2048];
static char old_path[256];
static char cosigned[CHECKPOINT_MAX]; /* the last checkpoint of the old log */
static size_t cosigned_len;
static struct logstore_head old_head;
static char note[SUCCESSION_NOTE_MAX];

static void
operators(void)
{
    const struct succeeded_key *who[] = {&ann, &bob};
    size_t at = 0;
    succeeded_key(&ann, "ann", 5);
    succeeded_key(&bob, "bob", 6);
    for (size_t i = 0; i < 2; i++) {
        char status[64];
        more_keys[at++] = ',';
        (void)snprintf(status, sizeof(status), "active\",\"name\":\"%s", who[i]->name);
        at += kit_trust_key("operator", &who[i]->key.pub, status, more_keys + at,
                            sizeof(more_keys) - at);
    }
    kit_more_keys = more_keys;
}

/* Two confirmed zones; the log of one is cosigned, closed, and its folder moved away. */
static void
lose(void)
{
    char path[300];
    kit_start();
    CHECK_EQ(kit_open(&kit_my), ERR_OK);
    CHECK_EQ(kit_open(&kit_cn), ERR_OK);
    kit_confirm();
    for (uint32_t n = 1; n <= 4; n++)
        CHECK_EQ(kit_append(&kit_my, id_a, n, "allow", 7).err, 0);
    kit_pump(1000);
    CHECK_EQ(kit_my.l->peers[0].cosigned, 5);
    logstore_head(kit_my.l->log, &old_head);
    (void)snprintf(path, sizeof(path), "%s/checkpoint", kit_my.path);
    FILE *f = fopen(path, "rb");
    cosigned_len = f == NULL ? 0 : fread(cosigned, 1, sizeof(cosigned), f);
    if (f != NULL)
        (void)fclose(f);
    kit_close(&kit_my);
    (void)snprintf(old_path, sizeof(old_path), "%.200s-old", kit_my.path);
    CHECK(rename(kit_my.path, old_path) == 0 && mkdir(kit_my.path, 0700) == 0);
    (void)snprintf(kit_my.next, sizeof(kit_my.next), "%s", NEW);
    kit_write_trust();
    CHECK_EQ(ledger_reload(kit_cn.l, span_str(kit_trust), 2, 10), ERR_OK);
    (void)snprintf(kit_my.origin, sizeof(kit_my.origin), "%s", NEW);
    kit_keeper_start(&kit_my, 1);
    kit_my.mono_ms += 1000;
}

static void
lose_end(void)
{
    char path[256];
    kit_stop();
    memcpy(path, kit_my.path, sizeof(path));
    memcpy(kit_my.path, old_path, sizeof(kit_my.path));
    (void)nftw(kit_my.path, kit_unlink, 16, FTW_DEPTH | FTW_PHYS);
    memcpy(kit_my.path, path, sizeof(path));
}

/* The note of that checkpoint, signed by people, as the configuration names it. */
static void
name_note(struct span checkpoint, size_t people)
{
    static const struct succeeded_key *const who[] = {&ann, &bob};
    char vkey[NOTE_VKEY_MAX];
    CHECK_EQ(note_key_text(&kit_my.k.log_vkey, vkey), ERR_OK);
    const struct succession s = {.checkpoint = checkpoint,
                                 .key = span_str(vkey),
                                 .origin = SPAN_LIT(NEW),
                                 .previous = SPAN_LIT(OLD),
                                 .reason = SPAN_LIT("lost"),
                                 .time_s = KIT_WALL,
                                 .zone = SPAN_LIT("my-cyberjaya")};
    kit_my.succession = succeeded_note(&s, who, people, note);
}

static unsigned
files(void)
{
    unsigned count = 0;
    DIR *dir = opendir(kit_my.path);
    for (const struct dirent *d = dir == NULL ? NULL : readdir(dir); d != NULL; d = readdir(dir))
        count += d->d_name[0] != '.' ? 1 : 0;
    if (dir != NULL)
        (void)closedir(dir);
    return count;
}

/* Does not start, says so, and the folder is as empty as before. */
static bool
refused(const char *why)
{
    kit_my.told[0] = 0;
    const bool got = kit_open(&kit_my) == ERR_CONFIG;
    return got && strstr(kit_my.told, why) != NULL && files() == 0;
}

static struct entry
entry_at(struct kit_zone *z, uint64_t index)
{
    static uint8_t leaf[ENTRY_BYTES_MAX];
    struct entry e = {.kind = ENTRY_OTHER};
    size_t len = 0;
    CHECK_EQ(logstore_get(z->l->log, index, leaf, sizeof(leaf), &len), ERR_OK);
    CHECK_EQ(entry_read(span_of(leaf, len), true, z->l->scratch, &e, NULL), ERR_OK);
    return e;
}

static void
head_seen(const char *origin, const struct logstore_head *head)
{
    struct p_head_seen p = {.size = head->size, .origin = span_str(origin)};
    memcpy(p.root, head->root.b, 32);
    CHECK_EQ(KIT_TELL(&kit_my, ROLE_CLERK, HEAD_SEEN, head_seen, kit_none, &p), ERR_OK);
}

static struct p_ledger_state
told_clerk(void)
{
    struct p_ledger_state s = {0};
    CHECK_EQ(payload_ledger_state_get(span_of(kit_my.to_clerk.body, kit_my.to_clerk.len), &s),
             ERR_OK);
    return s;
}

static void
refusals(void)
{
    char text[CHECKPOINT_MAX];
    const struct span last = span_of(cosigned, cosigned_len);
    TEST("an empty folder after an earlier log does not begin by itself, and nothing is written")
    {
        CHECK(refused("files.succession must name the note"));
    }
    TEST("nor with a note that is none, one signature, or of another gateway's configuration")
    {
        kit_my.succession = SPAN_LIT("");
        kit_my.succession.ptr = (const uint8_t *)text; /* a file, an empty one */
        CHECK(refused("signed note"));
        kit_my.succession = SPAN_LIT("tdz.origin/1");
        CHECK(refused("signed note"));
        name_note(last, 1);
        CHECK(refused("two persons must sign it"));
        name_note(last, 2);
        (void)snprintf(kit_my.origin, sizeof(kit_my.origin), "%s", OLD);
        CHECK(refused("origin is another one"));
        (void)snprintf(kit_my.origin, sizeof(kit_my.origin), "%s", NEW);
    }
    TEST("nor with a checkpoint that nobody cosigned")
    {
        struct note parsed;
        char own[NOTE_LINE_MAX];
        size_t len = 0;
        CHECK_EQ(note_parse(last, &parsed), ERR_OK);
        const uint8_t *first = parsed.text.ptr + parsed.text.len + 1;
        const uint8_t *end = memchr(first, '\n', 400);
        CHECK(end != NULL && (size_t)(end + 1 - first) < sizeof(own));
        CHECK_EQ(note_join(parsed.text, span_of(first, (size_t)(end + 1 - first)), text,
                           sizeof(text), &len),
                 ERR_OK);
        name_note(span_of(text, len), 2);
        CHECK(refused("not cosigned by a witness of another zone"));
    }
    TEST("nor over the old folder, which stays as it is")
    {
        char new_path[256];
        memcpy(new_path, kit_my.path, sizeof(new_path));
        memcpy(kit_my.path, old_path, sizeof(kit_my.path));
        name_note(last, 2);
        CHECK_EQ(kit_open(&kit_my), ERR_CONFIG);
        CHECK(strstr(kit_my.told, "another origin or key") != NULL);
        memcpy(kit_my.path, new_path, sizeof(new_path));
    }
}

static void
begins(void)
{
    TEST("the note of two operators begins a log whose genesis names the old one's last checkpoint")
    {
        struct entry_place place;
        uint8_t hash[32];
        uint8_t said[32];
        name_note(span_of(cosigned, cosigned_len), 2);
        CHECK_EQ(kit_open(&kit_my), ERR_OK);
        CHECK_EQ(kit_my.notes[EVENT_LOG_BEGUN], 1);
        const struct entry e = entry_at(&kit_my, 0);
        CHECK(e.kind == ENTRY_GENESIS && entry_get_place(&e, "prev", &place) == ERR_OK &&
              span_eq_str(place.origin, OLD) && place.index == old_head.size &&
              memcmp(place.leaf, old_head.root.b, 32) == 0);
        CHECK_EQ(digest_sha256(kit_my.succession, hash), ERR_OK);
        CHECK(entry_get_hash(&e, "note", said) == ERR_OK && memcmp(said, hash, 32) == 0);
        size_t len = 0;
        CHECK_EQ(logwitness_load(kit_my.l->log, "succession", kit_my.l->text,
                                 sizeof(kit_my.l->text), &len),
                 ERR_OK);
        CHECK(span_eq(span_of(kit_my.l->text, len), kit_my.succession));
    }
    TEST(
        "a database of the old log is told to come over, whole or not, and nothing is taken before")
    {
        struct logstore_head less = {.size = old_head.size - 1};
        struct logstore_head fork = {.size = old_head.size};
        struct logstore_head ahead = {.size = old_head.size + 9};
        CHECK_EQ(kit_append(&kit_my, id_a, 5, "allow", 7).err, (uint16_t)-ERR_AGAIN);
        head_seen(OLD, &old_head);
        CHECK_EQ(told_clerk().succeeds, 0); /* no peer was asked about the old log yet */
        kit_link_up(&kit_my, true);
        kit_pump(100);
        CHECK(told_clerk().succeeds == 1 && span_eq_str(told_clerk().prev_origin, OLD) &&
              told_clerk().prev_size == old_head.size && told_clerk().compared == 0);
        head_seen(OLD, &ahead);
        CHECK_EQ(told_clerk().succeeds, 1);
        head_seen(OLD, &less);
        CHECK_EQ(told_clerk().succeeds, 2);
        head_seen(OLD, &fork);
        CHECK_EQ(told_clerk().succeeds, 2);
        head_seen("", &(struct logstore_head){0});
        CHECK_EQ(told_clerk().succeeds, 2);
        CHECK_EQ(kit_append(&kit_my, id_a, 5, "allow", 7).err, (uint16_t)-ERR_AGAIN);
        CHECK_EQ(kit_my.l->state, LOG_UNCONFIRMED);
        head_seen(NEW, &(struct logstore_head){0});
        CHECK(told_clerk().succeeds == 0 && told_clerk().compared == 1);
        CHECK_EQ(kit_append(&kit_my, id_a, 4, "allow", 7).index, 1); /* said again */
    }
    TEST("the new log is confirmed and cosigned; the peer enters what it knows of the old one")
    {
        struct logstore_head peer;
        struct span code;
        struct span detail;
        logstore_head(kit_cn.l->log, &peer);
        kit_pump(2000);
        CHECK_EQ(kit_my.l->state, LOG_CONFIRMED);
        CHECK_EQ(kit_my.l->peers[0].cosigned, 2);
        const struct entry e = entry_at(&kit_cn, peer.size);
        CHECK(e.kind == ENTRY_INCIDENT && entry_get_str(&e, "code", &code) == ERR_OK &&
              span_eq_str(code, "origin-new") && entry_get_str(&e, "detail", &detail) == ERR_OK &&
              span_eq_str(detail, NEW " follows " OLD " at 5"));
        struct logstore_head now;
        kit_pump(2000);
        logstore_head(kit_cn.l->log, &now);
        CHECK_EQ(now.size, peer.size + 1); /* once */
    }
    TEST("it starts again with the note, without it, and not with another one")
    {
        kit_close(&kit_my);
        CHECK_EQ(kit_open(&kit_my), ERR_OK);
        CHECK_EQ(kit_my.notes[EVENT_LOG_BEGUN], 1);
        kit_close(&kit_my);
        kit_more_keys = ""; /* who signed has left since */
        kit_write_trust();
        CHECK_EQ(kit_open(&kit_my), ERR_OK);
        kit_close(&kit_my);
        kit_more_keys = more_keys;
        kit_write_trust();
        kit_my.succession = (struct span){NULL, 0};
        CHECK_EQ(kit_open(&kit_my), ERR_OK);
        head_seen(OLD, &old_head);
        kit_link_up(&kit_my, true);
        kit_pump(100);
        CHECK_EQ(told_clerk().succeeds, 1);
        kit_close(&kit_my);
        const struct succeeded_key swap = ann;
        name_note(span_of(cosigned, cosigned_len), 2);
        ann = bob;
        bob = swap;
        name_note(span_of(cosigned, cosigned_len), 2); /* the same, signed in another order */
        CHECK_EQ(kit_open(&kit_my), ERR_CONFIG);
        CHECK(strstr(kit_my.told, "was not begun by this note") != NULL);
        bob = ann;
        ann = swap;
        name_note(span_of(cosigned, cosigned_len), 2);
        CHECK_EQ(kit_open(&kit_my), ERR_OK);
    }
    TEST("a database of a third log quarantines it")
    {
        head_seen("my-cyberjaya/gw1/2026h1", &old_head);
        CHECK_EQ(kit_my.l->state, LOG_QUARANTINED);
    }
}

static void
watched(void)
{
    TEST("a peer that cosigned more of the old log than the genesis names quarantines the new one")
    {
        char text[CHECKPOINT_MAX];
        struct succeeded_key log = {.name = OLD, .key = kit_my.k.secrets->log};
        struct succeeded_key witness = {.name = "cn-lingang/gw1/witness",
                                        .key = kit_cn.k.secrets->witness};
        struct logstore_head early = {.size = 3};
        memset(early.root.b, 3, 32);
        name_note(succeeded_checkpoint(&log, &witness, early.size, &early.root, KIT_WALL, text), 2);
        CHECK_EQ(kit_open(&kit_my), ERR_OK);
        head_seen(OLD, &old_head);
        kit_link_up(&kit_my, true);
        kit_pump(1000);
        CHECK_EQ(told_clerk().succeeds, 0); /* the database stays of the old log */
        CHECK_EQ(kit_my.l->state, LOG_QUARANTINED);
        CHECK_EQ(kit_append(&kit_my, id_a, 5, "allow", 7).err, (uint16_t)-ERR_QUARANTINE);
        struct logstore_head published;
        logpublish_head(kit_my.l->log, &published);
        CHECK_EQ(published.size, 0);
    }
    TEST("and one with another root at the same size does too")
    {
        char text[CHECKPOINT_MAX];
        struct succeeded_key log = {.name = OLD, .key = kit_my.k.secrets->log};
        struct succeeded_key witness = {.name = "cn-lingang/gw1/witness",
                                        .key = kit_cn.k.secrets->witness};
        struct tlog_hash fork = {{9}};
        kit_close(&kit_my);
        (void)nftw(kit_my.path, kit_unlink, 16, FTW_DEPTH | FTW_PHYS);
        CHECK_EQ(mkdir(kit_my.path, 0700), 0);
        kit_keeper_start(&kit_my, 1);
        name_note(succeeded_checkpoint(&log, &witness, old_head.size, &fork, KIT_WALL, text), 2);
        CHECK_EQ(kit_open(&kit_my), ERR_OK);
        head_seen(NEW, &(struct logstore_head){0});
        kit_link_up(&kit_my, true);
        kit_pump(1000);
        CHECK_EQ(kit_my.l->state, LOG_QUARANTINED);
    }
}

/* The peer's trust does not name the new origin. */
static void
unknown(void)
{
    TEST("a peer whose trust does not name the new origin cosigns nothing of it until it does")
    {
        const struct ledger_trust *old_trust = kit_cn.l->trust;
        for (size_t z = 0; z < old_trust->zone_count; z++)
            if (strcmp(old_trust->zones[z].name, "my-cyberjaya") == 0)
                kit_cn.l->trust->zones[z].log_count = 1; /* as before the change */
        name_note(span_of(cosigned, cosigned_len), 2);
        CHECK_EQ(kit_open(&kit_my), ERR_OK);
        head_seen(NEW, &(struct logstore_head){0});
        kit_link_up(&kit_my, true);
        kit_pump(1000);
        CHECK_EQ(kit_my.l->peers[0].cosigned, 0);
        CHECK(kit_my.notes[EVENT_WITNESS_REFUSED] > 0);
        CHECK_EQ(ledger_reload(kit_cn.l, span_str(kit_trust), 2, 10), ERR_OK);
        kit_pump(12000);
        CHECK_EQ(kit_my.l->peers[0].cosigned, 1);
    }
}

static void
receipts(void)
{
    TEST("a receipt may name a place in a lost log of its zone, never a wrong one here")
    {
        struct receipt r = {.log_index = 7};
        const struct ledger_zone *zone =
            ledger_trust_zone(kit_cn.l->trust, SPAN_LIT("my-cyberjaya"));
        CHECK_EQ(digest_sha256(SPAN_LIT(NEW), r.origin_hash), ERR_OK);
        CHECK(ledger_origin_receipt(zone, &r, SPAN_LIT(NEW), 7));
        CHECK(!ledger_origin_receipt(zone, &r, SPAN_LIT(NEW), 8));
        CHECK_EQ(digest_sha256(SPAN_LIT(OLD), r.origin_hash), ERR_OK);
        CHECK(ledger_origin_receipt(zone, &r, SPAN_LIT(NEW), 8));
        CHECK_EQ(digest_sha256(SPAN_LIT("my-cyberjaya/gw1/x"), r.origin_hash), ERR_OK);
        CHECK(!ledger_origin_receipt(zone, &r, SPAN_LIT(NEW), 7));
    }
}

int
main(void)
{
    CHECK_EQ(crypto_init(), ERR_OK);
    operators();
    lose();
    refusals();
    begins();
    receipts();
    lose_end();
    lose();
    watched();
    lose_end();
    lose();
    unknown();
    lose_end();
    return test_end();
}
