/* SPDX-License-Identifier: Apache-2.0 */
/* cJSON as an oracle: whatever our reader accepts, cJSON accepts, and reads to the same tree. The
 * reverse does not hold, and is not meant to (docs/adr/0002-json-reader.md). Argument: the fuzz
 * corpus of the reader. */
#include "schemas/json.h"
#include "tests/test.h"

#include <cjson/cJSON.h>
#include <dirent.h>

enum { INPUT_MAX = 64 * 1024 };

static struct json_node nodes[INPUT_MAX + 1];
static uint8_t text[INPUT_MAX];

static bool
same_scalar(const struct json_node *ours, const cJSON *theirs)
{
    switch (ours->type) {
    case JSON_NULL:
        return cJSON_IsNull(theirs) != 0;
    case JSON_BOOL:
        return cJSON_IsBool(theirs) != 0 && (ours->number == 1) == (cJSON_IsTrue(theirs) != 0);
    case JSON_INT:
        return cJSON_IsNumber(theirs) != 0 && (int64_t)theirs->valuedouble == ours->number;
    case JSON_STRING:
        return cJSON_IsString(theirs) != 0 && span_eq_str(ours->text, theirs->valuestring);
    case JSON_ARRAY:
        return cJSON_IsArray(theirs) != 0 && (uint32_t)cJSON_GetArraySize(theirs) == ours->count;
    case JSON_OBJECT:
        return cJSON_IsObject(theirs) != 0 && (uint32_t)cJSON_GetArraySize(theirs) == ours->count;
    }
    return false;
}

/* Both trees in document order; ours is an array, theirs is walked with a stack of its parents. */
static bool
same_tree(const struct json_doc *doc, const cJSON *root)
{
    const cJSON *parents[JSON_DEPTH_MAX + 1];
    size_t depth = 0;
    const cJSON *at = root;
    for (size_t i = 0; i < doc->node_count; i++) {
        if (at == NULL)
            return false;
        const bool is_member = depth > 0 && cJSON_IsObject(parents[depth - 1]);
        if (is_member && !span_eq_str(doc->nodes[i++].text, at->string))
            return false;
        if (i >= doc->node_count || !same_scalar(&doc->nodes[i], at))
            return false;
        if (at->child != NULL) {
            if (depth > JSON_DEPTH_MAX)
                return false;
            parents[depth++] = at;
            at = at->child;
            continue;
        }
        while (at != NULL && at != root && at->next == NULL)
            at = depth > 0 ? parents[--depth] : NULL;
        at = at == NULL || at == root ? NULL : at->next;
    }
    return at == NULL;
}

/* 1 read by both to the same tree, 0 refused by us, -1 they differ. */
static int
compare(struct span input)
{
    struct json_doc doc = {
        .nodes = nodes, .node_cap = INPUT_MAX + 1, .text = text, .text_cap = sizeof(text)};
    if (json_read(&doc, input, NULL) != ERR_OK)
        return 0;
    char *copy = malloc(input.len + 1);
    if (copy == NULL)
        return -1;
    memcpy(copy, input.ptr, input.len);
    copy[input.len] = '\0';
    cJSON *root = cJSON_ParseWithLengthOpts(copy, input.len + 1, NULL, true);
    const bool same = root != NULL && same_tree(&doc, root);
    cJSON_Delete(root);
    free(copy);
    return same ? 1 : -1;
}

static int
compare_file(const char *folder, const char *name)
{
    static uint8_t bytes[INPUT_MAX];
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return -1;
    const size_t len = fread(bytes, 1, sizeof(bytes), file);
    (void)fclose(file);
    return compare(span_of(bytes, len));
}

int
main(int argc, char **argv)
{
    TEST("both readers agree on every kind of value")
    {
        CHECK_EQ(compare(SPAN_LIT("{\"a\":[1,-2,true,false,null,[],{}],\"b\":{\"c\":\"\"},"
                                  "\"\\u00e9\\n\":\"\\ud83d\\ude00\\/\",\"d\":9007199254740991}")),
                 1);
        CHECK_EQ(compare(SPAN_LIT(" [ [ [ 1 ] , [ { \"x\" : 2 } ] ] , 3 ] ")), 1);
        CHECK_EQ(compare(SPAN_LIT("\"alone\"")), 1);
        CHECK_EQ(compare(SPAN_LIT("-9007199254740991")), 1);
    }
    TEST("the comparison sees a difference")
    {
        struct json_doc doc = {
            .nodes = nodes, .node_cap = INPUT_MAX, .text = text, .text_cap = sizeof(text)};
        static const char *const others[] = {"[1,[2],4]", "[1,[2]]",       "[1,[2,3],3]",
                                             "[1,2,3]",   "[1,[2],\"3\"]", "{\"a\":1}"};
        CHECK_EQ(json_read(&doc, SPAN_LIT("[1,[2],3]"), NULL), ERR_OK);
        for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
            cJSON *root = cJSON_Parse(others[i]);
            CHECK(root != NULL && !same_tree(&doc, root));
            cJSON_Delete(root);
        }
    }
    TEST("both readers agree on what we accept of the fuzz corpus")
    {
        struct dirent *entry = NULL;
        int read_by_both = 0;
        DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
        CHECK(folder != NULL);
        while (folder != NULL && (entry = readdir(folder)) != NULL) {
            const int result = entry->d_name[0] == '.' ? 0 : compare_file(argv[1], entry->d_name);
            if (result < 0)
                printf("# %s\n", entry->d_name);
            CHECK(result >= 0);
            read_by_both += result > 0 ? 1 : 0;
        }
        CHECK(read_by_both >= 5);
        if (folder != NULL)
            (void)closedir(folder);
    }
    return test_end();
}
