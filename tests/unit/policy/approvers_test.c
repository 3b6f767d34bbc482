/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/approvers.h"
#include "tests/test.h"

/* Persons by the roles they may act in, comma separated. */
static bool
may(const void *ctx, size_t person, struct span role)
{
    const char *const *persons = ctx;
    const struct span all = span_str(persons[person]);
    for (size_t at = 0; at + role.len <= all.len; at++) {
        const size_t end = at + role.len;
        if ((at == 0 || all.ptr[at - 1] == ',') && (end == all.len || all.ptr[end] == ',') &&
            span_eq(span_of(all.ptr + at, role.len), role))
            return true;
    }
    return false;
}

static unsigned
missing(const char *release, const char *const *persons, size_t count)
{
    struct approvers a;
    if (approvers_parse(span_str(release), &a) != ERR_OK)
        return 0xffff;
    return approvers_missing(&a, count, may, persons);
}

int
main(void)
{
    struct approvers a = {.count = 7};
    TEST("a release names one role or several, spaces around them do not count")
    {
        CHECK_EQ(approvers_parse(SPAN_LIT("zone-authority"), &a), ERR_OK);
        CHECK(a.count == 1 && span_eq_str(a.role[0], "zone-authority"));
        CHECK_EQ(approvers_parse(SPAN_LIT(" data owner + zone-authority+dpo "), &a), ERR_OK);
        CHECK(a.count == 3 && span_eq_str(a.role[0], "data owner") &&
              span_eq_str(a.role[1], "zone-authority") && span_eq_str(a.role[2], "dpo"));
    }
    TEST("an empty role and a fifth one are refused")
    {
        const struct approvers before = a;
        CHECK_EQ(approvers_parse(SPAN_LIT(""), &a), ERR_SYNTAX);
        CHECK_EQ(approvers_parse(SPAN_LIT("a+"), &a), ERR_SYNTAX);
        CHECK_EQ(approvers_parse(SPAN_LIT("+a"), &a), ERR_SYNTAX);
        CHECK_EQ(approvers_parse(SPAN_LIT("a+ +b"), &a), ERR_SYNTAX);
        CHECK_EQ(approvers_parse(SPAN_LIT("a+b+c+d+e"), &a), ERR_FULL);
        CHECK(memcmp(&before, &a, sizeof(a)) == 0);
    }
    TEST("one person in the role is enough for one role, another role is not")
    {
        const char *const boss[] = {"boss"};
        const char *const clerk[] = {"clerk"};
        CHECK_EQ(missing("boss", boss, 1), 0);
        CHECK_EQ(missing("boss", clerk, 1), 1);
        CHECK_EQ(missing("boss", NULL, 0), 1);
    }
    TEST("a person fills one place only, also in the same role twice")
    {
        const char *const both[] = {"boss,owner"};
        const char *const two[] = {"boss", "boss"};
        CHECK_EQ(__builtin_popcount(missing("boss+owner", both, 1)), 1);
        CHECK_EQ(__builtin_popcount(missing("boss+boss", two, 1)), 1);
        CHECK_EQ(missing("boss+boss", two, 2), 0);
    }
    TEST("who can act in several roles leaves the place to who can act in one")
    {
        const char *const p[] = {"boss,owner", "boss"};
        const char *const q[] = {"boss", "boss,owner"};
        const char *const r[] = {"a,b", "b,c", "a", "d,a"};
        CHECK_EQ(missing("boss+owner", p, 2), 0);
        CHECK_EQ(missing("boss+owner", q, 2), 0);
        CHECK_EQ(missing("a+b+c+d", r, 4), 0);
        CHECK_EQ(missing("a+b+c+d", r, 3), 8);
    }
    return test_end();
}
