/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/core/oplog.h"

#include <fcntl.h>
#include <unistd.h>

#include "schemas/json.h"
#include "tests/test.h"

static struct oplog oplog;
static char line[OPLOG_LINE_MAX];

static size_t
format(const struct oplog_field *fields, size_t count)
{
    return oplog_format(&oplog, EVENT_MESSAGE_BAD, fields, count, 0, line);
}

/* The line is one JSON object; *ret is the text of its member. */
static bool
member(size_t len, const char *key, char *out, size_t cap)
{
    struct json_doc doc = {.nodes = NULL};
    bool found = false;
    if (len == 0 || line[len - 1] != '\n' || memchr(line, '\n', len - 1) != NULL)
        return false;
    if (json_load(&doc, span_of(line, len), NULL) == ERR_OK) {
        const struct json_node *node = json_get(&doc, &doc.nodes[0], key);
        if (node != NULL && node->type == JSON_STRING && node->text.len < cap) {
            memcpy(out, node->text.ptr, node->text.len);
            out[node->text.len] = '\0';
            found = true;
        }
    }
    json_free(&doc);
    return found;
}

int
main(void)
{
    char text[2048];
    oplog_init(&oplog, -1, ROLE_EDGE, 3);
    TEST("a line is one JSON object with time, level, role, event and fields")
    {
        const struct oplog_field fields[] = {OPLOG_INT("n", -5), OPLOG_STR("s", "plain"),
                                             OPLOG_HEX("h", SPAN_LIT("\x01\xff"))};
        const size_t len = format(fields, 3);
        CHECK(member(len, "event", text, sizeof(text)) && strcmp(text, "message-bad") == 0);
        CHECK(member(len, "role", text, sizeof(text)) && strcmp(text, "edge") == 0);
        CHECK(member(len, "level", text, sizeof(text)) && strcmp(text, "error") == 0);
        CHECK(member(len, "time", text, sizeof(text)) &&
              strcmp(text, "1970-01-01T00:00:00.000Z") == 0);
        CHECK(member(len, "h", text, sizeof(text)) && strcmp(text, "01ff") == 0);
        CHECK(memmem(line, len, "\"n\":-5", 6) != NULL);
    }
    TEST("text of a peer cannot break out of its field or reach a terminal raw")
    {
        const struct oplog_field field = OPLOG_STR("s", "a\"},\n\\\x1b[31m\xe4\xb8\xad");
        const size_t len = format(&field, 1);
        CHECK(member(len, "s", text, sizeof(text)));
        CHECK(memchr(line, 0x1b, len) == NULL && memchr(line, 0xe4, len) == NULL);
        CHECK(memmem(line, len, "a\\u0022},\\u000a\\u005c\\u001b[31m", 31) != NULL);
    }
    TEST("long text is cut and marked, and a field that does not fit is left out whole")
    {
        static char huge[4000];
        struct oplog_field fields[OPLOG_FIELDS_MAX];
        memset(huge, 'x', sizeof(huge));
        for (size_t i = 0; i < OPLOG_FIELDS_MAX; i++)
            fields[i] = (struct oplog_field){"k", OPLOG_F_TEXT, 0, span_of(huge, sizeof(huge))};
        fields[1].key = "l";
        size_t len = format(fields, 2);
        CHECK(member(len, "l", text, sizeof(text)) && strlen(text) == OPLOG_TEXT_MAX + 3);
        memset(huge, 1, sizeof(huge)); /* six bytes each */
        fields[0].key = "first";
        for (size_t i = 2; i < OPLOG_FIELDS_MAX; i++)
            fields[i].key = &"abcdefghijkl"[i];
        len = format(fields, OPLOG_FIELDS_MAX);
        CHECK(len <= OPLOG_LINE_MAX && member(len, "first", text, sizeof(text)));
        CHECK(!member(len, "l", text, 4));
    }
    TEST("one event is written at most OPLOG_BURST times in its window, others still are")
    {
        int ends[2];
        static char all[OPLOG_BURST * 4 * 512];
        CHECK(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
        oplog_init(&oplog, ends[1], ROLE_EDGE, 0);
        for (int i = 0; i < OPLOG_BURST * 3; i++)
            OPLOG(&oplog, EVENT_MESSAGE_BAD, OPLOG_INT("i", i));
        OPLOG(&oplog, EVENT_INTERNAL, OPLOG_INT("i", 1));
        const ssize_t n = read(ends[0], all, sizeof(all));
        size_t lines = 0;
        for (ssize_t i = 0; i < n; i++)
            lines += all[i] == '\n' ? 1 : 0;
        CHECK_EQ(lines, OPLOG_BURST + 1);
        CHECK_EQ(oplog.limits[EVENT_MESSAGE_BAD].suppressed, OPLOG_BURST * 2);
        oplog.limits[EVENT_MESSAGE_BAD].window_ms -= OPLOG_WINDOW_MS;
        OPLOG(&oplog, EVENT_MESSAGE_BAD, OPLOG_INT("i", 1));
        const ssize_t more = read(ends[0], all, sizeof(all));
        CHECK(more > 0 && memmem(all, (size_t)more, "\"suppressed\":100", 16) != NULL);
        (void)close(ends[0]);
        (void)close(ends[1]);
    }
    TEST("a log that cannot be written drops lines and counts them")
    {
        oplog_init(&oplog, -1, ROLE_EDGE, 0);
        OPLOG(&oplog, EVENT_INTERNAL, OPLOG_INT("i", 1));
        CHECK_EQ(oplog.dropped, 1);
    }
    return test_end();
}
