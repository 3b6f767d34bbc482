/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/warden/warden_succession.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "policy/succession.h"

/* The bytes of a grant in memory the caller frees. */
static enum err
warden_succession_read(const struct grant *g, uint8_t **ret_bytes, struct span *ret)
{
    struct stat st;
    if (fstat(g->fd, &st) != 0)
        return ERR_IO;
    uint8_t *bytes = malloc((size_t)st.st_size + 1);
    if (bytes == NULL)
        return ERR_NOMEM;
    *ret_bytes = bytes;
    *ret = span_of(bytes, (size_t)st.st_size);
    return pread(g->fd, bytes, (size_t)st.st_size, 0) == (ssize_t)st.st_size ? ERR_OK : ERR_IO;
}

struct warden_succession {
    struct trust trust;
    struct succession_scratch scratch;
};

static enum err
warden_succession_counts(struct warden_succession *w, const struct config *c, struct span note,
                         struct span trust, struct fault *fault)
{
    struct succession_old old;
    struct succession s;
    struct note parsed;
    TRY(succession_read(note, &w->scratch, &s, &parsed, fault));
    TRY(trust_load(trust, &w->trust, NULL)); /* it was read before; it cannot fail but for memory */
    return succession_check(&s, &parsed, &w->trust, span_str(config_str(c, CONFIG_ZONE)),
                            span_str(config_str(c, CONFIG_ORIGIN)), &old, fault);
}

enum err
warden_succession_check(struct warden_files *files, const struct config *c)
{
    const struct grant *note = rolemain_grant(files->grants, files->count, GRANT_SUCCESSION);
    const struct grant *trust = rolemain_grant(files->grants, files->count, GRANT_TRUST);
    struct fault fault = {.code = ERR_OK};
    struct span bytes[2];
    uint8_t *memory[2] = {NULL, NULL};
    if (note == NULL || trust == NULL)
        return ERR_OK;
    struct warden_succession *w = calloc(1, sizeof(*w));
    enum err err = w == NULL ? ERR_NOMEM : crypto_init();
    if (err == ERR_OK)
        err = warden_succession_read(note, &memory[0], &bytes[0]);
    if (err == ERR_OK)
        err = warden_succession_read(trust, &memory[1], &bytes[1]);
    if (err == ERR_OK)
        err = warden_succession_counts(w, c, bytes[0], bytes[1], &fault);
    if (err != ERR_OK && fault.code == err) {
        (void)snprintf(files->problem, sizeof(files->problem), "%s:%u:%u: %s",
                       config_str(c, CONFIG_FILE_SUCCESSION), fault.line, fault.column,
                       fault.where);
        err = ERR_CONFIG;
    }
    if (w != NULL)
        trust_free(&w->trust);
    free(w);
    free(memory[0]);
    free(memory[1]);
    return err;
}
