/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/clerk/row_page.h"

#include "gateway/clerk/transfer_json.h"
#include "gateway/flow/flow_state.h"
#include "schemas/text.h"

#include <stdio.h>

/* A page ends early when the longest row might not fit any more. */
enum { ROW_PAGE_BYTES = 4 << 20, ROW_PAGE_ROW_MAX = TRANSFER_JSON_MAX, ROW_PAGE_LINK = 256 };

struct row_page_list {
    struct flow *f;
    const struct row_page *page;
    struct canon w;
    uint64_t last_seq;
    uint32_t count;
    bool is_cut;
};

static enum err
page_row(void *ctx, const struct store_row *row)
{
    struct row_page_list *list = ctx;
    const size_t mark = list->f->room.len;
    if (list->w.len > ROW_PAGE_BYTES - ROW_PAGE_ROW_MAX) {
        list->is_cut = true;
        return ERR_CANCELLED;
    }
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
    const enum err err = store_row_list(f->store, filter, page_row, list);
    if (err != ERR_OK && !list->is_cut)
        return err;
    canon_end(&list->w);
    canon_end(&list->w);
    return canon_finish(&list->w, ret);
}

/* RFC 8288: the next page is of the same list, so it is asked with the same filter. */
static enum err
page_link(const struct row_page_list *list, const struct store_filter *filter,
          char link[static ROW_PAGE_LINK])
{
    char since[25] = "";
    const bool by_state = filter->shown >= 0;
    if (filter->since_ms > 0)
        TRY(text_time_ms(filter->since_ms, since));
    (void)snprintf(link, ROW_PAGE_LINK, "<%s?before=%llu&limit=%u%s%s%s%s>; rel=\"next\"",
                   list->page->path, (unsigned long long)list->last_seq, filter->limit,
                   by_state ? "&state=" : "",
                   by_state ? flow_state_word((enum flow_shown)filter->shown) : "",
                   since[0] != 0 ? "&since=" : "", since);
    return ERR_OK;
}

void
row_page_answer(struct flow *f, const struct chan_ticket *ticket, const struct store_filter *filter,
                const struct row_page *page)
{
    struct row_page_list list = {.f = f, .page = page};
    char link[ROW_PAGE_LINK] = "";
    struct span body;
    enum err err = page_body(&list, filter, &body);
    if (err == ERR_OK && (list.is_cut || list.count == filter->limit))
        err = page_link(&list, filter, link);
    if (err != ERR_OK)
        flow_reply_code(f, ticket, NULL, "internal", SPAN_LIT(""), SPAN_LIT(""));
    else
        flow_reply_json(f, ticket, NULL, 200, body, 0, span_str(link));
}
