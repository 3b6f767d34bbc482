/* SPDX-License-Identifier: Apache-2.0 */
/* All inputs at once, against each of them one by one: what explore says of a region is what a
 * decision says of every input in it, and what it does not say of any region is so of none. */
#include "policy/explore.h"

#include "tests/unit/policy/small.h"

enum { DOCS = 2 };
#define DAY INT64_C(86400000)
#define FROM INT64_C(1767225600000) /* the documents' `effective` */

static struct source doc[DOCS];
static const struct source *docs[DOCS] = {&doc[0], &doc[1]};
static struct cells cells;
static struct explore_rule rules[EXPLORE_RULES_MAX];
static struct explore_problem problem;

static const int64_t numbers[] = {-JSON_INT_MAX, -1, 0, 4, 5, 6, 99, 100, JSON_INT_MAX};
static const char *const enums[] = {NULL, "p", "q", "r"};
static const char *const zones[] = {"a", "b", "b1"};
static const char *const labels[] = {"x", "y", "business"};
static const int64_t times[] = {FROM - 1, FROM, FROM + 100 * DAY};

/* An input of the domain; number below 0 of the table: no `i`. */
struct input {
    size_t zone;
    size_t label;
    size_t number; /* one more than there are: absent */
    size_t name;
    size_t time;
};
enum { NUMBERS = sizeof(numbers) / sizeof(numbers[0]) };

static bool
next(struct input *in)
{
    size_t *const digits[] = {&in->zone, &in->label, &in->number, &in->name, &in->time};
    static const size_t counts[] = {3, 3, NUMBERS + 1, 4, 3};
    for (size_t i = 0; i < 5; i++) {
        if (++*digits[i] < counts[i])
            return true;
        *digits[i] = 0;
    }
    return false;
}

static void
facts_of(const struct input *in, struct facts *f)
{
    facts_init(f);
    CHECK_EQ(facts_text(f, SPAN_LIT("to"), span_str(zones[in->zone]), VOCAB_GATEWAY), ERR_OK);
    CHECK_EQ(facts_label(f, span_str(labels[in->label])), ERR_OK);
    if (in->number < NUMBERS)
        CHECK_EQ(facts_int(f, SPAN_LIT("i"), numbers[in->number], VOCAB_GATEWAY), ERR_OK);
    if (enums[in->name] != NULL)
        CHECK_EQ(facts_text(f, SPAN_LIT("e"), span_str(enums[in->name]), VOCAB_GATEWAY), ERR_OK);
}

static enum decide_verdict
verdict_of(size_t which, const struct facts *f, int64_t now, struct decision *ret)
{
    const struct decide_request q = {
        .docs = &docs[which], .doc_count = 1, .now_ms = now, .facts = f};
    CHECK_EQ(decide_run(&q, ret), ERR_OK);
    return ret->verdict;
}

/* -- regions as they are seen */

struct seen {
    size_t count;
    size_t limit; /* stop after so many; 0: none */
    bool wrong;
    bool covered[3 * 3 * (NUMBERS + 1) * 4 * 3];
};

static size_t
index_of(const struct input *in)
{
    return in->zone +
           3 * (in->label + 3 * (in->number + (NUMBERS + 1) * (in->name + 4 * in->time)));
}

static bool
within(const struct explore_region *r, const struct input *in, const struct facts *f)
{
    const struct vocab *v = small_vocab();
    if (!vocab_set_has(&r->zones, vocab_zone(v, span_str(zones[in->zone]))) ||
        !vocab_set_has(&r->labels, vocab_class(v, span_str(labels[in->label]))) ||
        times[in->time] < r->from_ms || times[in->time] >= r->until_ms)
        return false;
    for (size_t i = 0; problem.fixed != NULL && i < cells.attr_count; i++)
        if (problem.fixed[i] != EXPLORE_FREE &&
            cells_find(&cells, i, facts_get(f, cells.attrs[i].name)) != problem.fixed[i])
            return false;
    for (size_t i = 0; i < r->attr_count; i++) {
        const size_t attr = r->attrs[i];
        const struct facts_entry *e = facts_get(f, cells.attrs[attr].name);
        if (!r->cells[i][cells_find(&cells, attr, e)])
            return false;
    }
    return true;
}

static bool
see(void *context, const struct explore_region *r)
{
    static struct facts f;
    static struct decision d;
    struct seen *s = context;
    struct input in = {0};
    s->count++;
    do {
        facts_of(&in, &f);
        if (!within(r, &in, &f))
            continue;
        s->wrong = s->wrong || s->covered[index_of(&in)]; /* regions do not overlap */
        s->covered[index_of(&in)] = true;
        for (size_t side = 0; side < (problem.question == EXPLORE_DIFFER ? 2 : 1); side++)
            s->wrong =
                s->wrong || (problem.question != EXPLORE_CLASHES &&
                             verdict_of(side, &f, times[in.time], &d) != r->outcome[side].verdict);
    } while (next(&in));
    facts_init(&f);
    s->wrong = s->wrong || explore_witness(&problem, r, &f) != ERR_OK;
    return s->limit == 0 || s->count < s->limit;
}

static void
problem_of(enum explore_question question)
{
    const struct vocab *v = small_vocab();
    problem = (struct explore_problem){
        .cells = &cells, .question = question, .from_ms = INT64_MIN, .until_ms = INT64_MAX};
    for (uint32_t i = 0; i < v->zone_count; i++)
        vocab_set_add(&problem.zones, i);
    for (uint32_t i = 0; i < v->class_count; i++)
        vocab_set_add(&problem.labels, i);
}

/* One document, or two that are compared. */
static void
read_docs(const char *a, const char *b, enum explore_question question)
{
    small_doc(&doc[0], "d", true, a);
    if (b != NULL)
        small_doc(&doc[1], "d", true, b);
    CHECK_EQ(cells_make(&cells, docs, b == NULL ? 1 : 2, NULL, 0), ERR_OK);
    problem_of(question);
    CHECK_EQ(explore_add_doc(&problem, rules, &doc[0], 1, 0), ERR_OK);
    if (b != NULL)
        CHECK_EQ(explore_add_doc(&problem, rules, &doc[1], 2, 0), ERR_OK);
}

static void
drop(bool both)
{
    cells_finish(&cells);
    source_finish(&doc[0]);
    if (both)
        source_finish(&doc[1]);
}

#define PERMIT(when) SMALL_RULE("p", "permit", "\"when\":" when ",")
#define BELOW PERMIT("{\"lt\":[\"i\",5]}")
#define UP_TO PERMIT("{\"le\":[\"i\",5]}")
#define NOT_Q SMALL_RULE("f", "forbid", "\"when\":{\"eq\":[\"e\",\"q\"]},")
#define LATE                                                                                  \
    "{\"id\":\"h\",\"effect\":\"hold\",\"release\":\"o\",\"classes\":[\"y\"],\"to\":[\"b\"]," \
    "\"from\":\"2026-03-01T00:00:00Z\",\"when\":{\"ge\":[\"i\",5]},\"cite\":"                 \
    "[\"L\"],\"why\":\"w\"}"

static void
test_passes(void)
{
    static struct seen s;
    static struct facts f;
    static struct decision d;
    static const char *const sets[] = {BELOW, UP_TO "," NOT_Q, UP_TO "," NOT_Q "," LATE,
                                       PERMIT("{\"any\":[{\"gt\":[\"i\",99]},{\"not\":{\"eq\":["
                                              "\"e\",\"p\"]}}]}"),
                                       NOT_Q};
    TEST("what passes is what a decision does not deny, input by input, and nothing else")
    {
        for (size_t k = 0; k < sizeof(sets) / sizeof(sets[0]); k++) {
            struct input in = {0};
            size_t passes = 0;
            read_docs(sets[k], NULL, EXPLORE_PASSES);
            memset(&s, 0, sizeof(s));
            CHECK_EQ(explore_run(&problem, see, &s), ERR_OK);
            CHECK(!s.wrong);
            do {
                facts_of(&in, &f);
                const bool denied = verdict_of(0, &f, times[in.time], &d) == DECIDE_DENY;
                passes += denied ? 0 : 1;
                if (s.covered[index_of(&in)] == denied)
                    printf("# set %zu: to %s, %s, i %zu, e %zu, time %zu\n", k, zones[in.zone],
                           labels[in.label], in.number, in.name, in.time);
                CHECK(s.covered[index_of(&in)] != denied);
            } while (next(&in));
            CHECK_EQ(passes > 0, k != 4); /* without a permit there is no region */
            CHECK_EQ(s.count > 0, k != 4);
            drop(false);
        }
    }
}

static void
test_differ(void)
{
    static struct seen s;
    static struct facts f;
    static struct decision d;
    struct input in = {0};
    TEST("two documents differ where their decisions do: at the one number, and nowhere else")
    {
        read_docs(BELOW, UP_TO, EXPLORE_DIFFER);
        memset(&s, 0, sizeof(s));
        CHECK_EQ(explore_run(&problem, see, &s), ERR_OK);
        CHECK(!s.wrong && s.count > 0);
        do {
            facts_of(&in, &f);
            const bool differ =
                verdict_of(0, &f, times[in.time], &d) != verdict_of(1, &f, times[in.time], &d);
            CHECK(s.covered[index_of(&in)] == differ);
            if (differ)
                CHECK_EQ(numbers[in.number], 5);
        } while (next(&in));
        drop(true);
    }
    TEST("documents that say the same in other words do not differ anywhere")
    {
        read_docs(BELOW, PERMIT("{\"not\":{\"ge\":[\"i\",5]}}"), EXPLORE_DIFFER);
        memset(&s, 0, sizeof(s));
        CHECK_EQ(explore_run(&problem, see, &s), ERR_OK);
        CHECK_EQ(s.count, 0);
        drop(true);
    }
    TEST("a rule that begins later makes a difference from then on")
    {
        read_docs(UP_TO, UP_TO "," LATE, EXPLORE_DIFFER);
        memset(&s, 0, sizeof(s));
        CHECK_EQ(explore_run(&problem, see, &s), ERR_OK);
        CHECK(!s.wrong && s.count > 0);
        in = (struct input){0};
        do {
            if (s.covered[index_of(&in)])
                CHECK(in.time == 2 && in.label == 1);
        } while (next(&in));
        drop(true);
    }
}

static void
test_scope(void)
{
    static struct seen s;
    TEST("only what is asked for is looked at: destinations, labels, time and cells")
    {
        const struct vocab *v = small_vocab();
        static uint32_t fixed[8];
        read_docs(UP_TO, NULL, EXPLORE_PASSES);
        memset(&s, 0, sizeof(s));
        memset(&problem.zones, 0, sizeof(problem.zones));
        vocab_set_add(&problem.zones, vocab_zone(v, SPAN_LIT("a")));
        CHECK_EQ(explore_run(&problem, see, &s), ERR_OK);
        CHECK_EQ(s.count, 0);
        vocab_set_add(&problem.zones, vocab_zone(v, SPAN_LIT("b")));
        problem.until_ms = FROM;
        CHECK_EQ(explore_run(&problem, see, &s), ERR_OK);
        CHECK_EQ(s.count, 0);
        problem.until_ms = FROM + 1;
        fixed[0] = 2; /* i above 5 */
        problem.fixed = fixed;
        CHECK_EQ(explore_run(&problem, see, &s), ERR_OK);
        CHECK_EQ(s.count, 0);
        fixed[0] = 1;
        CHECK_EQ(explore_run(&problem, see, &s), ERR_OK);
        CHECK(s.count > 0 && !s.wrong);
        drop(false);
    }
    TEST("who has seen enough is shown no more")
    {
        read_docs(PERMIT("{\"eq\":[\"i\",5]}") ",{\"id\":\"z\",\"effect\":\"permit\",\"classes\":["
                                               "\"business\"],\"to\":[\"a\"],\"cite\":[\"L\"],"
                                               "\"why\":\"w\"}",
                  NULL, EXPLORE_PASSES);
        memset(&s, 0, sizeof(s));
        CHECK_EQ(explore_run(&problem, see, &s), ERR_OK);
        CHECK(s.count > 1);
        memset(&s, 0, sizeof(s));
        s.limit = 1;
        CHECK_EQ(explore_run(&problem, see, &s), ERR_OK);
        CHECK_EQ(s.count, 1);
        drop(false);
    }
}

static void
test_obligations(void)
{
    static struct seen s;
    TEST("what passes without an obligation is found, and what always has it is not")
    {
        read_docs(UP_TO
                  "," SMALL_RULE("o", "oblige",
                                 "\"do\":[{\"retain\":{\"max_days\":3}}],\"when\":{\"lt\":[\"i"
                                 "\",5]},"),
                  NULL, EXPLORE_PASSES);
        problem.without = SPAN_LIT("retain");
        memset(&s, 0, sizeof(s));
        CHECK_EQ(explore_run(&problem, see, &s), ERR_OK);
        CHECK(s.count > 0 && !s.wrong);
        struct input in = {0};
        do {
            if (s.covered[index_of(&in)])
                CHECK_EQ(numbers[in.number], 5);
        } while (next(&in));
        drop(false);
        read_docs(UP_TO "," SMALL_RULE("o", "oblige", "\"do\":[{\"retain\":{\"max_days\":3}}],"),
                  NULL, EXPLORE_PASSES);
        problem.without = SPAN_LIT("retain");
        memset(&s, 0, sizeof(s));
        CHECK_EQ(explore_run(&problem, see, &s), ERR_OK);
        CHECK_EQ(s.count, 0);
        drop(false);
    }
    TEST("obligations that cannot be met together are found where both apply")
    {
        read_docs(UP_TO
                  "," SMALL_RULE("o1", "oblige",
                                 "\"do\":[{\"encrypt\":{\"suites\":[\"aes-256-gcm\"]}}],\"when\":{"
                                 "\"gt\":[\"i\",0]},") "," SMALL_RULE("o2", "oblige",
                                                                      "\"do\":[{\"encrypt\":{"
                                                                      "\"suites\":[\"chacha20-"
                                                                      "poly1305\"]}}],"),
                  NULL, EXPLORE_CLASHES);
        memset(&s, 0, sizeof(s));
        CHECK_EQ(explore_run(&problem, see, &s), ERR_OK);
        CHECK(s.count > 0 && !s.wrong);
        struct input in = {0};
        do {
            if (s.covered[index_of(&in)] && in.number < NUMBERS)
                CHECK(numbers[in.number] > 0 && numbers[in.number] <= 5);
        } while (next(&in));
        drop(false);
    }
}

static void
test_limits(void)
{
    static struct seen s;
    static char text[1 << 16];
    TEST("more rules than there is room for, and a condition of too many rows, are errors")
    {
        size_t at = 0;
        read_docs(UP_TO, NULL, EXPLORE_PASSES);
        problem.rule_count = EXPLORE_RULES_MAX;
        CHECK_EQ(explore_add_doc(&problem, rules, &doc[0], 1, 0), ERR_FULL);
        drop(false);
        /* Thirteen choices of two are 8192 rows. */
        at += (size_t)snprintf(text, sizeof(text), "{\"all\":[");
        for (int i = 0; i < 13; i++)
            at +=
                (size_t)snprintf(text + at, sizeof(text) - at,
                                 "%s{\"any\":[{\"lt\":[\"i\",%d]},{\"eq\":[\"e\",\"p\"]},{\"eq\":["
                                 "\"s\",\"t%d\"]}]}",
                                 i == 0 ? "" : ",", i, i);
        (void)snprintf(text + at, sizeof(text) - at, "]}");
        static char rule[1 << 20];
        (void)snprintf(rule, sizeof(rule),
                       "{\"id\":\"p\",\"effect\":\"permit\",\"classes\":[\"x\"],\"to\":[\"b\"],"
                       "\"when\":%s,\"cite\":[\"L\"],\"why\":\"w\"}",
                       text);
        read_docs(rule, NULL, EXPLORE_PASSES);
        memset(&s, 0, sizeof(s));
        CHECK_EQ(explore_run(&problem, see, &s), ERR_FULL);
        drop(false);
    }
}

int
main(void)
{
    test_passes();
    test_differ();
    test_scope();
    test_obligations();
    test_limits();
    return test_end();
}
