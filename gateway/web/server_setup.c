/* SPDX-License-Identifier: Apache-2.0 */
/* What a listener is made of: limits from the configuration, trust and certificate from files. */
#include <stdlib.h>

#include "gateway/web/server.h"
#include "schemas/trust.h"

enum { SERVER_PEM_MAX = 256 * 1024 };

void
server_limits(const struct config *config, struct conn_config *ret)
{
    struct http_limits *l = &ret->http.limits;
    const int64_t headers = config_int(config, CONFIG_LIMIT_HEADER_COUNT);
    const int64_t bytes = config_int(config, CONFIG_LIMIT_HEADER_BYTES);
    l->headers_max = headers > HTTP_HEADERS_MAX ? HTTP_HEADERS_MAX : (uint32_t)headers;
    l->head_bytes_max = bytes > HTTP_HEAD_BYTES_MAX ? HTTP_HEAD_BYTES_MAX : (uint32_t)bytes;
    l->head_ms = (uint32_t)config_int(config, CONFIG_TIMEOUT_HEADER_MS);
    l->idle_ms = (uint32_t)config_int(config, CONFIG_TIMEOUT_IDLE_MS);
    ret->handshake_ms = l->head_ms;
    ret->http.streams_max = (uint32_t)config_int(config, CONFIG_LIMIT_STREAMS);
    ret->http.reset_burst = (uint32_t)config_int(config, CONFIG_LIMIT_RESET_BURST);
    ret->http.reset_per_s = (uint32_t)config_int(config, CONFIG_LIMIT_RESET_RATE);
    ret->http.glitch_burst = (uint32_t)config_int(config, CONFIG_LIMIT_CONTROL_BURST);
    ret->http.glitch_per_s = (uint32_t)config_int(config, CONFIG_LIMIT_CONTROL_RATE);
}

static enum err
server_file(struct grant *grants, size_t count, enum grant_kind kind, uint8_t **ret,
            size_t *ret_len)
{
    const struct grant *g = rolemain_grant(grants, count, kind);
    uint8_t *buf = g == NULL ? NULL : malloc(SERVER_PEM_MAX);
    if (g == NULL)
        return ERR_NOT_FOUND;
    if (buf == NULL)
        return ERR_NOMEM;
    const enum err err = rolemain_read(g, buf, SERVER_PEM_MAX, ret_len);
    if (err != ERR_OK) {
        free(buf);
        return err;
    }
    *ret = buf;
    return ERR_OK;
}

/* Whom to believe: the authority of our own zone, nobody else's. */
static enum err
server_trust(struct tlsctx *ctx, const char *zone, struct span json, struct span crl)
{
    struct trust *trust = calloc(1, sizeof(*trust));
    if (trust == NULL)
        return ERR_NOMEM;
    enum err err = trust_load(json, trust, NULL);
    if (err == ERR_OK) {
        const struct trust_zone *own = trust_find(trust, span_str(zone));
        const struct tlsctx_zone believed = {
            .zone = span_str(zone),
            .ca_pem = own == NULL ? span_of(NULL, 0) : own->ca_pem,
            .crl_pem = crl,
        };
        err = own == NULL ? ERR_NOT_FOUND : tlsctx_trust(ctx, &believed, 1);
        trust_free(trust);
    }
    free(trust);
    return err;
}

enum err
server_tls(const struct tlskey_lib *lib, struct tlskey_signer signer, const char *zone,
           struct grant *grants, size_t grant_count, struct tlsctx **ret)
{
    uint8_t *cert = NULL;
    uint8_t *json = NULL;
    uint8_t *crl = NULL;
    size_t cert_len = 0;
    size_t json_len = 0;
    size_t crl_len = 0;
    struct tlsctx *ctx = NULL;
    enum err err = server_file(grants, grant_count, GRANT_CERT, &cert, &cert_len);
    if (err == ERR_OK)
        err = server_file(grants, grant_count, GRANT_TRUST, &json, &json_len);
    if (err == ERR_OK && rolemain_grant(grants, grant_count, GRANT_CRL) != NULL)
        err = server_file(grants, grant_count, GRANT_CRL, &crl, &crl_len);
    if (err == ERR_OK) {
        const struct tlsctx_profile profile = {.lib = lib,
                                               .is_server = true,
                                               .cert_pem = span_of(cert, cert_len),
                                               .signer = signer,
                                               .offer_h2 = true,
                                               .offer_http1 = true};
        err = tlsctx_new(&profile, &ctx);
    }
    if (err == ERR_OK)
        err = server_trust(ctx, zone, span_of(json, json_len), span_of(crl, crl_len));
    free(cert);
    free(json);
    free(crl);
    if (err != ERR_OK) {
        tlsctx_free(ctx);
        return err;
    }
    *ret = ctx;
    return ERR_OK;
}
