/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/core/msg.h"

#include <fcntl.h>
#include <unistd.h>

#include "tests/test.h"

static void
test_table(void)
{
    TEST("every row is found by its number and by nothing else")
    {
        size_t count = 0;
        size_t found = 0;
        const struct msg_rule *rules = msg_rules(&count);
        for (uint32_t number = 0; number <= 70000; number++)
            found += msg_rule_of(number) != NULL ? 1 : 0;
        CHECK_EQ(found, count);
        for (size_t i = 0; i < count; i++)
            CHECK(msg_rule_of(rules[i].number) == &rules[i]);
        CHECK(strcmp(msg_name(MSG_GRANT), "GRANT") == 0);
        CHECK(strcmp(msg_name((enum msg_type)60000), "?") == 0);
    }
    TEST("only pairs of the table are connected, and signing has its own channel")
    {
        CHECK(msg_pair_allowed(ROLE_WARDEN, ROLE_EDGE, false));
        CHECK(msg_pair_allowed(ROLE_CLERK, ROLE_EDGE, false));
        CHECK(!msg_pair_allowed(ROLE_EDGE, ROLE_KEEPER, false));
        CHECK(msg_pair_allowed(ROLE_EDGE, ROLE_KEEPER, true));
        CHECK(msg_pair_allowed(ROLE_KEEPER, ROLE_EDGE, true));
        CHECK(msg_asks_blocking(ROLE_EDGE, ROLE_KEEPER));
        CHECK(!msg_asks_blocking(ROLE_KEEPER, ROLE_EDGE));
        CHECK(!msg_pair_allowed(ROLE_EDGE, ROLE_LINK, false));
        CHECK(!msg_pair_allowed(ROLE_CLERK, ROLE_KEEPER, true));
    }
}

static void
test_check(void)
{
    const uint8_t zeros[1024] = {0};
    TEST("a message must fit its row: sender, receiver, channel, size, descriptors")
    {
        struct msg m = {.type = MSG_READY};
        CHECK_EQ(msg_check(&m, ROLE_EDGE, ROLE_WARDEN, false), ERR_OK);
        CHECK_EQ(msg_check(&m, ROLE_WARDEN, ROLE_EDGE, false), ERR_PROTOCOL);
        CHECK_EQ(msg_check(&m, ROLE_EDGE, ROLE_CLERK, false), ERR_PROTOCOL);
        CHECK_EQ(msg_check(&m, ROLE_EDGE, ROLE_WARDEN, true), ERR_PROTOCOL);
        m.body = span_of(zeros, 65);
        CHECK_EQ(msg_check(&m, ROLE_EDGE, ROLE_WARDEN, false), ERR_TOO_LARGE);
        m.body.len = 64;
        CHECK_EQ(msg_check(&m, ROLE_EDGE, ROLE_WARDEN, false), ERR_OK);
        m.fd_count = 1;
        CHECK_EQ(msg_check(&m, ROLE_EDGE, ROLE_WARDEN, false), ERR_PROTOCOL);
        m = (struct msg){.type = MSG_GRANT};
        CHECK_EQ(msg_check(&m, ROLE_WARDEN, ROLE_EDGE, false), ERR_PROTOCOL);
        m.fd_count = 1;
        CHECK_EQ(msg_check(&m, ROLE_WARDEN, ROLE_EDGE, false), ERR_OK);
        m.type = (enum msg_type)60000;
        CHECK_EQ(msg_check(&m, ROLE_WARDEN, ROLE_EDGE, false), ERR_PROTOCOL);
    }
    TEST("answers name a question, others do not, and a transfer is named where one is meant")
    {
        struct msg m = {.type = MSG_RELOADED};
        CHECK_EQ(msg_check(&m, ROLE_EDGE, ROLE_WARDEN, false), ERR_PROTOCOL);
        m.re = 4;
        CHECK_EQ(msg_check(&m, ROLE_EDGE, ROLE_WARDEN, false), ERR_OK);
        m = (struct msg){.type = MSG_READY, .re = 1};
        CHECK_EQ(msg_check(&m, ROLE_EDGE, ROLE_WARDEN, false), ERR_PROTOCOL);
        m = (struct msg){.type = MSG_PULL_END};
        CHECK_EQ(msg_check(&m, ROLE_EDGE, ROLE_CLERK, false), ERR_PROTOCOL);
        m.transfer[15] = 1;
        CHECK_EQ(msg_check(&m, ROLE_EDGE, ROLE_CLERK, false), ERR_OK);
    }
}

static void
test_wire(void)
{
    uint8_t buf[MSG_BYTES_MAX];
    size_t len = 0;
    struct msg m = {.type = MSG_STATS, .generation = 7, .seq = 9, .re = 0};
    struct msg out;
    m.transfer[0] = 0xab;
    m.body = SPAN_LIT("payload");
    TEST("a message written is read back whole")
    {
        CHECK_EQ(msg_encode(&m, buf, sizeof(buf), &len), ERR_OK);
        CHECK_EQ(len, MSG_HEADER_BYTES + 7);
        CHECK_EQ(msg_decode(span_of(buf, len), &out), ERR_OK);
        CHECK(out.type == MSG_STATS && out.generation == 7 && out.seq == 9 && out.re == 0);
        CHECK(out.transfer[0] == 0xab && span_eq_str(out.body, "payload") && out.fd_count == 0);
    }
    TEST("no cut, lengthened or altered header is read as something else")
    {
        for (size_t cut = 0; cut < len; cut++)
            CHECK_EQ(msg_decode(span_of(buf, cut), &out), ERR_SHORT);
        CHECK_EQ(msg_decode(span_of(buf, len + 1), &out), ERR_TRAILING);
        buf[1] = 2;
        CHECK_EQ(msg_decode(span_of(buf, len), &out), ERR_VERSION);
        buf[1] = MSG_VERSION;
        buf[2] = 0xff;
        CHECK_EQ(msg_decode(span_of(buf, len), &out), ERR_PROTOCOL);
        CHECK_EQ(msg_encode(&m, buf, MSG_HEADER_BYTES + 6, &len), ERR_FULL);
        memset(buf + MSG_HEADER_BYTES - 4, 0xff, 4);
        CHECK_EQ(msg_decode(span_of(buf, sizeof(buf)), &out), ERR_TOO_LARGE);
    }
    TEST("a descriptor is taken once, and those not taken are closed")
    {
        const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        const int other = open("/dev/null", O_RDONLY | O_CLOEXEC);
        struct msg with = {.type = MSG_GRANT, .fds = {fd, other}, .fd_count = 2};
        CHECK_EQ(msg_take_fd(&with, 0), fd);
        CHECK_EQ(msg_take_fd(&with, 0), -1);
        CHECK_EQ(msg_take_fd(&with, 2), -1);
        msg_close_fds(&with);
        CHECK(fcntl(fd, F_GETFD) >= 0 && fcntl(other, F_GETFD) < 0);
        (void)close(fd);
    }
}

int
main(void)
{
    test_table();
    test_check();
    test_wire();
    return test_end();
}
