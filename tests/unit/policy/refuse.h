/* SPDX-License-Identifier: Apache-2.0 */
/* Cases of a strict reader: a good document, one edit, the error, and where it must be reported.
 * The edit's new text has a '^' at the place of the fault; it is taken out before reading. */
#ifndef TDZ_TESTS_UNIT_POLICY_REFUSE_H
#define TDZ_TESTS_UNIT_POLICY_REFUSE_H

#include "schemas/error.h"
#include "schemas/span.h"
#include "tests/test.h"

struct refuse {
    const char *old;
    const char *new;
    enum err err;
};

typedef enum err (*refuse_reader)(struct span input, struct fault *fault);

/* Writes base with the edit into out and finds the mark. False: the edit does not apply. */
static bool
refuse_edit(const char *base, const struct refuse *c, char *out, size_t cap, uint32_t *line,
            uint32_t *column)
{
    const char *at = strstr(base, c->old);
    if (at == NULL)
        return false;
    const int n =
        snprintf(out, cap, "%.*s%s%s", (int)(at - base), base, c->new, at + strlen(c->old));
    if (n < 0 || (size_t)n >= cap)
        return false;
    char *mark = strchr(out, '^');
    if (mark == NULL)
        return false;
    *line = 1;
    *column = 1;
    for (const char *p = out; p < mark; p++) {
        *column = *p == '\n' ? 1 : *column + 1;
        *line += *p == '\n' ? 1 : 0;
    }
    memmove(mark, mark + 1, strlen(mark));
    return true;
}

static void
refuse_all(const char *base, const struct refuse *cases, size_t count, refuse_reader reader)
{
    static char text[65536];
    struct fault fault = {0};
    CHECK_EQ(reader(span_str(base), &fault), ERR_OK);
    for (size_t i = 0; i < count; i++) {
        uint32_t line = 0;
        uint32_t column = 0;
        fault = (struct fault){0};
        const bool edited = refuse_edit(base, &cases[i], text, sizeof(text), &line, &column);
        CHECK(edited);
        const enum err err = edited ? reader(span_str(text), &fault) : ERR_BUG;
        if (err == cases[i].err && fault.code == err && fault.line == line &&
            fault.column == column && fault.where[0] != 0)
            continue;
        const bool as_written = false;
        CHECK(as_written);
        printf("# %s -> %s: %s at %u:%u (%s), expected %s at %u:%u\n", cases[i].old, cases[i].new,
               error_name(err), fault.line, fault.column, fault.where, error_name(cases[i].err),
               line, column);
    }
}

#define REFUSE_ALL(base, cases, reader) \
    refuse_all(base, cases, sizeof(cases) / sizeof(cases[0]), reader)

#endif
