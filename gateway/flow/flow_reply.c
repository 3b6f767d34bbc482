/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/clerk/transfer_json.h"
#include "gateway/flow/stages.h"
#include "schemas/problem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FLOW_REPLY_RETRY_S = 2 };

static void
reply_send(struct flow *f, const struct chan_ticket *ticket, const uint8_t *id, enum msg_type type,
           struct span body, const int *fds, size_t fd_count)
{
    struct chan_ticket to = *ticket;
    struct msg m = {.type = type, .body = body, .fd_count = fd_count};
    if (id != NULL)
        memcpy(to.transfer, id, sizeof(to.transfer));
    for (size_t i = 0; i < fd_count; i++)
        m.fds[i] = fds[i];
    const enum err err = f->out.answer(f->out.ctx, &to, &m);
    /* Who asked is gone, or its queue is full and it will give up: nobody waits for this. */
    (void)err;
}

static void
reply_answer(struct flow *f, const struct chan_ticket *ticket, const uint8_t *id,
             struct p_answer *answer)
{
    struct span body;
    int fd = -1;
    const struct span text = answer->body;
    if (payload_answer_put(answer, f->tx, sizeof(f->tx), &body) == ERR_OK) {
        reply_send(f, ticket, id, MSG_ANSWER, body, NULL, 0);
        return;
    }
    answer->body = (struct span){0};
    if (flow_reply_memfd(text, &fd) == ERR_OK &&
        payload_answer_put(answer, f->tx, sizeof(f->tx), &body) == ERR_OK)
        reply_send(f, ticket, id, MSG_ANSWER, body, &fd, 1);
    if (fd >= 0)
        (void)close(fd);
}

void
flow_reply_code(struct flow *f, const struct chan_ticket *ticket, const uint8_t *id,
                const char *code, struct span detail, struct span body)
{
    enum problem_code which = PROBLEM_INTERNAL;
    const struct span name = span_str(code);
    const bool known = problem_find(name, &which) == ERR_OK;
    const struct problem_info *info = problem_get(which);
    struct p_answer answer = {
        .status = info->status, .code = span_str(info->code), .detail = detail, .body = body};
    if (!known && detail.len == 0)
        answer.detail = name;
    if (id != NULL)
        answer.flags = ANSWER_TRANSFER;
    if (info->retryable && info->status >= 429)
        answer.retry_after_s = FLOW_REPLY_RETRY_S;
    reply_answer(f, ticket, id, &answer);
}

void
flow_reply_json(struct flow *f, const struct chan_ticket *ticket, const uint8_t *id,
                uint16_t status, struct span body, uint8_t flags, struct span link)
{
    struct p_answer answer = {.status = status, .body = body, .flags = flags, .link = link};
    if (id != NULL)
        answer.flags |= ANSWER_TRANSFER;
    reply_answer(f, ticket, id, &answer);
}

/* What a PUT is told about a row. Views into the room. */
struct reply_put {
    uint16_t status;
    const char *code; /* "" = JSON */
    struct span body;
    struct span detail;
};

static enum err
reply_put_of(struct flow *f, const struct store_row *row, struct reply_put *ret)
{
    struct reply_put put = {.status = 202, .code = ""};
    if (row->shown == FLOW_SHOWN_FAILED) {
        enum problem_code which = PROBLEM_INTERNAL;
        put.code = problem_find(span_str(row->reason), &which) == ERR_OK ? row->reason : "internal";
        put.status = problem_get(which)->status;
        *ret = put;
        return ERR_OK;
    }
    if (row->shown == FLOW_SHOWN_DENIED || row->shown == FLOW_SHOWN_EXPIRED) {
        put.status = 403;
        put.code = "denied";
        TRY(transfer_json_decision(f, row, &put.body));
        /* What cannot be described is still refused. */
        if (flow_columns(f, row, &put.detail) != ERR_OK)
            put.detail = (struct span){0};
        *ret = put;
        return ERR_OK;
    }
    if (row->shown == FLOW_SHOWN_SETTLED || row->shown == FLOW_SHOWN_DELIVERED)
        put.status = 201;
    TRY(transfer_json_write(f, row, &put.body));
    *ret = put;
    return ERR_OK;
}

void
flow_reply_put(struct flow *f, struct flow_run *run, bool timeout)
{
    const struct store_row *row = &run->row;
    const bool told = flow_state_is_final(row->shown) || row->shown == FLOW_SHOWN_HELD ||
                      row->shown == FLOW_SHOWN_HELD_AGAIN;
    struct reply_put put;
    if (row->direction != DIRECTION_EXPORT || row->seq == 0 || f->dead || (!told && !timeout))
        return;
    const struct chan_ticket ticket = run->has_put ? run->put : run->open;
    const bool waits = run->has_put || (run->has_open && told);
    enum err err = reply_put_of(f, row, &put);
    if (err == ERR_OK) {
        err = store_begin(f->store);
        if (err == ERR_OK)
            err = store_idem_answer(f->store, row->id, put.status, span_str(put.code), put.body);
        err = store_end(f->store, err);
    }
    if (err == ERR_IO)
        flow_run_dead(f);
    if (f->dead || !waits)
        return;
    run->has_put = false;
    run->has_open = false;
    if (err != ERR_OK)
        flow_reply_code(f, &ticket, row->id, "internal", SPAN_LIT(""), SPAN_LIT(""));
    else if (put.code[0] != 0)
        flow_reply_code(f, &ticket, row->id, put.code, put.detail, put.body);
    else
        flow_reply_json(f, &ticket, row->id, put.status, put.body, ANSWER_LOCATION, SPAN_LIT(""));
}

void
flow_reply_row(struct flow *f, const struct chan_ticket *ticket, const struct store_row *row)
{
    struct reply_put put;
    if (reply_put_of(f, row, &put) != ERR_OK)
        flow_reply_code(f, ticket, row->id, "internal", SPAN_LIT(""), SPAN_LIT(""));
    else if (put.code[0] != 0)
        flow_reply_code(f, ticket, row->id, put.code, put.detail, put.body);
    else
        flow_reply_json(f, ticket, row->id, put.status, put.body, ANSWER_LOCATION, SPAN_LIT(""));
}

void
flow_reply_stored(struct flow *f, const struct chan_ticket *ticket, const struct store_idem *idem)
{
    struct p_answer answer = {.status = (uint16_t)idem->status,
                              .code = idem->code,
                              .body = idem->body,
                              .flags = ANSWER_TRANSFER | ANSWER_REPLAYED};
    struct store_row row;
    /* The same body as the first time: what it said of columns is as the row has it. */
    if (span_eq_str(idem->code, "denied") &&
        (store_row_get(f->store, idem->transfer, &row) != ERR_OK ||
         flow_columns(f, &row, &answer.detail) != ERR_OK))
        answer.detail = (struct span){0};
    reply_answer(f, ticket, idem->transfer, &answer);
}

void
flow_reply_corridor(struct flow *f, const struct chan_ticket *ticket, uint16_t status,
                    struct span body, const struct store_row *row, const int *fds)
{
    struct p_corridor_answer answer = {.status = status, .body = body};
    struct span out;
    if (row != NULL) {
        answer.groups = row->groups;
        answer.body_len = row->body_bytes;
        memcpy(answer.root, row->root, sizeof(answer.root));
    }
    if (payload_corridor_answer_put(&answer, f->tx, sizeof(f->tx), &out) == ERR_OK)
        reply_send(f, ticket, NULL, MSG_CORRIDOR_ANSWER, out, fds, fds == NULL ? 0 : 2);
}

enum err
flow_reply_read(struct flow *f, int fd, size_t max, struct span *ret)
{
    struct stat st;
    uint8_t *out = NULL;
    size_t len = 0;
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < 0)
        return ERR_IO;
    if ((uint64_t)st.st_size > max)
        return ERR_TOO_LARGE;
    TRY(room_take(&f->room, (size_t)st.st_size, &out));
    while (len < (size_t)st.st_size) {
        const ssize_t got = pread(fd, out + len, (size_t)st.st_size - len, (off_t)len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return ERR_IO;
        len += (size_t)got;
    }
    *ret = span_of(out, len);
    return ERR_OK;
}

enum err
flow_reply_memfd(struct span bytes, int *ret_fd)
{
    const int fd = memfd_create("tdz-clerk", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    size_t len = 0;
    if (fd < 0)
        return ERR_SYS;
    while (len < bytes.len) {
        const ssize_t put = pwrite(fd, bytes.ptr + len, bytes.len - len, (off_t)len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            break;
        len += (size_t)put;
    }
    if (len < bytes.len ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        (void)close(fd);
        return ERR_SYS;
    }
    *ret_fd = fd;
    return ERR_OK;
}
