/* SPDX-License-Identifier: Apache-2.0 */
/* Lists over several pages: the link of one leads to the next of the same list, and a page ends
 * before it is longer than an answer may be. */
#include "gateway/clerk/row_page.h"
#include "gateway/clerk/transfer_json.h"
#include "gateway/net/identity.h"
#include "schemas/text.h"
#include "tests/test.h"
#include "tests/unit/clerk/world.h"

#include <stdio.h>

enum { UPLOADS = 20, LONG = TRANSFER_JSON_MAX - 2 };

static struct world w;
static size_t items[UPLOADS];
static char text[LONG];

static bool
linked(const char *args, const char *before, const char *after)
{
    struct world_item *item = &w.items[items[0]];
    w.args = args;
    world_query(&w, items[0], QUERY_TRANSFERS, IDENTITY_PARTNER);
    world_run(&w);
    const bool good = item->status == 200 && strstr(item->link, before) != NULL &&
                      strstr(item->link, after) != NULL;
    if (!good)
        printf("# %s: %u %s\n", args, item->status, item->link);
    return good;
}

static void
test_links(void)
{
    TEST("the link to the next page has the filter of this one")
    {
        CHECK(linked("limit=1", "</v1/transfers?before=20&limit=1>", "; rel=\"next\""));
        CHECK(linked("state=settled&limit=2", "?before=19&limit=2&state=settled>", "rel"));
        CHECK(linked("limit=1&since=1970-01-01T00:00:01Z", "&since=1970-01-01T00:00:01.000Z>", ""));
        CHECK(linked("since=1970-01-01&limit=3&state=settled&before=9",
                     "?before=6&limit=3&state=settled>", ""));
        CHECK(linked("limit=20", "before=1&limit=20>", ""));
    }
    TEST("the last page has no link")
    {
        CHECK(linked("limit=21", "", "") && w.items[items[0]].link[0] == 0);
        CHECK(linked("state=denied&limit=1", "", "") && w.items[items[0]].link[0] == 0);
    }
    TEST("a limit that is none is refused")
    {
        static const char *const wrong[] = {"limit=0", "limit=501", "limit=", "limit=x",
                                            "limit=-1"};
        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
            w.args = wrong[i];
            world_query(&w, items[0], QUERY_TRANSFERS, IDENTITY_PARTNER);
            world_run(&w);
            CHECK_EQ(w.items[items[0]].status, 400);
        }
    }
}

static enum err
put_long(struct flow *f, const struct store_row *row, struct canon *out)
{
    (void)f;
    (void)row;
    canon_string(out, span_of(text, sizeof(text)));
    return ERR_OK;
}

static void
test_bytes(void)
{
    static const struct row_page page = {"/v1/transfers", "transfers", put_long};
    struct store_filter filter = {
        .direction = -1, .shown = -1, .before_seq = UINT64_MAX, .limit = 500};
    struct chan_ticket ticket = {.generation = (uint32_t)items[0] + 1, .seq = w.generation};
    unsigned pages = 0;
    memset(text, 'x', sizeof(text));
    TEST("rows too long for one answer come as several pages, each with a link")
    {
        for (;;) {
            struct world_item *item = &w.items[items[0]];
            item->link[0] = 0;
            w.flow->room.len = 0;
            row_page_answer(w.flow, &ticket, &filter, &page);
            CHECK_EQ(item->status, 200);
            pages++;
            const char *at = strstr(item->link, "before=");
            if (at == NULL || pages > UPLOADS)
                break;
            const char *digits = at + strlen("before=");
            uint64_t next = 0;
            CHECK_EQ(text_parse_u64(span_of(digits, strcspn(digits, "&>")), UINT64_MAX, &next),
                     ERR_OK);
            CHECK(next < filter.before_seq);
            filter.before_seq = next;
        }
        CHECK_EQ(pages, 3);
    }
}

int
main(void)
{
    world_start(&w);
    for (size_t i = 0; i < UPLOADS; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "table-%zu.csv", i);
        items[i] = world_upload(&w, name, "", i, 1, 1);
        world_run(&w);
    }
    test_links();
    test_bytes();
    world_stop(&w);
    return test_end();
}
