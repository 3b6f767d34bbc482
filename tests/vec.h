/* SPDX-License-Identifier: Apache-2.0 */
/* Reading of vector files in tests: whole files, JSON documents, hex members. A test program gets
 * the folder tests/vectors as its first argument. A missing or broken vector ends the program with
 * a message: a test must not pass because its vectors are not there. */
#ifndef TDZ_TESTS_VEC_H
#define TDZ_TESTS_VEC_H

#include "schemas/json.h"
#include "schemas/text.h"

#include <stdio.h>
#include <stdlib.h>

struct vec_file {
    uint8_t *bytes;
    struct span all;
    struct json_doc doc;
};

__attribute__((unused, noreturn)) static void
vec_die(const char *what, const char *name)
{
    printf("Bail out! %s: %s\n", what, name);
    exit(99);
}

__attribute__((unused)) static struct vec_file
vec_open(const char *folder, const char *name)
{
    char path[512];
    const int n = snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (n < 0 || (size_t)n >= sizeof(path))
        vec_die("path too long", name);
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        vec_die("cannot open", path);
    const size_t cap = (size_t)8 << 20;
    uint8_t *bytes = malloc(cap);
    if (bytes == NULL)
        vec_die("no memory for", path);
    const size_t len = fread(bytes, 1, cap, f);
    (void)fclose(f);
    if (len == 0 || len == cap)
        vec_die("empty or too long", path);
    return (struct vec_file){.bytes = bytes, .all = span_of(bytes, len)};
}

__attribute__((unused)) static struct vec_file
vec_open_json(const char *folder, const char *name)
{
    struct vec_file v = vec_open(folder, name);
    if (json_load(&v.doc, v.all, NULL) != ERR_OK)
        vec_die("not JSON of our reader", name);
    return v;
}

__attribute__((unused)) static void
vec_close(struct vec_file *v)
{
    json_free(&v->doc);
    free(v->bytes);
    *v = (struct vec_file){0};
}

__attribute__((unused)) static const struct json_node *
vec_get(const struct vec_file *v, const struct json_node *object, const char *key)
{
    const struct json_node *node = json_get(&v->doc, object, key);
    if (node == NULL)
        vec_die("vector lacks a member", key);
    return node;
}

__attribute__((unused)) static struct span
vec_text(const struct vec_file *v, const struct json_node *object, const char *key)
{
    return vec_get(v, object, key)->text;
}

/* Decodes hex into out; returns the bytes. */
__attribute__((unused)) static struct span
vec_unhex(struct span hex, uint8_t *out, size_t cap)
{
    if (hex.len / 2 > cap || text_unhex(hex, false, out, hex.len / 2) != ERR_OK)
        vec_die("not hex, or too long", "vector");
    return span_of(out, hex.len / 2);
}

__attribute__((unused)) static struct span
vec_hex(const struct vec_file *v, const struct json_node *object, const char *key, uint8_t *out,
        size_t cap)
{
    return vec_unhex(vec_text(v, object, key), out, cap);
}

/* Equality of bytes with lower-case hex text. */
__attribute__((unused)) static bool
vec_is(struct span bytes, const char *hex)
{
    for (size_t i = 0; i < bytes.len; i++) {
        static const char digits[] = "0123456789abcdef";
        if (hex[2 * i] != digits[bytes.ptr[i] >> 4] || hex[2 * i + 1] != digits[bytes.ptr[i] & 15])
            return false;
    }
    return hex[2 * bytes.len] == '\0';
}

/* The test loop of Wycheproof files: for each group and test of doc run body with `group` and
 * `test` set. */
#define VEC_EACH_TEST(v)                                                               \
    for (const struct json_node *groups_ = vec_get((v), (v)->doc.nodes, "testGroups"), \
                                *group = json_first(&(v)->doc, groups_);               \
         group != NULL; group = json_next(&(v)->doc, groups_, group))                  \
        for (const struct json_node *tests_ = vec_get((v), group, "tests"),            \
                                    *test = json_first(&(v)->doc, tests_);             \
             test != NULL; test = json_next(&(v)->doc, tests_, test))

#endif
