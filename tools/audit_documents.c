/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/audit_documents.h"

#include <fts.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "crypto/digest.h"
#include "tools/cli.h"

static int
audit_documents_order(const void *a, const void *b)
{
    const struct audit_document *x = a;
    const struct audit_document *y = b;
    return memcmp(x->sha256, y->sha256, sizeof(x->sha256));
}

static enum err
audit_documents_take(struct audit_documents *d, const char *path)
{
    struct audit_document item = {.path = NULL};
    if (cli_read(path, JSON_BYTES_MAX, &item.bytes, &item.len) != ERR_OK)
        return ERR_OK;
    enum err err = digest_sha256(span_of(item.bytes, item.len), item.sha256);
    if (err == ERR_OK && d->count == d->cap) {
        const size_t cap = d->cap == 0 ? 64 : d->cap * 2;
        struct audit_document *items =
            cap > AUDIT_DOCUMENTS_MAX ? NULL : reallocarray(d->items, cap, sizeof(*items));
        if (items == NULL)
            err = cap > AUDIT_DOCUMENTS_MAX ? ERR_FULL : ERR_NOMEM;
        else {
            d->items = items;
            d->cap = cap;
        }
    }
    if (err == ERR_OK) {
        item.path = strdup(path);
        err = item.path == NULL ? ERR_NOMEM : ERR_OK;
    }
    if (err != ERR_OK) {
        free(item.bytes);
        return err;
    }
    d->items[d->count++] = item;
    return ERR_OK;
}

enum err
audit_documents_add(struct audit_documents *d, const char *root)
{
    char *copy = strdup(root);
    char *paths[] = {copy, NULL};
    struct stat st;
    if (copy == NULL)
        return ERR_NOMEM;
    FTS *tree = stat(root, &st) == 0 ? fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL) : NULL;
    enum err err = tree == NULL ? ERR_IO : ERR_OK;
    for (FTSENT *e = NULL; err == ERR_OK && (e = fts_read(tree)) != NULL;) {
        const size_t len = strlen(e->fts_name);
        if (e->fts_info == FTS_F && len > 5 && strcmp(e->fts_name + len - 5, ".json") == 0)
            err = audit_documents_take(d, e->fts_path);
    }
    if (tree != NULL)
        (void)fts_close(tree);
    free(copy);
    if (d->count > 1)
        qsort(d->items, d->count, sizeof(d->items[0]), audit_documents_order);
    return err;
}

void
audit_documents_finish(struct audit_documents *d)
{
    for (size_t i = 0; i < d->count; i++) {
        struct audit_document *item = &d->items[i];
        if (item->source != NULL)
            source_finish(item->source);
        if (item->list != NULL)
            list_finish(item->list);
        free(item->source);
        free(item->list);
        free(item->path);
        free(item->bytes);
    }
    /* Sources look into vocabularies: these go last. */
    for (size_t i = 0; i < d->count; i++) {
        if (d->items[i].vocab != NULL)
            vocab_finish(d->items[i].vocab);
        free(d->items[i].vocab);
    }
    free(d->items);
    *d = (struct audit_documents){0};
}

static struct audit_document *
audit_documents_item(const struct audit_documents *d, const uint8_t sha256[static 32])
{
    struct audit_document key;
    memcpy(key.sha256, sha256, sizeof(key.sha256));
    return d->count == 0 ? NULL
                         : bsearch(&key, d->items, d->count, sizeof(key), audit_documents_order);
}

const struct audit_document *
audit_documents_find(const struct audit_documents *d, const uint8_t sha256[static 32])
{
    return audit_documents_item(d, sha256);
}

enum err
audit_documents_vocab(struct audit_documents *d, const uint8_t sha256[static 32],
                      const struct vocab **ret)
{
    struct audit_document *item = audit_documents_item(d, sha256);
    if (item == NULL)
        return ERR_NOT_FOUND;
    if (item->vocab == NULL) {
        struct vocab *v = calloc(1, sizeof(*v));
        if (v == NULL)
            return ERR_NOMEM;
        const enum err err = vocab_read(v, span_of(item->bytes, item->len), sha256, NULL);
        if (err != ERR_OK) {
            free(v);
            return err;
        }
        item->vocab = v;
    }
    *ret = item->vocab;
    return ERR_OK;
}

enum err
audit_documents_source(struct audit_documents *d, const uint8_t sha256[static 32],
                       const struct vocab *v, const struct source **ret)
{
    struct audit_document *item = audit_documents_item(d, sha256);
    if (item == NULL)
        return ERR_NOT_FOUND;
    if (item->source == NULL) {
        struct source *s = calloc(1, sizeof(*s));
        if (s == NULL)
            return ERR_NOMEM;
        const enum err err = source_read(s, v, span_of(item->bytes, item->len), sha256, NULL);
        if (err != ERR_OK) {
            free(s);
            return err;
        }
        item->source = s;
    }
    *ret = item->source;
    return item->source->vocab == v ? ERR_OK : ERR_CONFLICT;
}

enum err
audit_documents_list(struct audit_documents *d, const uint8_t sha256[static 32],
                     const struct list **ret)
{
    struct audit_document *item = audit_documents_item(d, sha256);
    if (item == NULL)
        return ERR_NOT_FOUND;
    if (item->list == NULL) {
        struct list *list = calloc(1, sizeof(*list));
        if (list == NULL)
            return ERR_NOMEM;
        const enum err err = list_read(list, span_of(item->bytes, item->len), sha256, NULL);
        if (err != ERR_OK) {
            free(list);
            return err;
        }
        item->list = list;
    }
    *ret = item->list;
    return ERR_OK;
}
