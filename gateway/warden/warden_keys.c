/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/warden/warden_keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/key.h"
#include "crypto/tlssign.h"

/* As keeper reads them (gateway/keeper/keeper_role.c). */
static const char *const warden_keys_seeds[] = {"gateway.key",  "release.key", "log.key",
                                                "witness.key",  "kem.key",     "storage.key",
                                                "counting.key", "token.key"};
enum { WARDEN_KEYS_SEED_BYTES = 32, WARDEN_KEYS_PEM_MAX = 64 * 1024 };

static enum err
warden_keys_fail(struct warden_files *files, const char *folder, const char *name, const char *why)
{
    (void)snprintf(files->problem, sizeof(files->problem), "%s%s%s: %s", folder,
                   folder[0] == '\0' ? "" : "/", name, why);
    return ERR_CONFIG;
}

static const struct grant *
warden_keys_find(const struct warden_files *files, const char *name)
{
    for (size_t i = 0; i < files->count; i++)
        if (files->grants[i].kind == GRANT_KEY && strcmp(files->grants[i].label, name) == 0)
            return &files->grants[i];
    return NULL;
}

static enum err
warden_keys_seed(struct warden_files *files, const char *folder, const char *name)
{
    struct stat st;
    const struct grant *g = warden_keys_find(files, name);
    if (g == NULL)
        return warden_keys_fail(files, folder, name, "no such key: every gateway needs it");
    if (fstat(g->fd, &st) != 0)
        return ERR_IO;
    return st.st_size == WARDEN_KEYS_SEED_BYTES
               ? ERR_OK
               : warden_keys_fail(files, folder, name, "not a key: it has 32 bytes");
}

/* The bytes of a grant in memory the caller wipes and frees. */
static enum err
warden_keys_read(const struct grant *g, uint8_t **ret_bytes, struct span *ret)
{
    uint8_t *bytes = malloc(WARDEN_KEYS_PEM_MAX);
    if (bytes == NULL)
        return ERR_NOMEM;
    const ssize_t n = pread(g->fd, bytes, WARDEN_KEYS_PEM_MAX, 0);
    *ret_bytes = bytes;
    *ret = span_of(bytes, n > 0 ? (size_t)n : 0);
    return n < 0 ? ERR_IO : ERR_OK;
}

static const char *
warden_keys_why(enum err err)
{
    switch ((int)err) {
    case ERR_SYNTAX:
        return "no PEM certificate can be read";
    case ERR_CONFLICT:
        return "the certificate is of another key than tls.key";
    case ERR_NOT_YET:
        return "the certificate is not valid yet: is the clock right?";
    case ERR_EXPIRED:
        return "the certificate has expired: have the zone's authority issue another";
    default:
        return error_text(err);
    }
}

static enum err
warden_keys_tls(struct warden_files *files, const char *folder, const char *certificate,
                int64_t now_s)
{
    const struct grant *of_key = warden_keys_find(files, "tls.key");
    const struct grant *of_cert = rolemain_grant(files->grants, files->count, GRANT_CERT);
    struct tlssign_key *key = NULL;
    uint8_t *bytes = NULL;
    struct span pem = span_of(NULL, 0);
    if (of_key == NULL)
        return warden_keys_fail(files, folder, "tls.key", "no such key: every gateway needs it");
    enum err err = warden_keys_read(of_key, &bytes, &pem);
    if (err == ERR_OK)
        err = tlssign_new(pem, &key);
    if (bytes != NULL)
        key_wipe(bytes, WARDEN_KEYS_PEM_MAX);
    free(bytes);
    if (err == ERR_SYNTAX || err == ERR_UNSUPPORTED)
        return warden_keys_fail(files, folder, "tls.key",
                                "not a P-256 private key in PEM without a pass phrase");
    TRY(err);
    bytes = NULL;
    err = warden_keys_read(of_cert, &bytes, &pem);
    if (err == ERR_OK)
        err = tlssign_fits(key, pem, now_s);
    free(bytes);
    tlssign_free(key);
    return err == ERR_OK ? ERR_OK : warden_keys_fail(files, "", certificate, warden_keys_why(err));
}

enum err
warden_keys_check(struct warden_files *files, const char *folder, const char *certificate,
                  int64_t now_s)
{
    for (size_t i = 0; i < sizeof(warden_keys_seeds) / sizeof(warden_keys_seeds[0]); i++)
        TRY(warden_keys_seed(files, folder, warden_keys_seeds[i]));
    return warden_keys_tls(files, folder, certificate, now_s);
}
