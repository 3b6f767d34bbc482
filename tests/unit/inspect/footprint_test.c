/* SPDX-License-Identifier: Apache-2.0 */
/* What open inspections keep resident, and that an identity needs only one of them. */
#include "tests/unit/inspect/inspected.h"

#include <unistd.h>

enum { OPEN = 100, TABLE_MAX = 4 << 20 };

static char text[TABLE_MAX];
static char evidence[FINDINGS_JSON_MAX];
static struct inspection *open_ones[OPEN];
static struct fieldset fields;

static size_t
resident(void)
{
    unsigned long long pages = 0;
    char line[128] = "";
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL)
        return 0;
    const bool read = fgets(line, sizeof(line), file) != NULL;
    (void)fclose(file);
    /* The second number: resident pages. */
    const char *at = read ? strchr(line, ' ') : NULL;
    for (at = at == NULL ? "" : at + 1; *at >= '0' && *at <= '9'; at++)
        pages = pages * 10 + (unsigned long long)(*at - '0');
    return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

static struct span
table(unsigned columns, unsigned rows, unsigned persons)
{
    struct inspected_text t = {.buf = text, .cap = sizeof(text)};
    for (unsigned c = 0; c < columns; c++)
        inspected_put(&t, "%sh%u", c == 0 ? "" : ",", c);
    inspected_put(&t, "\n");
    for (unsigned row = 0; row < rows; row++) {
        for (unsigned c = 1; c < columns; c++)
            inspected_put(&t, "%u.%u,", row % 97, c);
        if (row < persons)
            inspected_mykad(&t, false);
        inspected_put(&t, "\n");
    }
    return inspected_span(&t);
}

/* Bytes that one of many open streams keeps resident after all of in was fed in small pieces. */
__attribute__((unused)) static size_t
footprint(struct span in)
{
    const struct inspection_config config = {.counting_key = inspected_key};
    size_t used = 0;
    size_t len = 0;
    const size_t before = resident();
    for (size_t i = 0; i < OPEN; i++) {
        if (inspection_new(PERSONS_MAX, &open_ones[i]) != ERR_OK ||
            inspection_start(open_ones[i], &config) != ERR_OK)
            return SIZE_MAX;
        for (size_t at = 0; at < in.len; at += 4000) {
            const size_t take = in.len - at < 4000 ? in.len - at : 4000;
            if (inspection_feed(open_ones[i], span_of(in.ptr + at, take), &used, NULL, 0, &len) !=
                ERR_OK)
                return SIZE_MAX;
        }
    }
    const size_t after = resident();
    for (size_t i = 0; i < OPEN; i++)
        inspection_free(open_ones[i]);
    return after > before ? (after - before) / OPEN : 0;
}

/* The evidence OUT made of an identity IN is that of an inspection OUT. */
static bool
same_as_out(struct span in, const struct fieldset *declared)
{
    struct findings out;
    const struct inspection_config second = {
        .stage = INSPECTION_OUT, .fields = declared, .counting_key = inspected_key};
    if (inspected_plain(declared, in) == NULL || findings_as_out(inspected, &out) != ERR_OK)
        return false;
    const char *made = inspected_evidence(&out);
    memcpy(evidence, made, strlen(made) + 1);
    const char *seen = inspected_evidence(inspected_run(&second, in, 0, 1 << 20));
    return seen[0] == '{' && strcmp(seen, evidence) == 0;
}

int
main(void)
{
    TEST("set-up") CHECK(inspected_setup());
    __attribute__((unused)) const struct span narrow = table(15, 3000, 40);
#if TEST_ASAN || TEST_TSAN
    test_skip("open streams are small", "a sanitizer's allocator keeps more than the program");
#else
    TEST("an open table of 15 columns and few persons is resident in 64 KiB")
    {
        const size_t bytes = footprint(narrow);
        printf("# %zu bytes\n", bytes);
        CHECK(bytes > 4096 && bytes <= 64 * 1024);
    }
    TEST("a wide one in 256 KiB and its columns")
    {
        const size_t bytes = footprint(table(1100, 40, 10));
        printf("# %zu bytes\n", bytes);
        CHECK(bytes <= (256 + 420) * 1024);
    }
#endif
    TEST("what left as it came needs no second inspection")
    {
        struct fault fault;
        CHECK(same_as_out(table(15, 300, 300), NULL));
        CHECK(same_as_out(SPAN_LIT("{\"a\":1}"), NULL));
        CHECK(fieldset_load(&fields,
                            SPAN_LIT("{\"format\":\"csv\",\"additional\":\"refuse\","
                                     "\"fields\":[{\"name\":\"h1\",\"type\":\"s\","
                                     "\"x-class\":\"personal\",\"x-identifier\":\"mykad\"}]}"),
                            &fault) == ERR_OK);
        CHECK(same_as_out(table(3, 300, 30), &fields));
    }
    TEST("there is none before the end, nor of what was transformed")
    {
        struct findings out;
        const uint8_t actions[FIELDSET_MAX] = {TRANSFORM_MASK};
        const struct inspection_config config = {
            .fields = &fields, .actions = actions, .counting_key = inspected_key};
        CHECK(inspected_run(&config, SPAN_LIT("h1,b\n1,2\n"), 0, 1000) != NULL);
        CHECK_EQ(findings_as_out(inspected, &out), ERR_STATE);
        CHECK_EQ(inspection_start(inspected, &config), ERR_OK);
        CHECK_EQ(findings_as_out(inspected, &out), ERR_STATE);
    }
    inspection_free(inspected);
    return test_end();
}
