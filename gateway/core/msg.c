/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/core/msg.h"

#include <assert.h>
#include <unistd.h>

#include "schemas/wire.h"

static const struct msg_rule msg_table[] = {
#define MSG(NAME, number, from, to, bytes_max, fds, flags) \
    {#NAME, (number), (from), (to), (bytes_max), (fds), (flags)},
#include "gateway/core/msg.def"
#undef MSG
};

/* A row that breaks these would be a hole in every check below, so it does not compile. */
#define MSG(NAME, number, from, to, bytes_max, fds, flags)                                      \
    static_assert((number) > 0 && (number) <= UINT16_MAX, #NAME " has no usable number");       \
    static_assert((bytes_max) <= MSG_PAYLOAD_MAX, #NAME " is larger than a message can be");    \
    static_assert((fds) <= MSG_FDS_MAX, #NAME " has more descriptors than a message can have"); \
    static_assert(((from)&ROLES_ALL) == (from) && (from) != 0, #NAME " has no sender");         \
    static_assert(((to)&ROLES_ALL) == (to) && (to) != 0, #NAME " has no receiver");             \
    static_assert(((flags)&15) == 1 || ((flags)&15) == 2 || ((flags)&15) == 4 ||                \
                      ((flags)&15) == 8,                                                        \
                  #NAME " must be one of TELL, ASK, ANSWER, EITHER");
#include "gateway/core/msg.def"
#undef MSG

enum { MSG_TABLE_COUNT = sizeof(msg_table) / sizeof(msg_table[0]) };

const struct msg_rule *
msg_rules(size_t *ret_count)
{
    *ret_count = MSG_TABLE_COUNT;
    return msg_table;
}

/* A compiled switch instead of a search; a number used twice does not compile. */
const struct msg_rule *
msg_rule_of(uint32_t number)
{
    enum {
#define MSG(NAME, number, from, to, bytes_max, fds, flags) MSG_AT_##NAME,
#include "gateway/core/msg.def"
#undef MSG
    };
    switch (number) {
#define MSG(NAME, number, from, to, bytes_max, fds, flags) \
    case (number):                                         \
        return &msg_table[MSG_AT_##NAME];
#include "gateway/core/msg.def"
#undef MSG
    default:
        return NULL;
    }
}

const char *
msg_name(enum msg_type type)
{
    const struct msg_rule *rule = msg_rule_of((uint32_t)type);
    return rule == NULL ? "?" : rule->name;
}

static bool
msg_rule_pairs(const struct msg_rule *rule, enum role_id from, enum role_id to)
{
    return (rule->from & ROLE_BIT(from)) != 0 && (rule->to & ROLE_BIT(to)) != 0;
}

bool
msg_pair_allowed(enum role_id a, enum role_id b, bool blocking)
{
    assert(a < ROLE_COUNT && b < ROLE_COUNT);
    for (size_t i = 0; i < MSG_TABLE_COUNT; i++) {
        const struct msg_rule *rule = &msg_table[i];
        if (((rule->flags & MSG_F_BLOCKING) != 0) != blocking)
            continue;
        if (msg_rule_pairs(rule, a, b) || msg_rule_pairs(rule, b, a))
            return true;
    }
    return false;
}

bool
msg_asks_blocking(enum role_id from, enum role_id to)
{
    assert(from < ROLE_COUNT && to < ROLE_COUNT);
    for (size_t i = 0; i < MSG_TABLE_COUNT; i++) {
        const struct msg_rule *rule = &msg_table[i];
        if ((rule->flags & MSG_F_BLOCKING) != 0 && (rule->flags & MSG_F_ASK) != 0 &&
            msg_rule_pairs(rule, from, to))
            return true;
    }
    return false;
}

static bool
msg_has_transfer(const struct msg *m)
{
    static const uint8_t none[MSG_TRANSFER_BYTES];
    return memcmp(m->transfer, none, sizeof(none)) != 0;
}

enum err
msg_check(const struct msg *m, enum role_id from, enum role_id to, bool blocking)
{
    assert(from < ROLE_COUNT && to < ROLE_COUNT);
    const struct msg_rule *rule = msg_rule_of((uint32_t)m->type);
    if (rule == NULL || !msg_rule_pairs(rule, from, to))
        return ERR_PROTOCOL;
    if (((rule->flags & MSG_F_BLOCKING) != 0) != blocking)
        return ERR_PROTOCOL;
    if ((rule->flags & MSG_F_ANSWER) != 0 && m->re == 0)
        return ERR_PROTOCOL;
    if ((rule->flags & (MSG_F_TELL | MSG_F_ASK)) != 0 && m->re != 0)
        return ERR_PROTOCOL;
    if ((rule->flags & MSG_F_TRANSFER) != 0 && !msg_has_transfer(m))
        return ERR_PROTOCOL;
    if (m->fd_count > rule->fds)
        return ERR_PROTOCOL;
    if ((rule->flags & MSG_F_FDS_UPTO) == 0 && m->fd_count != rule->fds)
        return ERR_PROTOCOL;
    return m->body.len > rule->bytes_max ? ERR_TOO_LARGE : ERR_OK;
}

enum err
msg_encode(const struct msg *m, uint8_t *buf, size_t cap, size_t *ret_len)
{
    struct wire_writer w;
    struct span out;
    wire_writer_init(&w, buf, cap);
    wire_put_u16(&w, MSG_VERSION);
    wire_put_u16(&w, (uint16_t)m->type);
    wire_put_u32(&w, m->generation);
    wire_put_u32(&w, m->seq);
    wire_put_u32(&w, m->re);
    wire_put_bytes(&w, span_of(m->transfer, MSG_TRANSFER_BYTES));
    assert(w.err != ERR_OK || w.len == MSG_HEADER_BYTES - 4);
    wire_put_vec32(&w, m->body);
    TRY(wire_writer_finish(&w, &out));
    *ret_len = out.len;
    return ERR_OK;
}

enum err
msg_decode(struct span in, struct msg *ret)
{
    struct wire_reader r;
    struct msg m = {.type = MSG_NONE};
    wire_reader_init(&r, in);
    const uint16_t version = wire_get_u16(&r);
    const uint16_t type = wire_get_u16(&r);
    m.generation = wire_get_u32(&r);
    m.seq = wire_get_u32(&r);
    m.re = wire_get_u32(&r);
    wire_get_copy(&r, m.transfer, MSG_TRANSFER_BYTES);
    m.body = wire_get_vec32(&r, MSG_PAYLOAD_MAX);
    TRY(wire_reader_finish(&r));
    if (version != MSG_VERSION)
        return ERR_VERSION;
    if (msg_rule_of(type) == NULL)
        return ERR_PROTOCOL;
    m.type = (enum msg_type)type;
    *ret = m;
    return ERR_OK;
}

int
msg_take_fd(struct msg *m, size_t i)
{
    if (i >= m->fd_count)
        return -1;
    const int fd = m->fds[i];
    m->fds[i] = -1;
    return fd;
}

void
msg_close_fds(struct msg *m)
{
    assert(m->fd_count <= MSG_FDS_MAX);
    for (size_t i = 0; i < m->fd_count; i++) {
        if (m->fds[i] >= 0)
            (void)close(m->fds[i]);
        m->fds[i] = -1;
    }
    m->fd_count = 0;
}
