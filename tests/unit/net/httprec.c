/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/net/httprec.h"

#include <inttypes.h>
#include <stdio.h>

void
httprec_reset(struct httprec *rec)
{
    rec->in_data = false;
    rec->heads = 0;
    rec->ends = 0;
    rec->dones = 0;
    rec->aborts = 0;
    rec->data_bytes = 0;
    rec->last_stream = 0;
    rec->last_reason = ERR_OK;
    rec->len = 0;
    rec->text[0] = 0;
}

static void
httprec_put(struct httprec *rec, struct span s)
{
    const size_t room = sizeof(rec->text) - 1 - rec->len;
    const size_t len = s.len < room ? s.len : room;
    if (len > 0)
        memcpy(rec->text + rec->len, s.ptr, len);
    rec->len += len;
    rec->text[rec->len] = 0;
}

static void
httprec_head(struct httprec *rec, const struct http_request *head)
{
    char line[64];
    httprec_put(rec, span_str(http_method_text(head->method)));
    httprec_put(rec, SPAN_LIT(" "));
    httprec_put(rec, head->path);
    httprec_put(rec, SPAN_LIT(" ? "));
    httprec_put(rec, head->query);
    httprec_put(rec, SPAN_LIT(" @ "));
    httprec_put(rec, head->authority);
    (void)snprintf(line, sizeof(line), " body=%d known=%d length=%" PRIu64 " expect=%d\n",
                   head->has_body, head->has_length, head->length, head->expect_continue);
    httprec_put(rec, span_str(line));
    for (size_t i = 0; i < head->header_count; i++) {
        httprec_put(rec, head->headers[i].name);
        httprec_put(rec, SPAN_LIT("="));
        httprec_put(rec, head->headers[i].value);
        httprec_put(rec, SPAN_LIT("\n"));
    }
}

static void
httprec_answer(struct httprec *rec, uint32_t stream)
{
    const struct http_header type = {SPAN_LIT("content-type"), SPAN_LIT("text/plain")};
    const struct http_response ok = {
        .status = 200, .headers = &type, .header_count = 1, .has_length = true, .length = 2};
    size_t len = 0;
    if (rec->ops->respond(rec->engine, stream, &ok) != ERR_OK ||
        rec->ops->write(rec->engine, stream, SPAN_LIT("ok"), &len) != ERR_OK || len != 2 ||
        rec->ops->finish(rec->engine, stream) != ERR_OK)
        httprec_put(rec, SPAN_LIT("ANSWER FAILED\n"));
}

void
httprec_event(void *ctx, const struct http_event *event)
{
    struct httprec *rec = ctx;
    char line[64];
    if (event->type != HTTP_EVENT_DATA && rec->in_data) {
        httprec_put(rec, SPAN_LIT("\n"));
        rec->in_data = false;
    }
    rec->last_stream = event->stream;
    switch (event->type) {
    case HTTP_EVENT_HEAD:
        rec->heads++;
        httprec_head(rec, event->head);
        if (rec->credit > 0 && rec->ops->grant(rec->engine, event->stream, rec->credit) != ERR_OK)
            httprec_put(rec, SPAN_LIT("GRANT FAILED\n"));
        if (rec->early)
            httprec_answer(rec, event->stream);
        break;
    case HTTP_EVENT_DATA:
        rec->in_data = true;
        rec->data_bytes += event->data.len;
        httprec_put(rec, event->data);
        break;
    case HTTP_EVENT_END:
        rec->ends++;
        httprec_put(rec, SPAN_LIT("END\n"));
        if (rec->answers)
            httprec_answer(rec, event->stream);
        break;
    case HTTP_EVENT_WRITABLE:
        httprec_put(rec, SPAN_LIT("WRITABLE\n"));
        break;
    case HTTP_EVENT_DONE:
        rec->dones++;
        httprec_put(rec, SPAN_LIT("DONE\n"));
        break;
    case HTTP_EVENT_ABORT:
        rec->aborts++;
        rec->last_reason = event->reason;
        (void)snprintf(line, sizeof(line), "ABORT %s\n", error_name(event->reason));
        httprec_put(rec, span_str(line));
        break;
    }
}
