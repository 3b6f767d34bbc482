/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/clerk/row_page.h"

#include <stdio.h>

enum { ROW_PAGE_BYTES = 4 << 20 };

struct row_page_list {
    struct flow *f;
    const struct row_page *page;
    struct canon w;
    uint64_t last_seq;
    uint32_t count;
};

static enum err
page_row(void *ctx, const struct store_row *row)
{
    struct row_page_list *list = ctx;
    const size_t mark = list->f->room.len;
    list->last_seq = row->seq;
    list->count++;
    const enum err err = list->page->put(list->f, row, &list->w);
    list->f->room.len = mark;
    return err;
}

static enum err
page_body(struct row_page_list *list, const struct store_filter *filter, struct span *ret)
{
    struct flow *f = list->f;
    uint8_t *out = NULL;
    TRY(room_take(&f->room, ROW_PAGE_BYTES, &out));
    canon_init(&list->w, (char *)out, ROW_PAGE_BYTES);
    canon_object(&list->w);
    canon_key(&list->w, list->page->member);
    canon_array(&list->w);
    TRY(store_row_list(f->store, filter, page_row, list));
    canon_end(&list->w);
    canon_end(&list->w);
    return canon_finish(&list->w, ret);
}

void
row_page_answer(struct flow *f, const struct chan_ticket *ticket, const struct store_filter *filter,
                const struct row_page *page)
{
    struct row_page_list list = {.f = f, .page = page};
    char link[160] = "";
    struct span body;
    if (page_body(&list, filter, &body) != ERR_OK) {
        flow_reply_code(f, ticket, NULL, "internal", SPAN_LIT(""), SPAN_LIT(""));
        return;
    }
    if (list.count == filter->limit)
        (void)snprintf(link, sizeof(link), "<%s?before=%llu&limit=%u>; rel=\"next\"", page->path,
                       (unsigned long long)list.last_seq, filter->limit);
    flow_reply_json(f, ticket, NULL, 200, body, 0, span_str(link));
}
