/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/inspect/inspected.h"

static char big[3 << 20];
static struct fieldset fields;

static struct inspected_text
text_new(void)
{
    return (struct inspected_text){.buf = big, .cap = sizeof(big)};
}

static bool
load_fields(const char *json)
{
    struct fault fault;
    return fieldset_load(&fields, span_str(json), &fault) == ERR_OK;
}

static bool
has_label(const struct findings *f, enum label label)
{
    return f != NULL && (f->labels & LABEL_BIT(label)) != 0;
}

static bool
finds(const char *text, uint32_t labels)
{
    const struct findings *f = inspected_plain(NULL, span_str(text));
    return f != NULL && f->labels == labels;
}

static bool
breaks(const char *text, unsigned rules)
{
    const struct findings *f = inspected_plain(&fields, span_str(text));
    if (f != NULL && f->rules != rules)
        printf("# rules %u: %s\n", f->rules, inspected_evidence(f));
    return f != NULL && f->rules == rules;
}

static bool
covers(struct span text, uint32_t reasons)
{
    const struct findings *f = inspected_plain(NULL, text);
    return f != NULL && f->coverage == FINDINGS_PARTIAL && f->reasons == reasons;
}

static const char *const hospital =
    "{\"format\":\"csv\",\"additional\":\"refuse\",\"fields\":["
    "{\"name\":\"patient\",\"type\":\"string\",\"x-class\":\"personal\","
    "\"x-identifier\":\"mykad\"},"
    "{\"name\":\"name\",\"type\":\"string\",\"x-class\":\"personal\","
    "\"x-identifier\":\"person_name\"},"
    "{\"name\":\"diagnosis\",\"type\":\"string\",\"x-class\":\"health\"}]}";

static unsigned
below(uint64_t n)
{
    return (unsigned)inspected_random(n);
}

static void
put_mykad(struct inspected_text *t, size_t row)
{
    (void)row;
    inspected_mykad(t, false);
}

static void
put_time(struct inspected_text *t, size_t row)
{
    const unsigned month = 1 + (unsigned)(row / 28 % 12);
    const unsigned day = 1 + (unsigned)(row % 28);
    inspected_put(t, "25%02u%02u%02u%02u%02u", month, day, below(24), below(60), below(60));
}

static void
put_long_time(struct inspected_text *t, size_t row)
{
    const unsigned month = 1 + (unsigned)(row / 28 % 12);
    inspected_put(t, "2012%02u%02u%02u%02u", month, 1 + (unsigned)(row % 28), below(24), below(60));
}

static void
put_company(struct inspected_text *t, size_t row)
{
    const unsigned year = 1 + (unsigned)(row % 12);
    inspected_put(t, "20%02u0%u%06u", year, 1 + (unsigned)(row % 6), below(1000000));
}

static void
put_twelve(struct inspected_text *t, size_t row)
{
    (void)row;
    inspected_put(t, "%06u%06u", below(1000000), below(1000000));
}

static void
put_prc(struct inspected_text *t, size_t row)
{
    (void)row;
    inspected_prc(t);
}

static void
put_card(struct inspected_text *t, size_t row)
{
    (void)row;
    inspected_card(t);
}

static void
put_eighteen(struct inspected_text *t, size_t row)
{
    (void)row;
    inspected_put(t, "%09u%09u", below(1000000000), below(1000000000));
}

static void
put_email(struct inspected_text *t, size_t row)
{
    inspected_put(t, "user%zu@example.com", row);
}

/* The type found in the second column of a table of such values. */
static enum ident
type_of(const char *header, size_t rows, void (*put)(struct inspected_text *t, size_t row))
{
    struct inspected_text t = text_new();
    inspected_put(&t, "id,%s\n", header);
    for (size_t row = 0; row < rows; row++) {
        inspected_put(&t, "%zu,", row);
        put(&t, row);
        inspected_put(&t, "\n");
    }
    const struct findings *f = inspected_plain(NULL, inspected_span(&t));
    if (f == NULL || f->kind != FINDINGS_TABLE || f->rows != rows || f->column_count != 2)
        return IDENT_BANK_ACCOUNT;
    return (enum ident)f->columns[1].ident;
}

static void
test_columns(void)
{
    TEST("a column of MyKads is found without a word in the header")
    {
        CHECK_EQ(type_of("x", 1000, put_mykad), IDENT_MYKAD);
        CHECK_EQ(type_of("x", 20, put_mykad), IDENT_MYKAD);
        CHECK_EQ(type_of("NRIC", 2, put_mykad), IDENT_MYKAD);
    }
    TEST("times, company numbers and random digits are no MyKads")
    {
        CHECK_EQ(type_of("x", 1000, put_time), IDENT_NONE);
        CHECK_EQ(type_of("x", 20, put_time), IDENT_NONE);
        CHECK_EQ(type_of("x", 1000, put_long_time), IDENT_NONE);
        CHECK_EQ(type_of("x", 1000, put_company), IDENT_NONE);
        CHECK_EQ(type_of("x", 20, put_company), IDENT_NONE);
        CHECK_EQ(type_of("x", 1000, put_twelve), IDENT_NONE);
        CHECK_EQ(type_of("x", 20, put_twelve), IDENT_NONE);
    }
    TEST("a header's word does not make them MyKads")
    {
        CHECK_EQ(type_of("NRIC", 100, put_time), IDENT_NONE);
        CHECK_EQ(type_of("IC no", 100, put_company), IDENT_NONE);
        CHECK_EQ(type_of("\xe8\xba\xab\xe4\xbb\xbd\xe8\xaf\x81", 100, put_twelve), IDENT_NONE);
    }
    TEST("columns of resident numbers, cards and addresses are found, random digits are not")
    {
        CHECK_EQ(type_of("x", 50, put_prc), IDENT_PRC_ID);
        CHECK_EQ(type_of("x", 2, put_prc), IDENT_PRC_ID);
        CHECK_EQ(type_of("x", 50, put_card), IDENT_CARD);
        CHECK_EQ(type_of("x", 50, put_email), IDENT_EMAIL);
        CHECK_EQ(type_of("x", 5000, put_eighteen), IDENT_NONE);
    }
    TEST("a single MyKad or card needs a word or its written groups")
    {
        CHECK(finds("a,b\n1,900101145678\n2,none\n3,x\n", 0));
        CHECK(finds("a,note\n1,IC: 900101145678\n2,none\n", LABEL_BIT(LABEL_PERSONAL)));
        CHECK(finds("a,no. KP\n1,900101145678\n", LABEL_BIT(LABEL_PERSONAL)));
        CHECK(finds("a,b\n1,900101-14-5678\n2,none\n", LABEL_BIT(LABEL_PERSONAL)));
        CHECK(finds("a,b\n1,4111111111111111\n2,none\n", 0));
        CHECK(finds("a,b\n1,visa 4111111111111111\n2,x\n", LABEL_BIT(LABEL_FINANCIAL_ACCOUNT)));
        CHECK(finds("a,b\n1,4111 1111 1111 1111\n2,x\n", LABEL_BIT(LABEL_FINANCIAL_ACCOUNT)));
        CHECK(finds("a,b\n1111 4111,1111 1111\n2,x\n", 0));
    }
    TEST("full-width digits hide nothing")
    {
        CHECK(finds("a,b\n1,\xef\xbc\x91"
                    "1010519491231002X\n2,x\n",
                    LABEL_BIT(LABEL_SENSITIVE_PERSONAL)));
        CHECK(finds("a,b\n1,\xef\xbc\x92"
                    "1010519491231002X\n2,x\n",
                    0));
    }
}

static void
needle(const char *cell, enum label want)
{
    struct inspected_text t = text_new();
    inspected_put(&t, "device,reading,remark\n");
    for (unsigned row = 0; row < 20000; row++)
        inspected_put(&t, "%u,%u.%02u,%s\n", row, row % 97, row % 89, row == 17321 ? cell : "ok");
    const struct findings *f = inspected_plain(NULL, inspected_span(&t));
    CHECK(f != NULL && f->labels == LABEL_BIT(want));
    CHECK(f != NULL && f->rows == 20000 && f->coverage == FINDINGS_FULL);
    CHECK(f != NULL && f->persons_upper == (want == LABEL_CREDENTIAL ? 0 : 1));
}

static void
test_needles(void)
{
    TEST("one strong cell in a clean table of 20000 rows is found")
    {
        needle("11010519491231002X", LABEL_SENSITIVE_PERSONAL);
        needle("\"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\"",
               LABEL_CREDENTIAL);
        needle("key AKIAIOSFODNN7EXAMPLE here", LABEL_CREDENTIAL);
        needle("write to somebody@example.org", LABEL_PERSONAL);
        needle("IC No 850715085213", LABEL_PERSONAL);
        needle("Kad kredit: 4111111111111111", LABEL_FINANCIAL_ACCOUNT);
    }
}

static void
test_declared(void)
{
    TEST("a table as declared contradicts nothing")
    {
        struct inspected_text t = text_new();
        CHECK(load_fields(hospital));
        inspected_put(&t, "patient,name,diagnosis\r\n");
        for (unsigned row = 0; row < 100; row++) {
            inspected_mykad(&t, row % 2 == 0);
            inspected_put(&t, ",Ali,C34\r\n");
        }
        const struct findings *f = inspected_plain(&fields, inspected_span(&t));
        CHECK(f != NULL && f->rules == 0 && f->rows == 100);
        CHECK(f != NULL && f->persons_upper <= 100 && f->persons_upper >= 99);
        CHECK(f != NULL && f->persons_lower == f->persons_upper);
        CHECK(f != NULL && f->sensitive_upper == f->persons_upper);
    }
    TEST("an undeclared column, a higher class and a failing identifier are contradictions")
    {
        CHECK(breaks("patient,name,diagnosis,inner\n900101-14-5678,Ali,C34,x\n",
                     FINDINGS_UNDECLARED));
        const char *json = inspected_evidence(findings_of(inspected));
        CHECK(strstr(json, "#4") != NULL && strstr(json, "inner") == NULL);
        CHECK(breaks("patient,name,diagnosis\n900101-14-5678,11010519491231002X,C34\n",
                     FINDINGS_CLASS));
        CHECK(breaks("patient,name,diagnosis\nP-1,Ali,C34\nP-2,Abu,C5\n", FINDINGS_IDENTIFIER));
        CHECK(breaks("diagnosis,PATIENT,name\nC34,900101-14-5678,Ali\n", 0));
    }
    TEST("identifiers in a column declared pseudonymised are a contradiction")
    {
        CHECK(load_fields("{\"format\":\"csv\",\"additional\":\"refuse\",\"fields\":["
                          "{\"name\":\"p\",\"type\":\"string\",\"x-class\":\"personal\","
                          "\"pseudonymised\":true},"
                          "{\"name\":\"v\",\"type\":\"integer\",\"x-class\":\"business\"}]}"));
        CHECK(breaks("p,v\n900101-14-5678,1\n", FINDINGS_PSEUDONYMISED));
        CHECK(breaks("p,v\na81bc,1\n", 0));
    }
    TEST("ceilings of bytes, rows and persons are kept")
    {
        CHECK(load_fields("{\"ceilings\":{\"bytes\":40,\"rows\":1,\"persons\":1},\"schema\":"
                          "{\"format\":\"csv\",\"additional\":\"allow\",\"fields\":[{\"name\":"
                          "\"e\",\"type\":\"string\",\"x-class\":\"personal\"}]}}"));
        CHECK(breaks("e\na@example.com\n", 0));
        CHECK(breaks("e\na@example.com\nb@example.com\nccccccccccccccc\n",
                     FINDINGS_CEILING_BYTES | FINDINGS_CEILING_PERSONS | FINDINGS_CEILING_ROWS));
    }
    TEST("open data of any columns may not be personal")
    {
        CHECK(load_fields("{\"format\":\"csv\",\"additional\":\"allow\",\"fields\":[]}"));
        CHECK(breaks("item,price\n1,2.5\n2,3.5\n", 0));
        CHECK(breaks("item,price\n1,2.5\nx@example.com,3.5\n", FINDINGS_CLASS));
    }
    TEST("no cell of a table without header is in the evidence")
    {
        CHECK(load_fields(hospital));
        const struct findings *f =
            inspected_plain(&fields, SPAN_LIT("Siti Aminah,900101-14-5678,Melaka,E11\n"
                                              "Tan Ah Kow,880202-10-1234,Johor,C34\n"));
        const char *json = inspected_evidence(f);
        CHECK(f != NULL && f->rows == 2 && f->persons_upper == 2);
        CHECK(f != NULL && (f->rules & FINDINGS_UNDECLARED) != 0);
        CHECK(json[0] == '{' && strstr(json, "Siti") == NULL && strstr(json, "Melaka") == NULL);
        CHECK(strstr(json, "900101") == NULL && strstr(json, "Johor") == NULL);
    }
}

static void
test_persons(void)
{
    TEST("numbers of two types are all counted, an address beside a number is its person's")
    {
        struct inspected_text t = text_new();
        inspected_put(&t, "patient,doctor,mail\n");
        for (unsigned row = 0; row < 200; row++) {
            inspected_mykad(&t, true);
            inspected_put(&t, ",");
            inspected_prc(&t);
            inspected_put(&t, ",u%u@example.com\n", row % 50);
        }
        const struct findings *f = inspected_plain(NULL, inspected_span(&t));
        const uint64_t *view = NULL;
        size_t len = 0;
        CHECK(f != NULL && f->persons_lower == 200 && f->persons_upper == 400);
        CHECK(f != NULL && f->unidentified == 0 && f->sensitive_upper == 400);
        CHECK(findings_persons(inspected, false, &view, &len) == ERR_OK && len == 400);
    }
    TEST("a row with an address and no number counts one")
    {
        struct inspected_text t = text_new();
        inspected_put(&t, "patient,mail\n");
        for (unsigned row = 0; row < 100; row++) {
            if (row % 4 != 0)
                inspected_mykad(&t, true);
            inspected_put(&t, ",u%u@example.com\n", row);
        }
        const struct findings *f = inspected_plain(NULL, inspected_span(&t));
        const uint64_t *view = NULL;
        size_t len = 0;
        CHECK(f != NULL && f->persons_lower == 100 && f->persons_upper == 100);
        CHECK(f != NULL && f->unidentified == 25);
        CHECK(findings_persons(inspected, false, &view, &len) == ERR_OK && len == 75);
    }
    TEST("one number beside many addresses hides none of them")
    {
        struct inspected_text t = text_new();
        inspected_put(&t, "doctor,mail\n");
        for (unsigned row = 0; row < 100; row++)
            inspected_put(&t, "11010519491231002X,u%u@example.com\n", row);
        const struct findings *f = inspected_plain(NULL, inspected_span(&t));
        const uint64_t *view = NULL;
        size_t len = 0;
        CHECK(f != NULL && f->persons_lower == 100 && f->persons_upper == 101);
        CHECK(findings_persons(inspected, false, &view, &len) == ERR_OK && len == 101);
    }
    TEST("what the set has no room for counts as persons with sensitive data too")
    {
        struct inspection *full = inspected;
        struct inspected_text t = text_new();
        CHECK_EQ(inspection_new(10, &inspected), ERR_OK);
        inspected_put(&t, "a,b\n");
        for (unsigned row = 0; row < 100; row++) {
            inspected_put(&t, "u%u@example.com,", row);
            if (row == 50)
                inspected_prc(&t);
            inspected_put(&t, row == 50 ? "\n" : "x\n");
        }
        const struct findings *f = inspected_plain(NULL, inspected_span(&t));
        CHECK(f != NULL && f->persons_upper == 101 && f->unidentified == 91);
        CHECK(f != NULL && f->sensitive_upper == 91);
        inspection_free(inspected);
        inspected = full;
    }
    TEST("a resident number among too many others is said to be undecided")
    {
        const unsigned rows[] = {30000, 40000};
        for (size_t k = 0; k < 2; k++) {
            struct inspected_text t = text_new();
            inspected_put(&t, "n,v\n");
            for (unsigned row = 0; row < rows[k]; row++)
                inspected_put(&t, "99%016u,1\n", row); /* no province 99 */
            inspected_prc(&t);
            inspected_put(&t, ",2\n");
            const struct findings *f = inspected_plain(NULL, inspected_span(&t));
            CHECK(f != NULL && f->rows == rows[k] + 1);
            CHECK_EQ(has_label(f, LABEL_SENSITIVE_PERSONAL), k == 0);
            CHECK_EQ(f != NULL && f->reasons == 1U << FINDINGS_NUMBER_UNDECIDED, k == 1);
        }
    }
    TEST("no identifier is counted as another's, and equal ones are counted once")
    {
        const struct findings *f =
            inspected_plain(NULL, SPAN_LIT("id,mail\n11010519491231002X,a@example.com\n"
                                           "11010519491231002X,b@example.com\n"
                                           ",c@example.com\nx,y\n"));
        CHECK(f != NULL && f->persons_lower == 3 && f->persons_upper == 4);
        f = inspected_plain(NULL, SPAN_LIT("id,mail\n11010519491231002X,a@b.example c@d.example "
                                           "e@f.example\nx,y\n"));
        CHECK(f != NULL && f->persons_lower == 3 && f->persons_upper >= 3);
    }
    TEST("equal persons in other writing are one person")
    {
        const struct findings *f =
            inspected_plain(NULL, SPAN_LIT("ic,id\n900101-14-5678,110105491231002\n"
                                           "900101145678,11010519491231002x\n"
                                           "900101 14 5678,11010519491231002X\n"));
        const uint64_t *view = NULL;
        size_t len = 0;
        CHECK(f != NULL && f->persons_lower == 1);
        /* One MyKad and one resident number, which may be two persons. */
        CHECK(findings_persons(inspected, true, &view, &len) == ERR_OK && len == 2);
        CHECK(f != NULL && f->persons_upper == 2 && f->sensitive_upper == 2);
    }
    TEST("a declared personal column without identifiers counts every row")
    {
        CHECK(load_fields("{\"format\":\"csv\",\"additional\":\"refuse\",\"fields\":["
                          "{\"name\":\"name\",\"type\":\"string\",\"x-class\":\"personal\"},"
                          "{\"name\":\"v\",\"type\":\"integer\",\"x-class\":\"business\"}]}"));
        const struct findings *f =
            inspected_plain(&fields, SPAN_LIT("name,v\nAli,1\nAbu,2\n,3\nAli,4\n"));
        CHECK(f != NULL && f->persons_upper == 3 && f->persons_lower == 1);
        CHECK(f != NULL && f->unidentified == 3 && f->sensitive_upper == 0);
    }
    TEST("there is no evidence before the end, and steps out of order are refused")
    {
        const struct inspection_config config = {.counting_key = inspected_key};
        const struct inspection_config keyless = {.counting_key = NULL};
        const uint64_t *view = NULL;
        size_t used = 0;
        size_t len = 0;
        CHECK_EQ(inspection_start(inspected, &keyless), ERR_MISSING);
        CHECK_EQ(inspection_start(inspected, &config), ERR_OK);
        CHECK(findings_of(inspected) == NULL);
        CHECK_EQ(findings_persons(inspected, false, &view, &len), ERR_STATE);
        CHECK_EQ(inspection_feed(inspected, SPAN_LIT("a,b\n"), &used, NULL, 0, &len), ERR_OK);
        CHECK_EQ(inspection_finish(inspected, NULL, 0, &len), ERR_OK);
        CHECK_EQ(inspection_feed(inspected, SPAN_LIT("a"), &used, NULL, 0, &len), ERR_STATE);
        const struct findings *f = findings_of(inspected);
        struct span json;
        CHECK(f != NULL && findings_json(f, inspected_json, 100, &json) == ERR_FULL);
        struct inspection *none = NULL;
        CHECK_EQ(inspection_new(0, &none), ERR_RANGE);
        inspection_free(none);
    }
}

static void
test_coverage(void)
{
    TEST("coverage is full, partial or opaque, with reasons")
    {
        struct inspected_text t = text_new();
        inspected_put(&t, "a,b\n1,\xff\xfe z\n");
        for (unsigned row = 0; row < 100; row++)
            inspected_put(&t, "%u,text\n", row);
        CHECK(covers(inspected_span(&t), 1U << FINDINGS_UTF8_INVALID));
        CHECK(covers(SPAN_LIT("a,b\n1,\"open\n2,c\n"), 1U << FINDINGS_UNTERMINATED_QUOTE));
        CHECK(covers(SPAN_LIT("a,b\n1,\"x\"y\n2,c\n"), 1U << FINDINGS_IRREGULAR_QUOTING));
        CHECK(finds("\x1f\x8b\x08 zipped", LABEL_BIT(LABEL_OPAQUE)));
        CHECK(finds("{\"ic\": \"x@example.com\"}",
                    LABEL_BIT(LABEL_OPAQUE) | LABEL_BIT(LABEL_PERSONAL)));
        const struct findings *f = inspected_plain(NULL, SPAN_LIT(""));
        CHECK(f != NULL && f->coverage == FINDINGS_FULL && f->rows == 0);
        f = inspected_plain(NULL, SPAN_LIT("Prose, with a comma.\nAnd one more line.\nx y\n"));
        CHECK(f != NULL && f->kind == FINDINGS_TEXT && f->rows == 3);
    }
    TEST("a field over 1 MiB is searched and makes the coverage partial")
    {
        struct inspected_text t = text_new();
        inspected_put(&t, "a,b\n1,\"");
        memset(t.buf + t.len, 'x', 1 << 20);
        t.len += 1 << 20;
        inspected_put(&t, " 11010519491231002X \"\n2,y\n");
        CHECK(covers(inspected_span(&t), 1U << FINDINGS_FIELD_TOO_LONG));
        CHECK(has_label(findings_of(inspected), LABEL_SENSITIVE_PERSONAL));
    }
    TEST("columns beyond the table are searched together")
    {
        struct inspected_text t = text_new();
        for (unsigned line = 0; line < 2; line++) {
            for (unsigned c = 0; c < 1100; c++)
                inspected_put(&t, "%s%s", c == 0 ? "" : ",", line == 0 ? "h" : "v");
            inspected_put(&t, line == 0 ? ",h\n" : ",a@example.com\n");
        }
        CHECK(covers(inspected_span(&t), 1U << FINDINGS_TOO_MANY_COLUMNS));
        CHECK(has_label(findings_of(inspected), LABEL_PERSONAL));
    }
    TEST("every form of line end and quoting counts the same rows")
    {
        static const char *const form[] = {
            "a,b\n1,2\n3,4\n",       "a,b\r\n1,2\r\n3,4\r\n",
            "a,b\r1,2\r3,4\r",       "\357\273\277a,b\n1,2\n3,4",
            "a;b\n1;2\n3;4\n",       "a\tb\n1\t2\n3\t4\n",
            "a|b\n1|2\n3|4\n",       "\"a\",\"b\"\n\"1\n1\",\"2,\"\"\"\n3,4\n",
            "a,b\n\n1,2\n\n3,4\n\n", "\n\na,b\n1,2\n3,4\n",
            "a,b\n1,2,5\n3\n",
        };
        const struct fieldset *none = NULL;
        for (size_t i = 0; i < sizeof(form) / sizeof(form[0]); i++) {
            CHECK(load_fields("{\"format\":\"csv\",\"additional\":\"allow\",\"fields\":[]}"));
            const struct findings *f = inspected_plain(
                i + 1 < sizeof(form) / sizeof(form[0]) ? none : &fields, span_str(form[i]));
            CHECK(f != NULL && f->rows == 2 && f->kind == FINDINGS_TABLE);
            if (f == NULL || f->rows != 2)
                printf("# form %zu: %s\n", i, inspected_evidence(f));
        }
    }
}

int
main(void)
{
    TEST("set-up") CHECK(inspected_setup());
    test_columns();
    test_needles();
    test_declared();
    test_persons();
    test_coverage();
    inspection_free(inspected);
    return test_end();
}
