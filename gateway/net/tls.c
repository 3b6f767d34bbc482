/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/net/tls.h"

#include <assert.h>
#include <stdlib.h>

#include "gateway/net/tlsossl.h"

enum {
    /* Plaintext of one record, and more than a record with its header, tag and padding needs. */
    TLS_RECORD_BYTES = 16384,
    TLS_RECORD_ROOM = TLS_RECORD_BYTES + 512,
    TLS_HANDSHAKE_KEY_UPDATE = 24,
    /* A peer that rekeys oftener than every 64 MiB after these makes us do work for nothing. */
    TLS_KEY_UPDATES_FREE = 16,
    TLS_KEY_UPDATE_SHIFT = 26,
};

struct tls {
    SSL *ssl;
    struct tlsctx *ctx;
    BIO_METHOD *method;
    uint8_t *in;
    size_t in_at;
    size_t in_len;
    bool in_eof;
    uint8_t *out;
    size_t out_at;
    size_t out_len;
    bool is_closing;
    bool is_broken;
    int alert_sent;
    int alert_received;
    uint64_t received;
    uint64_t sent_since_key;
    uint32_t rekeys;
    uint32_t peer_rekeys;
    char expect_zone[IDENTITY_PART_MAX + 1];
};

/* The BIO: OpenSSL reads from our buffer and appends to our buffer; no system call anywhere. */

static int
tls_bio_read(BIO *bio, char *buf, size_t cap, size_t *ret_len)
{
    struct tls *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    const size_t have = t->in_len - t->in_at;
    if (have == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    const size_t len = have < cap ? have : cap;
    memcpy(buf, t->in + t->in_at, len);
    t->in_at += len;
    *ret_len = len;
    return 1;
}

static int
tls_bio_write(BIO *bio, const char *bytes, size_t len, size_t *ret_len)
{
    struct tls *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (t->out_at > 0 && t->out_len + len > TLS_OUT_BYTES) {
        memmove(t->out, t->out + t->out_at, t->out_len - t->out_at);
        t->out_len -= t->out_at;
        t->out_at = 0;
    }
    const size_t room = TLS_OUT_BYTES - t->out_len;
    const size_t take = len < room ? len : room;
    if (take == 0) {
        BIO_set_retry_write(bio);
        return 0;
    }
    memcpy(t->out + t->out_len, bytes, take);
    t->out_len += take;
    *ret_len = take;
    return 1;
}

static long
tls_bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    (void)bio;
    (void)num;
    (void)ptr;
    return cmd == BIO_CTRL_FLUSH ? 1 : 0;
}

static void
tls_on_info(const SSL *ssl, int where, int value)
{
    struct tls *t = SSL_get_app_data(ssl);
    const int alert = value & 0xff;
    if ((where & SSL_CB_ALERT) == 0 || alert == SSL_AD_CLOSE_NOTIFY)
        return;
    if ((where & SSL_CB_WRITE) != 0)
        t->alert_sent = alert;
    else
        t->alert_received = alert;
}

static void
tls_on_message(int is_write, int version, int content_type, const void *buf, size_t len, SSL *ssl,
               void *arg)
{
    struct tls *t = arg;
    (void)version;
    (void)ssl;
    if (is_write == 0 && content_type == SSL3_RT_HANDSHAKE && len > 0 &&
        ((const uint8_t *)buf)[0] == TLS_HANDSHAKE_KEY_UPDATE)
        t->peer_rekeys++;
}

static enum err
tls_set_up(struct tls *t, const char *server_name)
{
    t->in = malloc(TLS_IN_BYTES);
    t->out = malloc(TLS_OUT_BYTES);
    t->ssl = SSL_new(tlsctx_ssl(t->ctx));
    t->method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "tdz");
    if (t->in == NULL || t->out == NULL || t->ssl == NULL || t->method == NULL)
        return ERR_NOMEM;
    BIO_meth_set_read_ex(t->method, tls_bio_read);
    BIO_meth_set_write_ex(t->method, tls_bio_write);
    BIO_meth_set_ctrl(t->method, tls_bio_ctrl);
    BIO *bio = BIO_new(t->method);
    if (bio == NULL)
        return ERR_NOMEM;
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    SSL_set_bio(t->ssl, bio, bio);
    SSL_set_app_data(t->ssl, t);
    SSL_set_info_callback(t->ssl, tls_on_info);
    SSL_set_msg_callback(t->ssl, tls_on_message);
    SSL_set_msg_callback_arg(t->ssl, t);
    if (tlsctx_is_server(t->ctx)) {
        SSL_set_accept_state(t->ssl);
        return ERR_OK;
    }
    SSL_set_connect_state(t->ssl);
    if (server_name == NULL)
        return ERR_OK;
    /* OpenSSL's macro casts const away from what it only copies. */
    char name[TLSEXT_MAXLEN_host_name + 1];
    const size_t len = strlen(server_name);
    if (len >= sizeof(name))
        return ERR_CONFIG;
    memcpy(name, server_name, len + 1);
    return SSL_set_tlsext_host_name(t->ssl, name) == 1 ? ERR_OK : ERR_NOMEM;
}

enum err
tls_new(struct tlsctx *ctx, const char *expect_zone, const char *server_name, struct tls **ret_tls)
{
    struct tls *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return ERR_NOMEM;
    t->ctx = ctx;
    t->alert_sent = TLS_NO_ALERT;
    t->alert_received = TLS_NO_ALERT;
    if (expect_zone != NULL) {
        const size_t len = strlen(expect_zone);
        assert(len <= IDENTITY_PART_MAX);
        memcpy(t->expect_zone, expect_zone, len + 1);
    }
    const enum err err = tls_set_up(t, server_name);
    ERR_clear_error();
    if (err != ERR_OK) {
        tls_free(t);
        return err;
    }
    *ret_tls = t;
    return ERR_OK;
}

void
tls_free(struct tls *t)
{
    if (t == NULL)
        return;
    SSL_free(t->ssl); /* frees the BIO */
    BIO_meth_free(t->method);
    if (t->in != NULL)
        explicit_bzero(t->in, t->in_len);
    free(t->in);
    free(t->out);
    free(t);
}

void
tls_in_room(struct tls *t, uint8_t **ret_ptr, size_t *ret_cap)
{
    if (t->in_at == t->in_len) {
        t->in_at = 0;
        t->in_len = 0;
    } else if (t->in_at > 0 && TLS_IN_BYTES - t->in_len < TLS_RECORD_ROOM) {
        memmove(t->in, t->in + t->in_at, t->in_len - t->in_at);
        t->in_len -= t->in_at;
        t->in_at = 0;
    }
    *ret_ptr = t->in + t->in_len;
    *ret_cap = TLS_IN_BYTES - t->in_len;
}

void
tls_in_filled(struct tls *t, size_t len)
{
    assert(len <= TLS_IN_BYTES - t->in_len);
    t->in_len += len;
}

void
tls_in_eof(struct tls *t)
{
    t->in_eof = true;
}

size_t
tls_in_pending(const struct tls *t)
{
    return t->in_len - t->in_at;
}

struct span
tls_out(const struct tls *t)
{
    return span_of(t->out + t->out_at, t->out_len - t->out_at);
}

void
tls_out_taken(struct tls *t, size_t len)
{
    assert(len <= t->out_len - t->out_at);
    t->out_at += len;
    if (t->out_at == t->out_len) {
        t->out_at = 0;
        t->out_len = 0;
    }
}

/* Turns the result of an SSL call into ours; the error queue is always left empty. */
static enum err
tls_result(struct tls *t, int result)
{
    const int reason = SSL_get_error(t->ssl, result);
    ERR_clear_error();
    if (reason == SSL_ERROR_ZERO_RETURN)
        return ERR_CLOSED;
    if (reason == SSL_ERROR_WANT_READ)
        return t->in_eof && t->in_at == t->in_len ? ERR_SHORT : ERR_AGAIN;
    if (reason == SSL_ERROR_WANT_WRITE)
        return ERR_AGAIN;
    t->is_broken = true;
    return ERR_PROTOCOL;
}

enum err
tls_handshake(struct tls *t)
{
    if (t->is_broken)
        return ERR_PROTOCOL;
    ERR_clear_error();
    const int result = SSL_do_handshake(t->ssl);
    if (result != 1)
        return tls_result(t, result);
    if (t->expect_zone[0] == 0)
        return ERR_OK;
    struct identity id;
    if (tls_identity(t, &id) != ERR_OK || id.role != IDENTITY_PEER ||
        strcmp(id.zone, t->expect_zone) != 0)
        return ERR_DENIED;
    return ERR_OK;
}

enum err
tls_read(struct tls *t, uint8_t *buf, size_t cap, size_t *ret_len)
{
    if (t->is_broken)
        return ERR_PROTOCOL;
    size_t len = 0;
    ERR_clear_error();
    const int result = SSL_read_ex(t->ssl, buf, cap, &len);
    if (t->peer_rekeys > TLS_KEY_UPDATES_FREE + (t->received >> TLS_KEY_UPDATE_SHIFT)) {
        t->is_broken = true;
        return ERR_PROTOCOL;
    }
    if (result != 1)
        return tls_result(t, result);
    t->received += len;
    *ret_len = len;
    return ERR_OK;
}

bool
tls_can_write(const struct tls *t)
{
    return !t->is_broken && !t->is_closing &&
           TLS_OUT_BYTES - (t->out_len - t->out_at) >= TLS_RECORD_ROOM;
}

/* Records are only made when one fits whole, so OpenSSL never holds a half-sent one. */
enum err
tls_write(struct tls *t, struct span bytes, size_t *ret_len)
{
    if (t->is_broken)
        return ERR_PROTOCOL;
    if (t->is_closing)
        return ERR_CLOSED;
    size_t done = 0;
    while (done < bytes.len && tls_can_write(t)) {
        if (t->sent_since_key >= tlsctx_rekey_bytes(t->ctx)) {
            if (SSL_key_update(t->ssl, SSL_KEY_UPDATE_REQUESTED) != 1)
                return tls_result(t, 0);
            t->sent_since_key = 0;
            t->rekeys++;
        }
        const size_t left = bytes.len - done;
        const size_t want = left < TLS_RECORD_BYTES ? left : TLS_RECORD_BYTES;
        size_t len = 0;
        ERR_clear_error();
        const int result = SSL_write_ex(t->ssl, bytes.ptr + done, want, &len);
        if (result != 1) {
            const enum err err = tls_result(t, result);
            if (err == ERR_AGAIN && done > 0)
                break;
            return err;
        }
        done += len;
        t->sent_since_key += len;
    }
    if (done == 0 && bytes.len > 0)
        return ERR_AGAIN;
    *ret_len = done;
    return ERR_OK;
}

void
tls_close(struct tls *t)
{
    if (t->is_closing || t->is_broken)
        return;
    t->is_closing = true;
    if (SSL_is_init_finished(t->ssl))
        (void)SSL_shutdown(t->ssl);
    ERR_clear_error();
}

/* The one URI among the alternative names; ERR_DENIED if there is none, or more than one. */
static enum err
tls_one_uri(const GENERAL_NAMES *names, struct span *ret_uri)
{
    bool found = false;
    struct span uri = {NULL, 0};
    const int count = names == NULL ? 0 : sk_GENERAL_NAME_num(names);
    for (int i = 0; i < count; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_URI)
            continue;
        if (found)
            return ERR_DENIED;
        found = true;
        const ASN1_IA5STRING *text = name->d.uniformResourceIdentifier;
        uri = span_of(ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text));
    }
    if (!found)
        return ERR_DENIED;
    *ret_uri = uri;
    return ERR_OK;
}

static const char *
tls_root_zone(const struct tls *t)
{
    STACK_OF(X509) *chain = SSL_get0_verified_chain(t->ssl);
    const int count = chain == NULL ? 0 : sk_X509_num(chain);
    return count == 0 ? NULL : tlsctx_zone_of(t->ctx, sk_X509_value(chain, count - 1));
}

enum err
tls_identity(const struct tls *t, struct identity *ret_identity)
{
    X509 *cert = SSL_get0_peer_certificate(t->ssl);
    const char *zone = tls_root_zone(t);
    memset(ret_identity, 0, sizeof(*ret_identity));
    if (cert == NULL)
        return ERR_DENIED;
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    if (X509_digest(cert, EVP_sha256(), digest, &digest_len) != 1 ||
        digest_len != IDENTITY_FINGERPRINT_LEN)
        return ERR_DENIED;
    memcpy(ret_identity->fingerprint, digest, IDENTITY_FINGERPRINT_LEN);
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    struct span uri;
    struct identity id;
    enum err err = tls_one_uri(names, &uri);
    if (err == ERR_OK)
        err = identity_parse(uri, &id);
    GENERAL_NAMES_free(names);
    ERR_clear_error();
    if (err != ERR_OK || zone == NULL || strcmp(zone, id.zone) != 0)
        return ERR_DENIED;
    memcpy(id.fingerprint, digest, IDENTITY_FINGERPRINT_LEN);
    *ret_identity = id;
    return ERR_OK;
}

enum err
tls_recheck(struct tls *t)
{
    X509 *cert = SSL_get0_peer_certificate(t->ssl);
    if (cert == NULL)
        return ERR_DENIED;
    X509_STORE_CTX *verify = X509_STORE_CTX_new_ex(tlsctx_lib_ctx(t->ctx), NULL);
    if (verify == NULL)
        return ERR_NOMEM;
    bool ok = X509_STORE_CTX_init(verify, SSL_CTX_get_cert_store(tlsctx_ssl(t->ctx)), cert,
                                  SSL_get_peer_cert_chain(t->ssl)) == 1;
    ok = ok && X509_STORE_CTX_set_default(verify, tlsctx_is_server(t->ctx) ? "ssl_client"
                                                                           : "ssl_server") == 1;
    ok = ok && X509_verify_cert(verify) == 1;
    X509_STORE_CTX_free(verify);
    ERR_clear_error();
    return ok ? ERR_OK : ERR_DENIED;
}

bool
tls_is_h2(const struct tls *t)
{
    const unsigned char *name = NULL;
    unsigned len = 0;
    SSL_get0_alpn_selected(t->ssl, &name, &len);
    return span_eq_str(span_of(name, len), "h2");
}

int
tls_alert_sent(const struct tls *t)
{
    return t->alert_sent;
}

int
tls_alert_received(const struct tls *t)
{
    return t->alert_received;
}

const char *
tls_alert_text(int alert)
{
    static const struct {
        int number;
        const char *text;
    } names[] = {{SSL_AD_UNEXPECTED_MESSAGE, "unexpected_message"},
                 {SSL_AD_BAD_RECORD_MAC, "bad_record_mac"},
                 {SSL_AD_RECORD_OVERFLOW, "record_overflow"},
                 {SSL_AD_HANDSHAKE_FAILURE, "handshake_failure"},
                 {SSL_AD_BAD_CERTIFICATE, "bad_certificate"},
                 {SSL_AD_UNSUPPORTED_CERTIFICATE, "unsupported_certificate"},
                 {SSL_AD_CERTIFICATE_REVOKED, "certificate_revoked"},
                 {SSL_AD_CERTIFICATE_EXPIRED, "certificate_expired"},
                 {SSL_AD_CERTIFICATE_UNKNOWN, "certificate_unknown"},
                 {SSL_AD_ILLEGAL_PARAMETER, "illegal_parameter"},
                 {SSL_AD_UNKNOWN_CA, "unknown_ca"},
                 {SSL_AD_ACCESS_DENIED, "access_denied"},
                 {SSL_AD_DECODE_ERROR, "decode_error"},
                 {SSL_AD_DECRYPT_ERROR, "decrypt_error"},
                 {SSL_AD_PROTOCOL_VERSION, "protocol_version"},
                 {SSL_AD_INSUFFICIENT_SECURITY, "insufficient_security"},
                 {SSL_AD_INTERNAL_ERROR, "internal_error"},
                 {SSL_AD_MISSING_EXTENSION, "missing_extension"},
                 {SSL_AD_CERTIFICATE_REQUIRED, "certificate_required"},
                 {SSL_AD_NO_APPLICATION_PROTOCOL, "no_application_protocol"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].number == alert)
            return names[i].text;
    }
    return alert == TLS_NO_ALERT ? "none" : "other";
}

const char *
tls_group(const struct tls *t)
{
    const long group = SSL_get_negotiated_group(t->ssl);
    const char *name = SSL_group_to_name(t->ssl, (int)group);
    return name == NULL ? "none" : name;
}

const char *
tls_cipher(const struct tls *t)
{
    return SSL_get_cipher_name(t->ssl);
}

uint32_t
tls_rekeys(const struct tls *t)
{
    return t->rekeys;
}
