/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/edge/edgekit.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "tests/test.h"

static const enum role_id kit_roles[] = {ROLE_CLERK, ROLE_INSPECTOR, ROLE_SEALER, ROLE_LEDGER};
enum { KIT_ROLES = sizeof(kit_roles) / sizeof(kit_roles[0]) };

/* -- the connection
 * ------------------------------------------------------------------------------*/

static struct edgekit_stream *
stream_of(void *conn, uint32_t n)
{
    struct edgekit_stream *s = &((struct edgekit *)conn)->streams[n];
    return s->open ? s : NULL;
}

static enum err
port_grant(void *conn, uint32_t n, uint64_t bytes)
{
    struct edgekit_stream *s = stream_of(conn, n);
    if (s == NULL)
        return ERR_NOT_FOUND;
    s->granted += bytes;
    return ERR_OK;
}

static enum err
port_inform(void *conn, uint32_t n, const struct http_response *response)
{
    struct edgekit_stream *s = stream_of(conn, n);
    if (s == NULL)
        return ERR_NOT_FOUND;
    CHECK_EQ(http_response_check(response), ERR_OK);
    if (!http_may_inform(&s->head, response->status))
        return ERR_DENIED;
    s->informs++;
    return ERR_OK;
}

static enum err
port_respond(void *conn, uint32_t n, const struct http_response *response)
{
    struct edgekit_stream *s = stream_of(conn, n);
    size_t len = 0;
    if (s == NULL)
        return ERR_NOT_FOUND;
    CHECK_EQ(s->status, 0);
    CHECK_EQ(http_response_check(response), ERR_OK);
    s->status = response->status;
    s->has_length = response->has_length;
    s->length = response->length;
    for (size_t i = 0; i < response->header_count; i++) {
        const struct http_header *h = &response->headers[i];
        len += (size_t)snprintf(s->headers + len, sizeof(s->headers) - len, "%.*s: %.*s\n",
                                (int)h->name.len, (const char *)h->name.ptr, (int)h->value.len,
                                (const char *)h->value.ptr);
        CHECK(len < sizeof(s->headers));
    }
    return ERR_OK;
}

static enum err
port_write(void *conn, uint32_t n, struct span bytes, size_t *ret_len)
{
    struct edgekit_stream *s = stream_of(conn, n);
    if (s == NULL)
        return ERR_NOT_FOUND;
    CHECK(s->status != 0 && !s->finished);
    if (s->room == 0)
        return ERR_AGAIN;
    const size_t len = bytes.len < s->room ? bytes.len : s->room;
    if (s->room != SIZE_MAX)
        s->room -= len;
    if (s->body == NULL)
        s->body = malloc(KIT_BODY_MAX);
    CHECK(s->body_len + len <= KIT_BODY_MAX);
    memcpy(s->body + s->body_len, bytes.ptr, len);
    s->body_len += len;
    *ret_len = len;
    return ERR_OK;
}

static enum err
port_finish(void *conn, uint32_t n)
{
    struct edgekit_stream *s = stream_of(conn, n);
    if (s == NULL)
        return ERR_NOT_FOUND;
    CHECK(!s->finished);
    s->finished = true;
    return ERR_OK;
}

static enum err
port_reset(void *conn, uint32_t n)
{
    struct edgekit_stream *s = stream_of(conn, n);
    if (s == NULL)
        return ERR_NOT_FOUND;
    s->reset = true;
    /* As a real connection: the end is told from within. */
    edgekit_event(conn, n, HTTP_EVENT_ABORT, ERR_CANCELLED);
    return ERR_OK;
}

static const struct reply_port port = {port_grant, port_inform, port_respond,
                                       port_write, port_finish, port_reset};

/* -- the other roles
 * -----------------------------------------------------------------------------*/

static enum err
role_on_message(void *ctx, struct chan *chan, struct msg *m)
{
    struct edgekit_heard *h = ctx;
    const struct msg_rule *rule = msg_rule_of(m->type);
    h->count++;
    h->type = m->type;
    memcpy(h->transfer, m->transfer, sizeof(h->transfer));
    memcpy(h->body, m->body.ptr, m->body.len);
    h->len = m->body.len;
    h->fd_count = m->fd_count;
    for (size_t i = 0; i < m->fd_count; i++)
        h->fds[i] = msg_take_fd(m, i);
    if ((rule->flags & MSG_F_ASK) != 0)
        h->ticket = chan_ticket_of(chan, m);
    return ERR_OK;
}

static void
role_on_lost(void *ctx, struct chan *chan)
{
    (void)ctx;
    (void)chan;
}

static void
role_on_violation(void *ctx, struct chan *chan, enum err why, uint32_t type)
{
    (void)ctx;
    printf("# %s breaks the rules: %s, type %u\n", role_name(chan_role(chan)), error_name(why),
           (unsigned)type);
    CHECK(false && "edge breaks the rules");
}

static enum err
edge_on_message(void *ctx, struct chan *chan, struct msg *m)
{
    struct edgekit *k = ctx;
    return edge_message(k->edge, chan, m);
}

static void
edge_on_violation(void *ctx, struct chan *chan, enum err why, uint32_t type)
{
    struct edgekit *k = ctx;
    (void)chan;
    (void)why;
    (void)type;
    k->violations++;
}

static struct chan *
kit_chan(void *ctx, enum role_id role, unsigned index)
{
    struct edgekit *k = ctx;
    return index == 0 && k->to[role] != NULL && chan_is_open(k->to[role]) ? k->to[role] : NULL;
}

static int64_t
kit_now(void *ctx)
{
    return ((struct edgekit *)ctx)->now_ms;
}

static void
kit_pair(struct edgekit *k, enum role_id role)
{
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    k->generation++;
    CHECK_EQ(chan_open(k->to[role], pair[0], k->generation), ERR_OK);
    CHECK_EQ(chan_open(k->from[role], pair[1], k->generation), ERR_OK);
}

void
edgekit_start(struct edgekit *k)
{
    memset(k, 0, sizeof(*k));
    CHECK_EQ(crypto_init(), ERR_OK);
    CHECK_EQ(loop_new(&k->loop), ERR_OK);
    k->edge_host = calloc(1, sizeof(*k->edge_host));
    *k->edge_host = (struct chan_host){.loop = k->loop,
                                       .self = ROLE_EDGE,
                                       .ctx = k,
                                       .on_message = edge_on_message,
                                       .on_lost = role_on_lost,
                                       .on_violation = edge_on_violation};
    for (size_t i = 0; i < KIT_ROLES; i++) {
        const enum role_id role = kit_roles[i];
        k->hosts[role] = calloc(1, sizeof(*k->hosts[role]));
        *k->hosts[role] = (struct chan_host){.loop = k->loop,
                                             .self = role,
                                             .ctx = &k->heard[role],
                                             .on_message = role_on_message,
                                             .on_lost = role_on_lost,
                                             .on_violation = role_on_violation};
        CHECK_EQ(chan_new(k->edge_host, role, 0, false, &k->to[role]), ERR_OK);
        CHECK_EQ(chan_new(k->hosts[role], ROLE_EDGE, 0, false, &k->from[role]), ERR_OK);
        kit_pair(k, role);
    }
    k->config = (struct edge_config){.loop = k->loop,
                                     .chan = kit_chan,
                                     .now_ms = kit_now,
                                     .ctx = k,
                                     .zone = "my-cyberjaya",
                                     .gateway = "gw1",
                                     .dataset_bytes_max = 1 << 20,
                                     .name_bytes_max = 255,
                                     .facts_bytes_max = 1024,
                                     .decisions_rate = 2,
                                     .role_ms = 1000,
                                     .ring_slots = 2,
                                     .transfers_max = 8};
    k->who = (struct identity){IDENTITY_PARTNER, "my-cyberjaya", "hospital-kl", {7}};
    k->now_ms = 1000;
    CHECK_EQ(edge_new(&k->config, &k->edge), ERR_OK);
}

void
edgekit_finish(struct edgekit *k)
{
    for (uint32_t n = 1; n < KIT_STREAMS; n++) {
        if (k->streams[n].open)
            edgekit_event(k, n, HTTP_EVENT_ABORT, ERR_CLOSED);
        free(k->streams[n].body);
    }
    edgekit_run(k);
    for (size_t i = 0; i < KIT_ROLES; i++) {
        chan_free(k->to[kit_roles[i]]);
        chan_free(k->from[kit_roles[i]]);
    }
    edge_free(k->edge);
    for (size_t i = 0; i < KIT_ROLES; i++)
        free(k->hosts[kit_roles[i]]);
    free(k->edge_host);
    loop_free(k->loop);
}

void
edgekit_run(struct edgekit *k)
{
    for (int i = 0; i < 24; i++)
        CHECK_EQ(loop_run_once(k->loop, false), ERR_OK);
}

void
edgekit_hear(struct edgekit *k, enum role_id role)
{
    const unsigned before = k->heard[role].count;
    for (int i = 0; i < 200 && k->heard[role].count == before; i++)
        CHECK_EQ(loop_run_once(k->loop, true), ERR_OK);
    CHECK_EQ(k->heard[role].count, before + 1);
    edgekit_run(k);
}

/* -- requests
 * ------------------------------------------------------------------------------------*/

static void
kit_head(struct edgekit_stream *s, enum http_method method, const char *target, const char *headers)
{
    CHECK_EQ(http_target(&s->head, span_str(target)), ERR_OK);
    s->head.method = method;
    while (*headers != 0) {
        const char *colon = strchr(headers, ':');
        const char *end = strchr(headers, '\n');
        CHECK(colon != NULL && end != NULL && s->head.header_count < HTTP_HEADERS_MAX);
        s->head.headers[s->head.header_count++] =
            (struct http_header){span_of(headers, (size_t)(colon - headers)),
                                 span_of(colon + 2, (size_t)(end - colon - 2))};
        headers = end + 1;
    }
    struct span value;
    s->head.expect_continue =
        http_header_get(&s->head, "expect", &value) == ERR_OK && s->head.has_body;
}

static struct edgekit_stream *
kit_open(struct edgekit *k, uint32_t n)
{
    struct edgekit_stream *s = &k->streams[n];
    CHECK(!s->open);
    free(s->body);
    memset(s, 0, sizeof(*s));
    s->open = true;
    s->room = SIZE_MAX;
    return s;
}

void
edgekit_request(struct edgekit *k, uint32_t n, enum http_method method, const char *target,
                const char *headers)
{
    struct edgekit_stream *s = kit_open(k, n);
    s->head.has_length = true;
    kit_head(s, method, target, headers);
    edgekit_event(k, n, HTTP_EVENT_HEAD, ERR_OK);
    if (s->open)
        edgekit_event(k, n, HTTP_EVENT_END, ERR_OK);
    edgekit_run(k);
}

void
edgekit_upload(struct edgekit *k, uint32_t n, enum http_method method, const char *target,
               const char *headers, uint64_t length)
{
    struct edgekit_stream *s = kit_open(k, n);
    s->head.has_body = length > 0;
    s->head.has_length = length != UINT64_MAX;
    s->head.length = s->head.has_length ? length : 0;
    kit_head(s, method, target, headers);
    edgekit_event(k, n, HTTP_EVENT_HEAD, ERR_OK);
    edgekit_run(k);
}

void
edgekit_data(struct edgekit *k, uint32_t n, struct span data)
{
    struct edgekit_stream *s = &k->streams[n];
    const struct http_event event = {HTTP_EVENT_DATA, n, &s->head, data, ERR_OK};
    CHECK(s->granted >= data.len);
    s->granted -= data.len;
    edge_event(k->edge, &port, k, &k->who, &event);
    edgekit_run(k);
}

void
edgekit_event(struct edgekit *k, uint32_t n, enum http_event_type type, enum err reason)
{
    struct edgekit_stream *s = &k->streams[n];
    const struct http_event event = {type, n, &s->head, {NULL, 0}, reason};
    if (type == HTTP_EVENT_DONE || type == HTTP_EVENT_ABORT)
        s->open = false;
    edge_event(k->edge, &port, k, &k->who, &event);
}

/* -- what the other roles do
 * ---------------------------------------------------------------------*/

static void
kit_transfer(const char *hex, uint8_t out[16])
{
    memset(out, 0, 16);
    for (size_t i = 0; hex != NULL && i < 16 && hex[i] != 0; i++)
        out[i] = (uint8_t)hex[i];
}

void
edgekit_answer(struct edgekit *k, enum role_id role, enum msg_type type, const char *transfer,
               struct span body, int fd)
{
    struct msg m = {.type = type, .body = body};
    struct chan_ticket t = k->heard[role].ticket;
    if (fd >= 0) {
        m.fds[0] = fd;
        m.fd_count = 1;
    }
    if (transfer != NULL)
        kit_transfer(transfer, t.transfer);
    CHECK_EQ(chan_answer(&t, &m), ERR_OK);
    edgekit_run(k);
}

void
edgekit_tell(struct edgekit *k, enum role_id role, enum msg_type type, const char *transfer,
             struct span body, const int *fds, size_t fd_count)
{
    struct msg m = {.type = type, .body = body, .fd_count = fd_count};
    for (size_t i = 0; i < fd_count; i++)
        m.fds[i] = fds[i];
    kit_transfer(transfer, m.transfer);
    CHECK_EQ(chan_send(k->from[role], &m), ERR_OK);
    edgekit_run(k);
}

void
edgekit_go(struct edgekit *k, const char *transfer, uint64_t bytes_max)
{
    static uint8_t buf[256];
    struct p_upload_go p = {.inspector_gen = chan_incarnation(k->to[ROLE_INSPECTOR]),
                            .bytes_max = bytes_max};
    struct span body;
    memset(p.offer_hash, 9, sizeof(p.offer_hash));
    CHECK_EQ(payload_upload_go_put(&p, buf, sizeof(buf), &body), ERR_OK);
    edgekit_answer(k, ROLE_CLERK, MSG_UPLOAD_GO, transfer, body, -1);
}

struct ring *
edgekit_ring(struct edgekit *k)
{
    struct ring *ring = NULL;
    struct edgekit_heard *h = &k->heard[ROLE_INSPECTOR];
    CHECK_EQ(h->type, MSG_RING_UPLOAD);
    CHECK_EQ(h->fd_count, RING_FDS);
    CHECK_EQ(ring_attach(h->fds, 4, &ring), ERR_OK);
    return ring;
}

struct p_upload_end
edgekit_end(const struct edgekit *k)
{
    struct p_upload_end end = {0};
    const struct edgekit_heard *h = &k->heard[ROLE_CLERK];
    CHECK_EQ(h->type, MSG_UPLOAD_END);
    CHECK_EQ(payload_upload_end_get(span_of(h->body, h->len), &end), ERR_OK);
    return end;
}

void
edgekit_says(struct edgekit *k, const char *transfer, uint16_t status, const char *code,
             const char *body, uint8_t flags)
{
    static uint8_t buf[MSG_PAYLOAD_MAX];
    struct span out;
    const struct p_answer p = {
        .status = status, .code = span_str(code), .body = span_str(body), .flags = flags};
    CHECK_EQ(payload_answer_put(&p, buf, sizeof(buf), &out), ERR_OK);
    edgekit_answer(k, ROLE_CLERK, MSG_ANSWER, transfer, out, -1);
}

void
edgekit_replace(struct edgekit *k, enum role_id role)
{
    chan_close(k->from[role]);
    edgekit_run(k);
    CHECK(!chan_is_open(k->to[role]));
    kit_pair(k, role);
    edge_new_peer(k->edge, k->to[role]);
    edgekit_run(k);
}

bool
edgekit_has(const struct edgekit *k, uint32_t n, const char *line)
{
    const bool has = strstr(k->streams[n].headers, line) != NULL;
    if (!has)
        printf("# no \"%s\" in:\n# %s\n", line, k->streams[n].headers);
    return has;
}

bool
edgekit_body_has(const struct edgekit *k, uint32_t n, const char *text)
{
    const struct edgekit_stream *s = &k->streams[n];
    const bool has = s->body != NULL && memmem(s->body, s->body_len, text, strlen(text)) != NULL;
    if (!has)
        printf("# no %s in %.*s\n", text, (int)s->body_len, (const char *)s->body);
    return has;
}
