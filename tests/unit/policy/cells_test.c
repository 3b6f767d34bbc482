/* SPDX-License-Identifier: Apache-2.0 */
/* The cutting of attributes into cells in which no comparison changes. */
#include "policy/cells.h"

#include "tests/unit/policy/small.h"

static struct source doc;
static struct cells cells;
static const struct source *docs[1] = {&doc};

static enum err
cut(const char *rules, const struct decide_list *lists, size_t list_count)
{
    small_doc(&doc, "d", true, rules);
    return cells_make(&cells, docs, 1, lists, list_count);
}

static void
drop(void)
{
    cells_finish(&cells);
    source_finish(&doc);
}

static size_t
find_int(size_t attr, int64_t value)
{
    const struct facts_entry e = {.type = FACTS_INT, .number = value};
    return cells_find(&cells, attr, &e);
}

static size_t
find_text(size_t attr, const char *value)
{
    const struct facts_entry e = {.type = FACTS_TEXT, .text = span_str(value)};
    return cells_find(&cells, attr, &e);
}

/* What the only comparison of the rule comes to for a value, by its cell. */
static enum cells_truth
truth(size_t attr, size_t cell)
{
    return cells_truth(&cells, &doc, &doc.rules[0].steps[0], &cells.attrs[attr].cell[cell]);
}

static void
test_numbers(void)
{
    static const struct {
        const char *op;
        int64_t at;
        size_t cells;
    } table[] = {{"lt", 5, 3},
                 {"le", 5, 3},
                 {"gt", 5, 3},
                 {"ge", 5, 3},
                 {"eq", 5, 4},
                 {"eq", 0, 4},
                 {"le", JSON_INT_MAX, 2},
                 {"ge", -JSON_INT_MAX, 2},
                 {"gt", JSON_INT_MAX, 2},
                 {"lt", -JSON_INT_MAX, 2},
                 {"eq", JSON_INT_MAX, 3},
                 {"eq", -JSON_INT_MAX, 3}};
    TEST("a number is cut where its comparison changes, and exactly there, also at both ends")
    {
        for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
            char rule[512];
            (void)snprintf(rule, sizeof(rule),
                           SMALL_RULE("r", "permit", "\"when\":{\"%s\":[\"i\",%lld]},"),
                           table[i].op, (long long)table[i].at);
            CHECK_EQ(cut(rule, NULL, 0), ERR_OK);
            const size_t attr = cells_attr(&cells, SPAN_LIT("i"));
            CHECK_EQ(cells.attr_count, 1);
            CHECK_EQ(cells.attrs[attr].cell_count, table[i].cells);
            CHECK_EQ(truth(attr, 0), CELLS_UNKNOWN);
            for (int64_t d = -1; d <= 1; d++) {
                const int64_t n = table[i].at + d;
                if (n > JSON_INT_MAX || n < -JSON_INT_MAX)
                    continue;
                const bool want =
                    (table[i].op[0] == 'e' && d == 0) ||
                    (table[i].op[0] == 'l' && (d < 0 || (d == 0 && table[i].op[1] == 'e'))) ||
                    (table[i].op[0] == 'g' && (d > 0 || (d == 0 && table[i].op[1] == 'e')));
                CHECK_EQ(truth(attr, find_int(attr, n)), want ? CELLS_TRUE : CELLS_FALSE);
            }
            drop();
        }
    }
    TEST("cells of a number follow each other without a gap and reach both ends")
    {
        CHECK_EQ(cut(SMALL_RULE("r", "permit",
                                "\"when\":{\"any\":[{\"lt\":[\"i\",5]},{\"eq\":[\"i\",9]},{\"ge\":["
                                "\"i\",100]},{\"lt\":[\"i\",5]}]},"),
                     NULL, 0),
                 ERR_OK);
        const struct cells_attr *a = &cells.attrs[0];
        CHECK_EQ(a->cell_count, 1 + 5);
        CHECK(a->cell[0].is_absent && a->cell[1].low == -JSON_INT_MAX);
        for (size_t i = 2; i < a->cell_count; i++)
            CHECK_EQ(a->cell[i].low, a->cell[i - 1].high + 1);
        CHECK_EQ(a->cell[a->cell_count - 1].high, JSON_INT_MAX);
        drop();
    }
}

static void
test_names(void)
{
    static const char list_text[] =
        "{\"format\":\"tdz.list/1\",\"id\":\"n\",\"values\":[\"k1\",\"k2\",\"z\"]}";
    struct list list;
    struct fault fault = {.code = ERR_OK};
    static const uint8_t sha256[32];
    TEST("a bool has three cells, an enum one for each value that is told apart, and absence")
    {
        CHECK_EQ(cut(SMALL_RULE("r", "permit",
                                "\"when\":{\"all\":[{\"eq\":[\"g\",true]},{\"in\":[\"e\",[\"p\",\"q"
                                "\"]]}]},"),
                     NULL, 0),
                 ERR_OK);
        const size_t e = cells_attr(&cells, SPAN_LIT("e"));
        const size_t g = cells_attr(&cells, SPAN_LIT("g"));
        CHECK(e < 2 && g < 2 && cells_attr(&cells, SPAN_LIT("i")) == cells.attr_count);
        CHECK_EQ(cells.attrs[g].cell_count, 3);
        CHECK_EQ(cells.attrs[e].cell_count, 3);
        CHECK(find_text(e, "p") == find_text(e, "q") && find_text(e, "p") != find_text(e, "r"));
        /* What the attribute cannot be is as if it were not there. */
        CHECK(find_text(e, "other") == 0 && find_int(e, 1) == 0 && find_text(g, "true") == 0);
        CHECK_EQ(cells_find(&cells, e, NULL), 0);
        drop();
    }
    TEST("a text is one that is mentioned, one of a list, or any other; a list not here is unknown")
    {
        const char *rule =
            SMALL_RULE("r", "permit",
                       "\"when\":{\"any\":[{\"listed\":[\"s\",\"n\"]},{\"eq\":[\"s\",\"z\"]}]},");
        CHECK_EQ(list_read(&list, span_str(list_text), sha256, &fault), ERR_OK);
        const struct decide_list lists[] = {{.alias = SPAN_LIT("n"), .list = &list}};
        CHECK_EQ(cut(rule, lists, 1), ERR_OK);
        const size_t s = cells_attr(&cells, SPAN_LIT("s"));
        CHECK_EQ(cells.attrs[s].cell_count, 4); /* absent, k1 k2, z, the rest */
        CHECK(find_text(s, "k1") == find_text(s, "k2") && find_text(s, "k1") != find_text(s, "z"));
        CHECK(cells.attrs[s].cell[find_text(s, "nobody says this")].is_rest);
        CHECK_EQ(truth(s, find_text(s, "k1")), CELLS_TRUE);
        drop();
        CHECK_EQ(cut(rule, NULL, 0), ERR_OK);
        CHECK_EQ(truth(0, find_text(0, "k1")), CELLS_UNKNOWN);
        drop();
        list_finish(&list);
    }
    TEST("the text for all others is one that no comparison mentions")
    {
        CHECK_EQ(cut(SMALL_RULE("r", "permit",
                                "\"when\":{\"in\":[\"s\",[\"other\",\"other0\",\"other1\"]]},"),
                     NULL, 0),
                 ERR_OK);
        const struct cells_attr *a = &cells.attrs[0];
        const struct cells_cell *rest = &a->cell[a->cell_count - 1];
        CHECK(rest->is_rest && rest->text_count == 1);
        CHECK_EQ(truth(0, a->cell_count - 1), CELLS_FALSE);
        CHECK(!span_eq_str(rest->texts[0], "other") && !span_eq_str(rest->texts[0], "other0") &&
              !span_eq_str(rest->texts[0], "other1"));
        drop();
    }
    TEST("a destination is under its parents and under nothing else")
    {
        CHECK_EQ(cut(SMALL_RULE("r", "permit", "\"when\":{\"under\":[\"to\",\"b\"]},"), NULL, 0),
                 ERR_OK);
        const size_t to = cells_attr(&cells, SPAN_LIT("to"));
        CHECK(find_text(to, "b") == find_text(to, "b1") &&
              find_text(to, "a") != find_text(to, "b"));
        CHECK_EQ(truth(to, find_text(to, "b1")), CELLS_TRUE);
        CHECK_EQ(truth(to, find_text(to, "a")), CELLS_FALSE);
        drop();
    }
}

static void
test_facts(void)
{
    static struct facts f;
    TEST("a fact of a cell is in that cell, as near as it can be to what was asked for")
    {
        CHECK_EQ(cut(SMALL_RULE("r", "permit",
                                "\"when\":{\"all\":[{\"lt\":[\"i\",5]},{\"eq\":[\"g\",true]},{"
                                "\"eq\":[\"e\",\"p\"]},{\"eq\":[\"s\",\"t\"]}]},"),
                     NULL, 0),
                 ERR_OK);
        for (size_t a = 0; a < cells.attr_count; a++) {
            for (size_t k = 0; k < cells.attrs[a].cell_count; k++) {
                static const int64_t nears[] = {-JSON_INT_MAX, -1, 0, 4, 5, JSON_INT_MAX};
                for (size_t i = 0; i < sizeof(nears) / sizeof(nears[0]); i++) {
                    facts_init(&f);
                    CHECK_EQ(cells_fact(&cells, a, k, nears[i], &f), ERR_OK);
                    const struct facts_entry *e = facts_get(&f, cells.attrs[a].name);
                    CHECK(cells.attrs[a].cell[k].is_absent == (e == NULL));
                    CHECK_EQ(cells_find(&cells, a, e), k);
                    if (e != NULL && cells.attrs[a].type == VOCAB_INT)
                        CHECK(e->number == nears[i] || e->number == cells.attrs[a].cell[k].low ||
                              e->number == cells.attrs[a].cell[k].high);
                }
            }
        }
        drop();
    }
}

static void
test_limits(void)
{
    static char rules[1 << 20];
    TEST("more cells than the limit are an error, as many as the limit are not")
    {
        for (unsigned more = 0; more < 2; more++) {
            /* Each equality apart from the others begins two cells; with the first that is odd. */
            const size_t equals = CELLS_PER_ATTR_MAX / 2 - 1 + more;
            size_t at = 0;
            for (size_t r = 0; r * 64 < equals; r++) {
                at += (size_t)snprintf(rules + at, sizeof(rules) - at,
                                       "%s{\"id\":\"r%zu\",\"effect\":\"permit\",\"classes\":[\"x"
                                       "\"],\"to\":[\"b\"],\"when\":{\"any\":[",
                                       r == 0 ? "" : ",", r);
                for (size_t i = r * 64; i < equals && i < (r + 1) * 64; i++)
                    at += (size_t)snprintf(rules + at, sizeof(rules) - at, "%s{\"eq\":[\"i\",%zu]}",
                                           i == r * 64 ? "" : ",", 10 * i);
                at += (size_t)snprintf(rules + at, sizeof(rules) - at,
                                       "]},\"cite\":[\"L\"],\"why\":\"w\"}");
            }
            const enum err err = cut(rules, NULL, 0);
            CHECK_EQ(err, more == 0 ? ERR_OK : ERR_FULL);
            if (err == ERR_OK) {
                CHECK_EQ(cells.attrs[0].cell_count, CELLS_PER_ATTR_MAX);
                cells_finish(&cells);
            }
            source_finish(&doc);
        }
    }
}

int
main(void)
{
    test_numbers();
    test_names();
    test_facts();
    test_limits();
    return test_end();
}
