/* SPDX-License-Identifier: Apache-2.0 */
/* Two processes' worth of channels in one: clerk (a) and judge (b) on a socketpair, and the raw
 * socket of a hostile judge. */
#include "gateway/core/chan.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/test.h"

static struct loop *loop;
static struct chan_host a_host;
static struct chan_host b_host;
static struct chan *a;
static struct chan *b;
static int raw; /* the hostile end, when there is no b */

static struct {
    unsigned messages;
    unsigned lost;
    unsigned violations;
    enum err why;
    unsigned answers;
    enum err answer_err;
    uint32_t answer_re;
    int fd;
    enum err verdict; /* what on_message returns */
    bool answer_at_once;
} seen;

static enum err
on_message(void *ctx, struct chan *chan, struct msg *m)
{
    (void)ctx;
    seen.messages++;
    if (m->fd_count > 0)
        seen.fd = msg_take_fd(m, 0);
    if (seen.answer_at_once) {
        const struct chan_ticket ticket = chan_ticket_of(chan, m);
        const struct msg answer = {.type = MSG_PREFLIGHTED, .body = SPAN_LIT("yes")};
        CHECK_EQ(chan_answer(&ticket, &answer), ERR_OK);
    }
    return seen.verdict;
}

static void
on_lost(void *ctx, struct chan *chan)
{
    (void)ctx;
    CHECK(!chan_is_open(chan));
    seen.lost++;
}

static void
on_violation(void *ctx, struct chan *chan, enum err why, uint32_t type)
{
    (void)ctx;
    (void)type;
    CHECK(!chan_is_open(chan));
    seen.violations++;
    seen.why = why;
}

static enum err
on_answer(void *ctx, struct chan *chan, enum err err, struct msg *answer)
{
    (void)ctx;
    (void)chan;
    seen.answers++;
    seen.answer_err = err;
    seen.answer_re = answer == NULL ? 0 : answer->re;
    return seen.verdict;
}

static void
host(struct chan_host *h, enum role_id self)
{
    h->loop = loop;
    h->self = self;
    h->on_message = on_message;
    h->on_lost = on_lost;
    h->on_violation = on_violation;
}

static void
make(bool hostile)
{
    int ends[2];
    memset(&seen, 0, sizeof(seen));
    seen.fd = -1;
    raw = -1;
    CHECK_EQ(loop_new(&loop), ERR_OK);
    host(&a_host, ROLE_CLERK);
    host(&b_host, ROLE_JUDGE);
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    CHECK_EQ(chan_new(&a_host, ROLE_JUDGE, 0, false, &a), ERR_OK);
    CHECK_EQ(chan_new(&b_host, ROLE_CLERK, 0, false, &b), ERR_OK);
    CHECK_EQ(chan_open(a, ends[0], 7), ERR_OK);
    if (hostile)
        raw = ends[1];
    else
        CHECK_EQ(chan_open(b, ends[1], 7), ERR_OK);
}

static void
drop(void)
{
    chan_free(a);
    chan_free(b);
    if (raw >= 0)
        (void)close(raw);
    loop_free(loop);
}

static void
turn(unsigned times)
{
    for (unsigned i = 0; i < times; i++)
        CHECK_EQ(loop_run_once(loop, false), ERR_OK);
}

static void
test_questions(void)
{
    const struct msg ask = {.type = MSG_PREFLIGHT, .body = SPAN_LIT("may it?")};
    uint32_t seq = 0;
    TEST("a question is answered once, by its number")
    {
        make(false);
        seen.answer_at_once = true;
        CHECK_EQ(chan_ask(a, &ask, 1000, on_answer, NULL, &seq), ERR_OK);
        CHECK_EQ(chan_asked(a), 1);
        turn(4);
        CHECK(seen.answers == 1 && seen.answer_err == ERR_OK && seen.answer_re == seq);
        CHECK_EQ(chan_asked(a), 0);
        drop();
    }
    TEST("open questions fail with role-lost when the peer dies, and so does asking then")
    {
        make(false);
        CHECK_EQ(chan_ask(a, &ask, 0, on_answer, NULL, NULL), ERR_OK);
        CHECK_EQ(chan_ask(a, &ask, 0, on_answer, NULL, NULL), ERR_OK);
        turn(2);
        chan_close(b);
        turn(2);
        CHECK(seen.answers == 2 && seen.answer_err == ERR_ROLE_LOST && seen.lost == 1);
        CHECK_EQ(chan_ask(a, &ask, 0, on_answer, NULL, NULL), ERR_ROLE_LOST);
        drop();
    }
    TEST("a question past its deadline fails, and its late answer is dropped")
    {
        struct chan_ticket ticket;
        const struct msg answer = {.type = MSG_PREFLIGHTED};
        make(false);
        CHECK_EQ(chan_ask(a, &ask, 1, on_answer, NULL, &seq), ERR_OK);
        while (seen.answers == 0)
            CHECK_EQ(loop_run_once(loop, true), ERR_OK);
        CHECK_EQ(seen.answer_err, ERR_TIMEOUT);
        turn(2);
        ticket = (struct chan_ticket){.chan = b, .generation = 7, .seq = seq};
        CHECK_EQ(chan_answer(&ticket, &answer), ERR_OK);
        turn(2);
        CHECK(seen.answers == 1 && seen.violations == 0 && chan_is_open(a));
        ticket.generation = 6;
        CHECK_EQ(chan_answer(&ticket, &answer), ERR_ROLE_LOST);
        drop();
    }
    TEST("a cancelled question is never called, and the table of questions is bounded")
    {
        make(false);
        for (unsigned i = 0; i < CHAN_ASKED_MAX; i++) {
            CHECK_EQ(chan_ask(a, &ask, 0, on_answer, NULL, &seq), ERR_OK);
            turn(1);
        }
        CHECK_EQ(chan_ask(a, &ask, 0, on_answer, NULL, NULL), ERR_FULL);
        chan_cancel(a, seq);
        CHECK_EQ(chan_asked(a), CHAN_ASKED_MAX - 1);
        CHECK_EQ(chan_ask(a, &ask, 0, on_answer, NULL, NULL), ERR_OK);
        chan_close(a);
        CHECK_EQ(seen.answers, CHAN_ASKED_MAX);
        drop();
    }
    TEST("an answer its asker calls nonsense is a violation")
    {
        make(false);
        seen.answer_at_once = true;
        CHECK_EQ(chan_ask(a, &ask, 0, on_answer, NULL, NULL), ERR_OK);
        CHECK_EQ(loop_run_once(loop, false), ERR_OK);
        seen.verdict = ERR_PROTOCOL;
        turn(2);
        CHECK(seen.violations == 1 && seen.why == ERR_PROTOCOL && !chan_is_open(a));
        drop();
    }
}

static void
test_queue(void)
{
    static uint8_t big[MSG_PAYLOAD_MAX];
    const struct msg ask = {.type = MSG_PREFLIGHT, .body = span_of(big, sizeof(big))};
    TEST("a slow reader costs a bounded queue, then ERR_FULL, and loses nothing that was taken")
    {
        unsigned sent = 0;
        make(false);
        while (chan_send(a, &ask) == ERR_OK)
            sent++;
        CHECK(sent >= 4 && sent < 64);
        CHECK_EQ(chan_send(a, &ask), ERR_FULL);
        CHECK(chan_queued(a) <= CHAN_QUEUE_BYTES && chan_queued(a) > 0);
        turn(100);
        CHECK_EQ(seen.messages, sent);
        CHECK_EQ(chan_queued(a), 0);
        CHECK_EQ(chan_send(a, &ask), ERR_OK);
        drop();
    }
    TEST("descriptors wait in the queue as duplicates and arrive")
    {
        struct msg evidence = {.type = MSG_EVIDENCE, .fd_count = 1};
        evidence.transfer[0] = 1;
        make(false);
        while (chan_queued(a) == 0)
            CHECK_EQ(chan_send(a, &ask), ERR_OK);
        evidence.fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        CHECK_EQ(chan_send(a, &evidence), ERR_OK);
        (void)close(evidence.fds[0]);
        turn(100);
        CHECK(seen.fd >= 0 && fcntl(seen.fd, F_GETFD) == FD_CLOEXEC);
        (void)close(seen.fd);
        evidence.fds[0] = -1;
        CHECK_EQ(chan_send(a, &evidence), ERR_SYS);
        drop();
    }
    TEST("what the table does not allow is not sent")
    {
        struct msg m = {.type = MSG_CHECKPOINT_SIGN};
        make(false);
        CHECK_EQ(chan_send(a, &m), ERR_PROTOCOL);
        m = (struct msg){.type = MSG_PREFLIGHT, .re = 3};
        CHECK_EQ(chan_send(a, &m), ERR_PROTOCOL);
        m = (struct msg){.type = MSG_PREFLIGHT, .body = span_of(big, sizeof(big) + 1)};
        CHECK_EQ(chan_send(a, &m), ERR_TOO_LARGE);
        turn(2);
        CHECK_EQ(seen.messages, 0);
        drop();
    }
    TEST("a channel opened again starts a new generation and forgets the old one")
    {
        int ends[2];
        make(false);
        CHECK_EQ(chan_send(a, &ask), ERR_OK);
        CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
        CHECK_EQ(chan_open(a, ends[0], 8), ERR_OK);
        CHECK_EQ(chan_open(b, ends[1], 8), ERR_OK);
        CHECK_EQ(chan_generation(a), 8);
        CHECK_EQ(chan_send(a, &ask), ERR_OK);
        turn(3);
        CHECK(seen.messages == 1 && seen.violations == 0 && seen.lost == 0);
        drop();
    }
    TEST("what a peer says before its receiver is ready waits until then")
    {
        int ends[2];
        make(false);
        b_host.is_deaf = true;
        CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
        CHECK_EQ(chan_open(a, ends[0], 8), ERR_OK);
        CHECK_EQ(chan_open(b, ends[1], 8), ERR_OK);
        CHECK_EQ(chan_send(a, &ask), ERR_OK);
        CHECK_EQ(chan_send(a, &ask), ERR_OK);
        turn(3);
        CHECK_EQ(seen.messages, 0);
        b_host.is_deaf = false;
        CHECK_EQ(chan_listen(b), ERR_OK);
        turn(3);
        CHECK(seen.messages == 2 && seen.violations == 0 && seen.lost == 0);
        chan_close(a);
        CHECK_EQ(chan_listen(a), ERR_OK); /* a closed one has nothing to say */
        drop();
    }
}

/* Sends m as the hostile judge; clerk must call it a violation, close, and live on. */
static void
hostile(const struct msg *m, size_t cut, enum err why)
{
    uint8_t buf[MSG_BYTES_MAX];
    size_t len = 0;
    make(true);
    CHECK_EQ(msg_encode(m, buf, sizeof(buf), &len), ERR_OK);
    CHECK(send(raw, buf, len - cut, 0) == (ssize_t)(len - cut));
    turn(2);
    CHECK_EQ(seen.violations, 1);
    CHECK_EQ(seen.why, why);
    CHECK(seen.messages == 0 && seen.answers == 0 && !chan_is_open(a));
    drop();
}

static void
test_hostile(void)
{
    struct msg good = {.type = MSG_POLICIES, .generation = 7, .seq = 1};
    TEST("a message outside the table, malformed, stale or of another generation is a violation")
    {
        struct msg m = good;
        hostile(&m, 1, ERR_SHORT);
        m.type = MSG_DECIDE; /* clerk's own question */
        hostile(&m, 0, ERR_PROTOCOL);
        m = good;
        m.generation = 6;
        hostile(&m, 0, ERR_PROTOCOL);
        m = good;
        m.seq = 0;
        hostile(&m, 0, ERR_PROTOCOL);
        m = good;
        m.seq = UINT32_MAX; /* behind 0 in serial arithmetic */
        hostile(&m, 0, ERR_PROTOCOL);
        m = (struct msg){.type = MSG_PREFLIGHTED, .generation = 7, .seq = 1, .re = 1};
        hostile(&m, 0, ERR_PROTOCOL); /* answers what was never asked */
    }
    TEST("a message said again is a violation")
    {
        uint8_t buf[256];
        size_t len = 0;
        make(true);
        CHECK_EQ(msg_encode(&good, buf, sizeof(buf), &len), ERR_OK);
        CHECK(send(raw, buf, len, 0) == (ssize_t)len && send(raw, buf, len, 0) == (ssize_t)len);
        turn(2);
        CHECK(seen.messages == 1 && seen.violations == 1 && seen.why == ERR_PROTOCOL);
        drop();
    }
    TEST("what a role refuses as nonsense is a violation of the sender")
    {
        uint8_t buf[256];
        size_t len = 0;
        make(true);
        seen.verdict = ERR_CONFLICT;
        CHECK_EQ(msg_encode(&good, buf, sizeof(buf), &len), ERR_OK);
        CHECK(send(raw, buf, len, 0) == (ssize_t)len);
        turn(2);
        CHECK(seen.violations == 1 && seen.why == ERR_CONFLICT);
        drop();
    }
    TEST("descriptors nobody expects are closed, however many come")
    {
        for (size_t count = 1; count <= 40; count += 13) {
            uint8_t buf[256];
            union {
                struct cmsghdr align;
                uint8_t bytes[CMSG_SPACE(sizeof(int) * 40)];
            } control;
            int fds[40];
            size_t len = 0;
            make(true);
            CHECK_EQ(msg_encode(&good, buf, sizeof(buf), &len), ERR_OK);
            const int before = dup(0);
            (void)close(before);
            for (size_t i = 0; i < count; i++)
                fds[i] = 0;
            memset(&control, 0, sizeof(control));
            struct iovec iov = {.iov_base = buf, .iov_len = len};
            struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes};
            h.msg_controllen = CMSG_SPACE(sizeof(int) * count);
            struct cmsghdr *c = CMSG_FIRSTHDR(&h);
            c->cmsg_level = SOL_SOCKET;
            c->cmsg_type = SCM_RIGHTS;
            c->cmsg_len = CMSG_LEN(sizeof(int) * count);
            memcpy(CMSG_DATA(c), fds, sizeof(int) * count);
            CHECK(sendmsg(raw, &h, 0) == (ssize_t)len);
            turn(2);
            CHECK(seen.violations == 1 && seen.why == ERR_PROTOCOL);
            const int after = dup(0);
            CHECK(after <= before); /* nothing above stayed open */
            (void)close(after);
            drop();
        }
    }
}

/* Keeper's end of a blocking channel: answers the n-th question with the n-th entry. */
static void *
keeper_thread(void *arg)
{
    const int fd = *(int *)arg;
    uint8_t buf[MSG_BYTES_MAX];
    struct msg m;
    size_t len = 0;
    uint32_t seq = 0;
    for (int turn_no = 0; turn_no < 4; turn_no++) {
        const ssize_t n = recv(fd, buf, sizeof(buf), 0);
        if (n <= 0 || msg_decode(span_of(buf, (size_t)n), &m) != ERR_OK)
            break;
        struct msg answer = {.type = MSG_TLS_SIGNED, .generation = 3, .re = m.seq};
        if (turn_no == 0)
            continue; /* silence: a time-out */
        if (turn_no == 1) {
            answer.re = m.seq - 1; /* the late answer to the first, then the right one */
            answer.seq = ++seq;
            if (msg_encode(&answer, buf, sizeof(buf), &len) == ERR_OK)
                (void)send(fd, buf, len, 0);
            answer.re = m.seq;
        }
        if (turn_no == 3)
            answer.re = m.seq + 1; /* nonsense */
        answer.seq = ++seq;
        if (msg_encode(&answer, buf, sizeof(buf), &len) == ERR_OK)
            (void)send(fd, buf, len, 0);
    }
    (void)close(fd);
    return NULL;
}

static void
test_blocking(void)
{
    static uint8_t buf[MSG_BYTES_MAX];
    TEST("a blocking call waits for its own answer, skips a late one, and closes on nonsense")
    {
        int ends[2];
        pthread_t thread;
        struct chan *sign = NULL;
        struct msg answer;
        const struct msg ask = {.type = MSG_TLS_SIGN, .body = SPAN_LIT("tbs")};
        const struct msg wrong = {.type = MSG_PULL_OPEN};
        CHECK_EQ(loop_new(&loop), ERR_OK);
        host(&a_host, ROLE_EDGE);
        CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
        CHECK_EQ(chan_new(&a_host, ROLE_KEEPER, 0, true, &sign), ERR_OK);
        CHECK(chan_is_blocking(sign) && !chan_is_open(sign));
        CHECK_EQ(chan_call_blocking(sign, &ask, 50, buf, sizeof(buf), &answer), ERR_ROLE_LOST);
        CHECK_EQ(chan_open(sign, ends[0], 3), ERR_OK);
        CHECK(pthread_create(&thread, NULL, keeper_thread, &ends[1]) == 0);
        CHECK_EQ(chan_call_blocking(sign, &wrong, 50, buf, sizeof(buf), &answer), ERR_PROTOCOL);
        CHECK_EQ(chan_call_blocking(sign, &ask, 50, buf, sizeof(buf), &answer), ERR_TIMEOUT);
        CHECK(chan_is_open(sign));
        CHECK_EQ(chan_call_blocking(sign, &ask, 5000, buf, sizeof(buf), &answer), ERR_OK);
        CHECK_EQ(answer.type, MSG_TLS_SIGNED);
        CHECK_EQ(chan_call_blocking(sign, &ask, 5000, buf, sizeof(buf), &answer), ERR_OK);
        CHECK_EQ(chan_call_blocking(sign, &ask, 5000, buf, sizeof(buf), &answer), ERR_PROTOCOL);
        CHECK(!chan_is_open(sign));
        CHECK(pthread_join(thread, NULL) == 0);
        chan_free(sign);
        loop_free(loop);
    }
}

int
main(void)
{
    test_questions();
    test_queue();
    test_hostile();
    test_blocking();
    return test_end();
}
