/* SPDX-License-Identifier: Apache-2.0 */
/* An auditor reads the log through edge. */
#include <sys/mman.h>
#include <unistd.h>

#include "tests/test.h"
#include "tests/unit/edge/edgekit.h"

static struct edgekit kit;

static void
done(uint32_t n)
{
    edgekit_event(&kit, n, HTTP_EVENT_DONE, ERR_OK);
    edgekit_run(&kit);
}

static int
file_of(struct span bytes)
{
    const int fd = memfd_create("test", MFD_CLOEXEC);
    CHECK(write(fd, bytes.ptr, bytes.len) == (ssize_t)bytes.len);
    return fd;
}

static void
log_says(enum err err, int fd, uint64_t bytes)
{
    const struct p_log_data p = {.err = (uint16_t)-err, .bytes = bytes};
    uint8_t buf[64];
    struct span body;
    CHECK_EQ(payload_log_data_put(&p, buf, sizeof(buf), &body), ERR_OK);
    edgekit_answer(&kit, ROLE_LEDGER, MSG_LOG_DATA, NULL, body, fd);
}

static void
test_log(void)
{
    static const struct {
        enum err err;
        uint16_t status;
    } rows[] = {{ERR_NOT_FOUND, 404}, {ERR_SYNTAX, 404}, {ERR_DENIED, 403}, {ERR_IO, 503}};
    kit.who.role = IDENTITY_AUDITOR;
    TEST("an auditor reads the checkpoint, fresh each time")
    {
        struct p_log_read p;
        edgekit_request(&kit, 1, HTTP_GET, "/log/checkpoint", "");
        const struct edgekit_heard *h = &kit.heard[ROLE_LEDGER];
        CHECK_EQ(payload_log_read_get(span_of(h->body, h->len), &p), ERR_OK);
        CHECK(span_eq_str(p.path, "checkpoint"));
        CHECK_EQ(p.role, IDENTITY_AUDITOR);
        const int fd = file_of(SPAN_LIT("origin\n5\n"));
        log_says(ERR_OK, fd, 9);
        (void)close(fd);
        CHECK(edgekit_body_has(&kit, 1, "origin\n5\n"));
        CHECK(edgekit_has(&kit, 1, "content-type: text/plain; charset=utf-8\n"));
        CHECK(edgekit_has(&kit, 1, "cache-control: no-cache\n"));
        CHECK(kit.streams[1].finished);
        done(1);
    }
    TEST("a tile may be kept for ever, and HEAD tells its size")
    {
        struct p_log_read p;
        edgekit_request(&kit, 1, HTTP_HEAD, "/log/tile/entries/x001/067.p/5", "");
        const struct edgekit_heard *h = &kit.heard[ROLE_LEDGER];
        CHECK_EQ(payload_log_read_get(span_of(h->body, h->len), &p), ERR_OK);
        CHECK(span_eq_str(p.path, "tile/entries/x001/067.p/5"));
        const int fd = file_of(SPAN_LIT("12345"));
        log_says(ERR_OK, fd, 5);
        (void)close(fd);
        CHECK(edgekit_has(&kit, 1, "immutable"));
        CHECK(kit.streams[1].length == 5 && kit.streams[1].body_len == 0);
        done(1);
    }
    TEST("what the log does not have or cannot give is said apart")
    {
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            edgekit_request(&kit, 1, HTTP_GET, "/log/tile/0/000", "");
            log_says(rows[i].err, -1, 0);
            CHECK_EQ(kit.streams[1].status, rows[i].status);
            done(1);
        }
    }
    TEST("a file shorter than ledger said is cut, not padded")
    {
        edgekit_request(&kit, 1, HTTP_GET, "/log/checkpoint", "");
        const int fd = file_of(SPAN_LIT("short"));
        log_says(ERR_OK, fd, 50);
        (void)close(fd);
        CHECK(kit.streams[1].reset && !kit.streams[1].finished);
        edgekit_run(&kit);
    }
    kit.who.role = IDENTITY_PARTNER;
}

int
main(void)
{
    edgekit_start(&kit);
    test_log();
    edgekit_finish(&kit);
    return test_end();
}
