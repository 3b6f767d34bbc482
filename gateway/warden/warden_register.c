/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/warden/warden_register.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "crypto/crypto.h"
#include "gateway/judge/judge_book.h"

static bool
warden_register_kind(enum grant_kind kind, enum judge_book_kind *ret)
{
    static const struct {
        enum grant_kind grant;
        enum judge_book_kind book;
    } kinds[] = {{GRANT_VOCABULARY, JUDGE_BOOK_VOCABULARY},
                 {GRANT_TRUST, JUDGE_BOOK_TRUST},
                 {GRANT_PARTNER, JUDGE_BOOK_PARTNER},
                 {GRANT_AGREEMENT, JUDGE_BOOK_AGREEMENT},
                 {GRANT_LIST, JUDGE_BOOK_LIST},
                 {GRANT_POLICY, JUDGE_BOOK_POLICY}};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (kinds[i].grant == kind) {
            *ret = kinds[i].book;
            return true;
        }
    }
    return false;
}

/* The copies are sealed memfds: mapped, they cannot change or shrink under the reader. */
static enum err
warden_register_map(const struct grant *g, struct judge_book_file *ret)
{
    struct stat st;
    if (fstat(g->fd, &st) != 0)
        return ERR_IO;
    ret->name = span_str(g->label);
    ret->bytes = span_of("", 0);
    if (st.st_size == 0)
        return ERR_OK;
    void *at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, g->fd, 0);
    if (at == MAP_FAILED)
        return ERR_NOMEM;
    ret->bytes = span_of(at, (size_t)st.st_size);
    return ERR_OK;
}

enum err
warden_register_check(const struct warden_files *files, const struct config *c,
                      struct fault *ret_fault)
{
    struct judge_book_file *all = calloc(files->count + 1, sizeof(*all));
    struct judge_book *book = NULL;
    size_t count = 0;
    if (all == NULL)
        return ERR_NOMEM;
    enum err err = crypto_init();
    for (size_t i = 0; err == ERR_OK && i < files->count; i++) {
        if (warden_register_kind(files->grants[i].kind, &all[count].kind))
            err = warden_register_map(&files->grants[i], &all[count++]);
    }
    if (err == ERR_OK)
        err = judge_book_new(span_str(config_str(c, CONFIG_ZONE)), clock_wall_ms() / 1000, all,
                             count, &book, ret_fault);
    judge_book_free(book);
    /* The maps go with the process: this is the last thing a test does. */
    free(all);
    return err;
}

void
warden_register_say(const char *config_path, enum err err, const struct fault *fault)
{
    char place[32] = "";
    if (fault->line > 0)
        (void)snprintf(place, sizeof(place), ":%u:%u", fault->line, fault->column);
    (void)fprintf(stderr, "%s: register%s: %s%s%s\n", config_path, place, fault->where,
                  fault->where[0] == '\0' ? "" : ": ", error_text(err));
}
