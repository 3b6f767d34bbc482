/* SPDX-License-Identifier: Apache-2.0 */
/* What a ledger does after it was stopped anywhere, and when somebody's memory is older or another
 * than somebody else's. */
#include "tests/unit/ledger/ledgerdrive.h"
#include "tests/unit/ledger/logdisk.h"

#include <sys/wait.h>

#include "gateway/core/fault.h"

enum { ENTRIES = 6 };

static const uint8_t id_a[16] = {0xaa, 1};

/* What the other processes were told before the crash. */
struct told {
    bool acked[ENTRIES];
    uint64_t index[ENTRIES];
    uint64_t published;
};

static bool
append_quietly(struct kit_zone *z, uint32_t n, uint64_t *ret_index)
{
    struct p_appended a;
    const unsigned before = z->answers;
    const struct p_append p = {
        .kind = ENTRY_DECISION, .n = (uint16_t)n, .entry = kit_decision(id_a, n, "allow", 7)};
    if (KIT_TELL(z, ROLE_CLERK, APPEND, append, id_a, &p) != ERR_OK)
        return false;
    kit_time(z, 3);
    if (z->answers == before || z->answer.type != MSG_APPENDED || !KIT_ANSWER(z, appended, &a) ||
        a.err != 0)
        return false;
    *ret_index = a.index;
    return true;
}

/* First start, entries one after the other, checkpoints, cosignatures both ways. */
static void
work(struct told *told)
{
    struct logstore_head head;
    if (kit_open(&kit_cn) != ERR_OK || kit_open(&kit_my) != ERR_OK)
        return;
    kit_confirm();
    for (uint32_t i = 0; i < ENTRIES && !kit_my.l->dead; i++) {
        told->acked[i] = append_quietly(&kit_my, i, &told->index[i]);
        kit_pump(120);
        logpublish_head(kit_my.l->log, &head);
        told->published = head.size;
        if (i == 2)
            (void)append_quietly(&kit_cn, i, &head.size);
    }
}

/* New processes on the same folders lose nothing that was said, and go on. */
static void
check_after(const struct told *told)
{
    struct logstore_head head;
    kit_keeper_start(&kit_my, 1);
    kit_keeper_start(&kit_cn, 2);
    CHECK_EQ(kit_open(&kit_my), ERR_OK);
    CHECK_EQ(kit_open(&kit_cn), ERR_OK);
    if (kit_my.l == NULL || kit_cn.l == NULL)
        return;
    kit_confirm();
    CHECK_EQ(kit_my.l->state, LOG_CONFIRMED);
    CHECK_EQ(kit_cn.l->state, LOG_CONFIRMED);
    for (uint32_t i = 0; i < ENTRIES; i++) {
        uint64_t index = 0;
        CHECK(append_quietly(&kit_my, i, &index));
        CHECK(!told->acked[i] || index == told->index[i]);
    }
    kit_pump(600);
    logpublish_head(kit_my.l->log, &head);
    CHECK(head.size >= ENTRIES + 1 && head.size >= told->published);
    CHECK_EQ(kit_my.l->peers[0].cosigned, head.size);
}

static void
power_cuts(void)
{
    static struct disk disk;
    TEST("power lost at any durable call: nothing said is lost, both zones go on")
    {
        uint64_t seed = 0x1234567;
        unsigned calls = 0;
        for (unsigned cut = 1; calls == 0 || cut <= calls; cut++) {
            struct told told = {0};
            kit_start();
            disk_init(&disk);
            disk.cut_at = calls == 0 ? 0 : cut;
            kit_my.io = &disk.io;
            work(&told);
            if (calls == 0) { /* the first round counts the calls and is cut at its end */
                calls = disk.calls;
                cut = 0;
                CHECK(calls > 40);
            }
            CHECK(cut == 0 || kit_my.l == NULL || kit_my.l->dead);
            disk_power_cut(&disk, kit_my.path, &seed);
            kit_close(&kit_my);
            kit_close(&kit_cn);
            kit_my.io = NULL;
            check_after(&told);
            kit_stop();
        }
        printf("# %u cuts\n", calls);
    }
}

#if TDZ_FAULTS
static void
kill_at(const char *point, enum fault_id id, unsigned n)
{
    char spec[128];
    int status = 0;
    struct told *told =
        mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (told == MAP_FAILED)
        abort();
    kit_start();
    (void)snprintf(spec, sizeof(spec), "%s:%u:kill", point, fault_count(id) + n);
    (void)fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0) {
        if (fault_arm(span_str(spec), ROLE_LEDGER, 0) != ERR_OK)
            _exit(3);
        kit_keeper_start(&kit_my, 1); /* keys are wiped in a child */
        kit_keeper_start(&kit_cn, 2);
        work(told);
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        printf("# %s was not passed %u times\n", point, n);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    check_after(told);
    kit_stop();
    (void)munmap(told, sizeof(*told));
}
#endif

static void
kills(void)
{
#if TDZ_FAULTS
    static const struct {
        const char *name;
        enum fault_id id;
    } points[] = {
#define FAULT(point, where) {#point, FAULT_##point},
#include "gateway/core/fault.def"
#undef FAULT
    };
    TEST("killed at every fault point of ledger, both zones go on")
    {
        for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++)
            for (unsigned n = 1; n <= 3; n++)
                if (strncmp(points[i].name, "ledger_", 7) == 0 &&
                    (n == 1 || points[i].id != FAULT_ledger_genesis))
                    kill_at(points[i].name, points[i].id, n);
    }
#else
    test_skip("killed at every fault point of ledger, both zones go on",
              "only builds with -Dfaults=true have them");
#endif
}

static void
copy_folder(const char *from, const char *to)
{
    char line[600];
    (void)snprintf(line, sizeof(line), "%s", to);
    const pid_t pid = fork();
    int status = 0;
    if (pid == 0) {
        (void)execlp("cp", "cp", "-a", from, to, (char *)NULL);
        _exit(127);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void
remove_folder(const char *path)
{
    (void)nftw(path, kit_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

static void
start_both(void)
{
    kit_start();
    CHECK_EQ(kit_open(&kit_my), ERR_OK);
    CHECK_EQ(kit_open(&kit_cn), ERR_OK);
    kit_confirm();
    CHECK_EQ(kit_append(&kit_my, id_a, 1, "allow", 7).err, 0);
    kit_pump(300);
}

/* My folder as it was before two more entries. */
static void
restore_old(struct logstore_head *ret_newest)
{
    char copy[300];
    (void)snprintf(copy, sizeof(copy), "%s-old", kit_my.path);
    copy_folder(kit_my.path, copy);
    CHECK_EQ(kit_append(&kit_my, id_a, 2, "allow", 7).err, 0);
    CHECK_EQ(kit_append(&kit_my, id_a, 3, "allow", 7).err, 0);
    kit_pump(300);
    logstore_head(kit_my.l->log, ret_newest);
    kit_close(&kit_my);
    remove_folder(kit_my.path);
    CHECK(rename(copy, kit_my.path) == 0);
}

static void
old_copies(void)
{
    struct logstore_head head;
    TEST("a restored old folder is quarantined by what the peer cosigned")
    {
        start_both();
        restore_old(&head);
        kit_keeper_start(&kit_my, 1);
        CHECK_EQ(kit_open(&kit_my), ERR_OK);
        kit_head_seen(&kit_my, NULL);
        kit_link_up(&kit_my, true);
        kit_pump(300);
        CHECK_EQ(kit_my.l->state, LOG_QUARANTINED);
        CHECK_EQ(kit_append(&kit_my, id_a, 4, "allow", 7).err, (uint16_t)-ERR_QUARANTINE);
        kit_stop();
    }
    TEST("a restored old folder is quarantined by what clerk saw, without any peer")
    {
        start_both();
        restore_old(&head);
        kit_keeper_start(&kit_my, 1);
        CHECK_EQ(kit_open(&kit_my), ERR_OK);
        kit_head_seen(&kit_my, &head);
        CHECK_EQ(kit_my.l->state, LOG_QUARANTINED);
        kit_stop();
    }
    TEST("a restored old folder is quarantined by what a living keeper signed")
    {
        start_both();
        restore_old(&head);
        remove_folder(kit_cn.path); /* the peer has forgotten us, clerk too */
        kit_close(&kit_cn);
        CHECK_EQ(kit_open(&kit_cn), ERR_OK);
        CHECK_EQ(kit_open(&kit_my), ERR_OK);
        kit_confirm();
        CHECK_EQ(kit_my.l->state, LOG_QUARANTINED);
        kit_stop();
    }
    TEST("another log of the same size is quarantined; an older database of clerk is not")
    {
        start_both();
        logstore_head(kit_my.l->log, &head);
        head.root.b[0] ^= 1;
        kit_head_seen(&kit_my, &head);
        CHECK_EQ(kit_my.l->state, LOG_QUARANTINED);
        kit_stop();
        start_both();
        head.size = 1;
        CHECK_EQ(logstore_root(kit_my.l->log, 1, &head.root), ERR_OK);
        kit_head_seen(&kit_my, &head);
        CHECK_EQ(kit_my.l->state, LOG_CONFIRMED);
        kit_stop();
    }
    TEST("a ledger restarted between signature and publication goes on with the same keeper")
    {
        start_both();
        CHECK_EQ(kit_append(&kit_my, id_a, 2, "allow", 7).err, 0);
        CHECK_EQ(kit_my.asked_count, 1);
        CHECK_EQ(kit_keeper_tell(&kit_my, MSG_CHECKPOINT_SIGN, NULL,
                                 span_of(kit_my.asked[0].body, kit_my.asked[0].len)),
                 ERR_OK);
        kit_close(&kit_my);
        CHECK_EQ(kit_open(&kit_my), ERR_OK);
        CHECK_EQ(kit_append(&kit_my, id_a, 3, "allow", 7).err, 0);
        kit_confirm();
        logpublish_head(kit_my.l->log, &head);
        CHECK_EQ(kit_my.l->state, LOG_CONFIRMED);
        CHECK_EQ(head.size, 4);
        kit_stop();
    }
    TEST("a second process on the folder is refused")
    {
        struct ledger *first = NULL;
        start_both();
        first = kit_my.l;
        CHECK_EQ(kit_open(&kit_my), ERR_STATE);
        kit_my.l = first;
        kit_stop();
    }
}

/* add-checkpoint as the peer cn would send it to my: the status and body of the answer. */
static unsigned
add(const char *body, size_t len, struct p_witness_answer *ret)
{
    const struct p_witness_ask p = {.peer = SPAN_LIT("cn-lingang"),
                                    .call = WITNESS_ADD,
                                    .path = SPAN_LIT("/tlog/witness/add-checkpoint"),
                                    .body = span_of(body, len)};
    kit_my.answer.type = MSG_NONE;
    CHECK_EQ(KIT_TELL(&kit_my, ROLE_LINK, WITNESS_ASK, witness_ask, kit_none, &p), ERR_OK);
    while (kit_step(&kit_my))
        ;
    CHECK(kit_my.answer.type == MSG_WITNESS_ANSWER && KIT_ANSWER(&kit_my, witness_answer, ret));
    return ret->status;
}

/* A checkpoint of name with that key. */
static size_t
note_of(char *out, size_t cap, const char *lead, const struct note_key *key,
        const struct sign_key *signer, uint64_t size, uint8_t root_byte)
{
    struct tlog_hash root = {{root_byte}};
    char text[CHECKPOINT_TEXT_MAX];
    char line[NOTE_LINE_MAX];
    uint8_t sig[64];
    size_t len = 0;
    CHECK_EQ(checkpoint_text(span_str(key->name), size, &root, text, &len), ERR_OK);
    CHECK_EQ(sign_ed25519(signer, span_of(text, len), sig), ERR_OK);
    CHECK_EQ(note_line(key, span_of(sig, 64), line, &len), ERR_OK);
    return (size_t)snprintf(out, cap, "%s%s\n%s", lead, text, line);
}

static void
forks(void)
{
    char body[4096];
    struct p_witness_answer a;
    struct logstore_head before;
    struct logstore_head after;
    const struct note_key *key = &kit_cn.k.log_vkey;
    TEST("a peer's fork is answered 409 or 422, never cosigned, and is one incident")
    {
        start_both();
        const struct sign_key *signer = &kit_cn.k.secrets->log;
        logstore_head(kit_my.l->log, &before);
        size_t len = note_of(body, sizeof(body), "old 1\n\n", key, signer, 1, 0x55);
        CHECK_EQ(add(body, len, &a), 409);
        CHECK(span_eq(a.body, SPAN_LIT("1\n")));
        len = note_of(body, sizeof(body), "old 1\n\n", key, signer, 9, 0x55);
        CHECK_EQ(add(body, len, &a), 422);
        logstore_head(kit_my.l->log, &after);
        CHECK_EQ(after.size, before.size + 1);
        CHECK(kit_my.notes[EVENT_WITNESS_FORK] >= 2);
        CHECK_EQ(logwitness_head(kit_my.l->log, span_str(key->name), &after), ERR_OK);
        CHECK_EQ(after.size, 1);
    }
    TEST("a witness answers 400, 403, 404 and 409 as C2SP says")
    {
        const struct sign_key *signer = &kit_cn.k.secrets->log;
        struct note_key other = *key;
        size_t len = note_of(body, sizeof(body), "old 0\n\n", key, signer, 9, 0x55);
        CHECK_EQ(add(body, len, &a), 409);
        CHECK(span_eq(a.body, SPAN_LIT("1\n")));
        len = note_of(body, sizeof(body), "old 9\n\n", key, signer, 2, 0x55);
        CHECK_EQ(add(body, len, &a), 400);
        len = note_of(body, sizeof(body), "new 1\n\n", key, signer, 2, 0x55);
        CHECK_EQ(add(body, len, &a), 400);
        len = note_of(body, sizeof(body), "old 1\nAAAA\n\n", key, signer, 2, 0x55);
        CHECK_EQ(add(body, len, &a), 400);
        CHECK_EQ(add("old 1\n", 6, &a), 400);
        CHECK_EQ(
            note_key_init(SPAN_LIT("cn-lingang/gw9/2026h2"), NOTE_ED25519, signer->pub.pub, &other),
            ERR_OK);
        len = note_of(body, sizeof(body), "old 0\n\n", &other, signer, 2, 0x55);
        CHECK_EQ(add(body, len, &a), 404);
        CHECK_EQ(note_key_init(span_str(key->name), NOTE_ED25519, kit_my.k.secrets->witness.pub.pub,
                               &other),
                 ERR_OK);
        len = note_of(body, sizeof(body), "old 1\n\n", &other, &kit_my.k.secrets->witness, 2, 0x55);
        CHECK_EQ(add(body, len, &a), 403);
        kit_stop();
    }
}

static void
reads(void)
{
    static const struct {
        const char *path;
        enum role_id from;
        uint8_t role;
        enum err err;
    } cases[] = {
        {"checkpoint", ROLE_LINK, 0, ERR_OK},
        {"checkpoint", ROLE_EDGE, 4, ERR_OK},
        {"tile/0/000.p/2", ROLE_LINK, 0, ERR_OK},
        {"tile/entries/000.p/2", ROLE_EDGE, 4, ERR_OK},
        {"tile/entries/000.p/2", ROLE_LINK, 0, ERR_DENIED},
        {"tile/entries/000.p/2", ROLE_EDGE, 8, ERR_DENIED},
        {"checkpoint", ROLE_EDGE, 1, ERR_DENIED},
        {"tile/0/000", ROLE_LINK, 0, ERR_NOT_FOUND},
        {"private/lock", ROLE_EDGE, 4, ERR_NOT_FOUND},
        {"segments/000000.seg", ROLE_EDGE, 4, ERR_NOT_FOUND},
        {"tile/0/../../private/lock", ROLE_EDGE, 4, ERR_NOT_FOUND},
        {"", ROLE_LINK, 0, ERR_NOT_FOUND},
    };
    TEST("only the public tree is read, by peers only checkpoints and hashes")
    {
        start_both();
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            struct p_log_data got = {.err = UINT16_MAX};
            const struct p_log_read p = {.path = span_str(cases[i].path), .role = cases[i].role};
            CHECK_EQ(KIT_TELL(&kit_my, cases[i].from, LOG_READ, log_read, kit_none, &p), ERR_OK);
            CHECK(KIT_ANSWER(&kit_my, log_data, &got));
            if (got.err != (uint16_t)-cases[i].err)
                printf("# %s: %d\n", cases[i].path, -(int)got.err);
            CHECK_EQ(got.err, (uint16_t)-cases[i].err);
            CHECK_EQ(kit_my.answer.fd >= 0, cases[i].err == ERR_OK);
            CHECK(kit_my.answer.fd < 0 || write(kit_my.answer.fd, "x", 1) < 0);
            if (kit_my.answer.fd >= 0)
                (void)close(kit_my.answer.fd);
        }
        kit_stop();
    }
}

static void
full_disk(void)
{
    static struct disk disk;
    TEST("on a full disk new decisions are refused and entries that end transfers go in")
    {
        struct p_appended a;
        char text[1024];
        struct span leaf;
        kit_start();
        disk_init(&disk);
        kit_my.io = &disk.io;
        CHECK_EQ(kit_open(&kit_my), ERR_OK);
        /* More than one segment of 1 MiB, so that the reserve is needed. */
        disk.full = true;
        uint16_t err = 0;
        uint32_t n = 0;
        for (; n < 2000 && err == 0; n++)
            err = kit_append(&kit_my, id_a, n, "allow", 7).err;
        CHECK_EQ(err, (uint16_t)-ERR_NO_SPACE);
        const struct entry_head head = {.time_ms = 1, .transfer = id_a, .has_n = true, .n = 0};
        CHECK_EQ(entry_write_refused(&head, SPAN_LIT("operator"), SPAN_LIT("r"), NULL, text,
                                     sizeof(text), &leaf),
                 ERR_OK);
        const struct p_append p = {.kind = ENTRY_REFUSED, .entry = leaf};
        CHECK_EQ(KIT_TELL(&kit_my, ROLE_CLERK, APPEND, append, id_a, &p), ERR_OK);
        kit_time(&kit_my, 3);
        CHECK(KIT_ANSWER(&kit_my, appended, &a));
        CHECK_EQ(a.err, 0);
        CHECK(!kit_my.l->dead);
        disk_finish(&disk);
        kit_stop();
    }
}

int
main(void)
{
    CHECK_EQ(crypto_init(), ERR_OK);
    old_copies();
    forks();
    reads();
    full_disk();
    kills();
    power_cuts();
    return test_end();
}
