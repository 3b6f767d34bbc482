/* SPDX-License-Identifier: Apache-2.0 */
/* What ledger tells a new judge of the policies that its log says were in force. */
#include "crypto/digest.h"
#include "gateway/ledger/ledger_floor.h"
#include "schemas/wire.h"
#include "tests/unit/ledger/ledgerdrive.h"

/* A `policy` entry; of is the document's text. */
static void
policy(const char *id, const char *action, uint64_t epoch, const char *of)
{
    char text[4096];
    uint8_t sha256[32];
    struct span leaf = {0};
    struct p_appended a = {.err = UINT16_MAX};
    CHECK_EQ(digest_sha256(span_str(of), sha256), ERR_OK);
    const struct entry_head head = {.time_ms = (int64_t)KIT_WALL * 1000};
    const struct entry_document d = {
        .id = span_str(id), .action = span_str(action), .sha256 = sha256, .epoch = epoch};
    CHECK_EQ(entry_write_document(&head, ENTRY_POLICY, &d, text, sizeof(text), &leaf), ERR_OK);
    const struct p_append p = {.kind = ENTRY_POLICY, .entry = leaf};
    CHECK_EQ(KIT_TELL(&kit_my, ROLE_CLERK, APPEND, append, kit_none, &p), ERR_OK);
    kit_time(&kit_my, 3);
    CHECK(kit_my.answer.type == MSG_APPENDED && KIT_ANSWER(&kit_my, appended, &a) && a.err == 0);
}

/* True if a judge that connects hears of exactly these documents: "id=text" ... NULL. */
static bool
told(const char *const *want)
{
    struct p_policy_floor p;
    struct wire_reader r;
    size_t count = 0;
    size_t found = 0;
    kit_my.floor.type = MSG_NONE;
    ledger_new_peer(kit_my.l, ROLE_JUDGE);
    if (kit_my.floor.type != MSG_POLICY_FLOOR ||
        payload_policy_floor_get(span_of(kit_my.floor.body, kit_my.floor.len), &p) != ERR_OK)
        return false;
    wire_reader_init(&r, p.documents);
    while (wire_left(&r) > 0) {
        uint8_t sha256[32];
        uint8_t wanted[32];
        wire_get_copy(&r, sha256, 32);
        const uint8_t len = wire_get_u8(&r);
        const struct span id = wire_get_bytes(&r, len);
        if (r.err != ERR_OK)
            return false;
        count++;
        for (size_t i = 0; want[i] != NULL; i++) {
            const char *of = strchr(want[i], '=');
            if (span_eq(id, span_of(want[i], (size_t)(of - want[i]))) &&
                digest_sha256(span_str(of + 1), wanted) == ERR_OK &&
                memcmp(wanted, sha256, 32) == 0)
                found++;
        }
    }
    size_t wants = 0;
    while (want[wants] != NULL)
        wants++;
    if (count != wants || found != wants)
        printf("# %zu documents, %zu of the %zu wanted\n", count, found, wants);
    return count == wants && found == wants;
}
#define TOLD(...) told((const char *const[]){__VA_ARGS__, NULL})

static void
again(void)
{
    kit_close(&kit_my);
    CHECK_EQ(kit_open(&kit_my), ERR_OK);
}

static void
test_floor(void)
{
    TEST("a log without policies asks a new judge for nothing, and says so")
    {
        CHECK(told((const char *const[]){NULL}));
    }
    TEST("what was put into force or scheduled under the newest epoch of its id is asked for")
    {
        policy("a", "activate", 5, "a1");
        policy("b", "activate", 5, "b1");
        policy("b", "schedule", 5, "b2");
        CHECK(TOLD("a=a1", "b=b1", "b=b2"));
        policy("a", "activate", 6, "a2");
        policy("a", "retire", 6, "a1");
        CHECK(TOLD("a=a2", "b=b1", "b=b2"));
    }
    TEST("the same said again, what ended, and what is said late of an older epoch change nothing")
    {
        policy("a", "activate", 6, "a2");
        policy("b", "retire", 7, "b1");
        policy("a", "activate", 5, "a1");
        CHECK(TOLD("a=a2", "b=b1", "b=b2"));
    }
    TEST("a ledger that was restarted reads it from its log, whole or with the last of many")
    {
        again();
        CHECK(TOLD("a=a2", "b=b1", "b=b2"));
        for (uint64_t i = 0; i < LOGSTORE_POLICIES; i++)
            policy("c", "activate", 10 + i, "c1");
        CHECK(TOLD("a=a2", "b=b1", "b=b2", "c=c1"));
        policy("a", "activate", 1000, "a3");
        again();
        CHECK(TOLD("a=a3", "c=c1"));
    }
    TEST("of more documents than there is room for the newest stay")
    {
        char id[16];
        const char *want[LEDGER_FLOOR_MAX + 1] = {NULL};
        static char texts[LEDGER_FLOOR_MAX][16];
        for (size_t i = 0; i < LEDGER_FLOOR_MAX; i++) {
            (void)snprintf(id, sizeof(id), "d%zu", i);
            policy(id, "activate", 2000 + i, "d");
            (void)snprintf(texts[i], sizeof(texts[i]), "d%zu=d", i);
            want[i] = texts[i];
        }
        CHECK(told(want));
    }
    TEST("other entries, and ids that no policy has, are passed over")
    {
        struct entry_document d = {.id = SPAN_LIT("x"), .action = SPAN_LIT("activate"), .epoch = 9};
        const struct entry_head head = {.time_ms = (int64_t)KIT_WALL * 1000};
        static char long_id[80];
        char text[4096];
        const uint8_t sha256[32] = {1};
        struct span leaf = {0};
        const size_t before = kit_my.l->floor_count;
        d.sha256 = sha256;
        CHECK_EQ(entry_write_document(&head, ENTRY_PARTNER, &d, text, sizeof(text), &leaf), ERR_OK);
        ledger_floor_take(kit_my.l, leaf);
        memset(long_id, 'i', sizeof(long_id));
        d.id = span_of(long_id, 65);
        d.epoch = 90000;
        CHECK_EQ(entry_write_document(&head, ENTRY_POLICY, &d, text, sizeof(text), &leaf), ERR_OK);
        ledger_floor_take(kit_my.l, leaf);
        ledger_floor_take(kit_my.l, SPAN_LIT("{}"));
        CHECK_EQ(kit_my.l->floor_count, before);
        for (size_t i = 0; i < before; i++)
            CHECK(kit_my.l->floor[i].epoch < 90000);
    }
}

int
main(void)
{
    CHECK_EQ(crypto_init(), ERR_OK);
    kit_start();
    (void)kit_open(&kit_my);
    (void)kit_open(&kit_cn);
    kit_confirm();
    test_floor();
    kit_stop();
    return test_end();
}
