/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/link/link_trust.h"

#include <stdlib.h>

#include "schemas/trust.h"

enum { LINK_TRUST_FILE_MAX = 256 * 1024 };

struct link_trust_files {
    uint8_t *cert;
    uint8_t *json;
    uint8_t *crl;
    size_t cert_len;
    size_t json_len;
    size_t crl_len;
};

static enum err
link_trust_file(struct grant *grants, size_t count, enum grant_kind kind, uint8_t **ret,
                size_t *ret_len)
{
    const struct grant *g = rolemain_grant(grants, count, kind);
    if (g == NULL)
        return ERR_NOT_FOUND;
    *ret = malloc(LINK_TRUST_FILE_MAX);
    return *ret == NULL ? ERR_NOMEM : rolemain_read(g, *ret, LINK_TRUST_FILE_MAX, ret_len);
}

/* The list in text from *at on, with its lines of dashes; moves *at behind it. */
static bool
link_trust_next_crl(struct span text, size_t *at, struct span *ret)
{
    const struct span begin = SPAN_LIT("-----BEGIN X509 CRL-----");
    const struct span end = SPAN_LIT("-----END X509 CRL-----");
    const struct span rest = span_from(text, *at);
    const uint8_t *from = rest.len == 0 ? NULL : memmem(rest.ptr, rest.len, begin.ptr, begin.len);
    if (from == NULL)
        return false;
    const size_t left = rest.len - (size_t)(from - rest.ptr);
    const uint8_t *to = memmem(from, left, end.ptr, end.len);
    if (to == NULL)
        return false;
    *ret = span_of(from, (size_t)(to - from) + end.len);
    *at = (size_t)(to - text.ptr) + end.len;
    return true;
}

/* A list is that of the zone whose authority signed it: tlsctx_trust tells. */
static enum err
link_trust_crls(struct tlsctx *ctx, struct tlsctx_zone *zones, size_t count, struct span crls)
{
    size_t at = 0;
    struct span crl;
    while (link_trust_next_crl(crls, &at, &crl)) {
        for (size_t i = 0; i < count; i++) {
            struct tlsctx_zone one = zones[i];
            one.crl_pem = crl;
            if (tlsctx_trust(ctx, &one, 1) == ERR_OK)
                zones[i].crl_pem = crl;
        }
    }
    return ERR_OK;
}

static enum err
link_trust_zones(struct tlsctx *ctx, const struct config *config, const struct trust *trust,
                 struct span crls)
{
    struct tlsctx_zone zones[TLSCTX_ZONES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < config_peer_count(config); i++) {
        const struct span name = span_str(config_peer(config, i)->zone);
        const struct trust_zone *zone = trust_find(trust, name);
        bool is_there = false;
        if (zone == NULL)
            return ERR_NOT_FOUND;
        for (size_t k = 0; k < count; k++)
            is_there = is_there || span_eq(zones[k].zone, name);
        if (is_there)
            continue; /* several gateways of one zone */
        if (count == TLSCTX_ZONES_MAX)
            return ERR_FULL;
        zones[count++] = (struct tlsctx_zone){.zone = name, .ca_pem = zone->ca_pem};
    }
    if (count == 0)
        return ERR_OK; /* no peers: nobody is believed */
    TRY(link_trust_crls(ctx, zones, count, crls));
    return tlsctx_trust(ctx, zones, count);
}

static enum err
link_trust_load(struct tlsctx *ctx, const struct config *config,
                const struct link_trust_files *files)
{
    struct trust *trust = calloc(1, sizeof(*trust));
    if (trust == NULL)
        return ERR_NOMEM;
    enum err err = trust_load(span_of(files->json, files->json_len), trust, NULL);
    if (err == ERR_OK) {
        err = link_trust_zones(ctx, config, trust, span_of(files->crl, files->crl_len));
        trust_free(trust);
    }
    free(trust);
    return err;
}

static enum err
link_trust_read(struct link_trust_files *files, struct grant *grants, size_t count)
{
    TRY(link_trust_file(grants, count, GRANT_CERT, &files->cert, &files->cert_len));
    TRY(link_trust_file(grants, count, GRANT_TRUST, &files->json, &files->json_len));
    if (rolemain_grant(grants, count, GRANT_CRL) == NULL)
        return ERR_OK;
    return link_trust_file(grants, count, GRANT_CRL, &files->crl, &files->crl_len);
}

static void
link_trust_finish(struct link_trust_files *files)
{
    free(files->cert);
    free(files->json);
    free(files->crl);
}

enum err
link_trust_context(const struct tlskey_lib *lib, struct tlskey_signer signer, bool is_server,
                   const struct config *config, struct grant *grants, size_t grant_count,
                   struct tlsctx **ret)
{
    struct link_trust_files files = {0};
    struct tlsctx *ctx = NULL;
    enum err err = link_trust_read(&files, grants, grant_count);
    if (err == ERR_OK) {
        const struct tlsctx_profile profile = {.lib = lib,
                                               .is_server = is_server,
                                               .cert_pem = span_of(files.cert, files.cert_len),
                                               .signer = signer,
                                               .offer_h2 = true};
        err = tlsctx_new(&profile, &ctx);
    }
    if (err == ERR_OK)
        err = link_trust_load(ctx, config, &files);
    link_trust_finish(&files);
    if (err != ERR_OK) {
        tlsctx_free(ctx);
        return err;
    }
    *ret = ctx;
    return ERR_OK;
}

enum err
link_trust_update(struct tlsctx *ctx, const struct config *config, struct grant *grants,
                  size_t grant_count)
{
    struct link_trust_files files = {0};
    enum err err = link_trust_read(&files, grants, grant_count);
    if (err == ERR_OK)
        err = link_trust_load(ctx, config, &files);
    link_trust_finish(&files);
    return err;
}
