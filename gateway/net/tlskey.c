/* SPDX-License-Identifier: Apache-2.0 */
/* The provider has one key type (EC on P-256, no export) and one signature (ECDSA, one-shot). It
 * is loaded in a library context of its own whose default query prefers OpenSSL's own algorithms,
 * so ours is used for the keys it made and for nothing else. */
#include "gateway/net/tlskey.h"

#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "gateway/net/tlsossl.h"

#define TLSKEY_PROPERTY "provider=tdzkey"
#define TLSKEY_PARAM_SIGNER "tdz-signer"
#define TLSKEY_GROUP "prime256v1"

enum { TLSKEY_POINT_LEN = 65, TLSKEY_SIG_MAX = 72 };

struct tlskey_lib {
    OSSL_LIB_CTX *ctx;
    OSSL_PROVIDER *standard;
    OSSL_PROVIDER *ours;
};

/* The key object behind an EVP_PKEY: a point, and for our own certificate the way to sign. */
struct tlskey_data {
    uint8_t point[TLSKEY_POINT_LEN];
    bool has_point;
    bool can_sign;
    struct tlskey_signer signer;
};

struct tlskey_sigctx {
    const struct tlskey_data *key;
};

/* Key management. */

static void *
tlskey_data_new(void *provctx)
{
    (void)provctx;
    return calloc(1, sizeof(struct tlskey_data));
}

static void
tlskey_data_free(void *data)
{
    free(data);
}

static int
tlskey_has(const void *data, int selection)
{
    const struct tlskey_data *key = data;
    if (key == NULL)
        return 0;
    if ((selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0 && !key->has_point)
        return 0;
    return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0 || key->can_sign;
}

static int
tlskey_match(const void *data1, const void *data2, int selection)
{
    const struct tlskey_data *a = data1;
    const struct tlskey_data *b = data2;
    (void)selection; /* the group is always the same; the point stands for the key pair */
    return a->has_point && b->has_point && memcmp(a->point, b->point, TLSKEY_POINT_LEN) == 0;
}

static int
tlskey_import(void *data, int selection, const OSSL_PARAM params[])
{
    struct tlskey_data *key = data;
    (void)selection;
    const OSSL_PARAM *group = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_GROUP_NAME);
    const OSSL_PARAM *point = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PUB_KEY);
    const OSSL_PARAM *signer = OSSL_PARAM_locate_const(params, TLSKEY_PARAM_SIGNER);
    const char *name = NULL;
    if (group == NULL || OSSL_PARAM_get_utf8_string_ptr(group, &name) != 1 ||
        (strcasecmp(name, TLSKEY_GROUP) != 0 && strcasecmp(name, "P-256") != 0))
        return 0;
    const void *bytes = NULL;
    size_t len = 0;
    if (point == NULL || OSSL_PARAM_get_octet_string_ptr(point, &bytes, &len) != 1 ||
        len != TLSKEY_POINT_LEN)
        return 0;
    memcpy(key->point, bytes, TLSKEY_POINT_LEN);
    key->has_point = true;
    if (signer == NULL)
        return 1;
    if (OSSL_PARAM_get_octet_string_ptr(signer, &bytes, &len) != 1 || len != sizeof(key->signer))
        return 0;
    memcpy(&key->signer, bytes, sizeof(key->signer));
    key->can_sign = key->signer.sign != NULL;
    return 1;
}

static const OSSL_PARAM *
tlskey_import_types(int selection)
{
    static const OSSL_PARAM types[] = {OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
                                       OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
                                       OSSL_PARAM_octet_string(TLSKEY_PARAM_SIGNER, NULL, 0),
                                       OSSL_PARAM_END};
    (void)selection;
    return types;
}

static int
tlskey_get_params(void *data, OSSL_PARAM params[])
{
    (void)data;
    OSSL_PARAM *p = OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_BITS);
    if (p != NULL && OSSL_PARAM_set_int(p, 256) != 1)
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_SECURITY_BITS);
    if (p != NULL && OSSL_PARAM_set_int(p, 128) != 1)
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_MAX_SIZE);
    if (p != NULL && OSSL_PARAM_set_int(p, TLSKEY_SIG_MAX) != 1)
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_PKEY_PARAM_GROUP_NAME);
    return p == NULL || OSSL_PARAM_set_utf8_string(p, TLSKEY_GROUP) == 1;
}

static const OSSL_PARAM *
tlskey_gettable_params(void *provctx)
{
    static const OSSL_PARAM types[] = {OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
                                       OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
                                       OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
                                       OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
                                       OSSL_PARAM_END};
    (void)provctx;
    return types;
}

/* The signature and the type of its name are those OpenSSL knows for this key type. */
static const char *
tlskey_operation_name(int operation)
{
    return operation == OSSL_OP_SIGNATURE ? "ECDSA" : "EC";
}

/* Signature. */

static void *
tlskey_sig_new(void *provctx, const char *propq)
{
    (void)provctx;
    (void)propq;
    return calloc(1, sizeof(struct tlskey_sigctx));
}

static void
tlskey_sig_free(void *ctx)
{
    free(ctx);
}

static int
tlskey_sig_init(void *ctx, const char *mdname, void *data, const OSSL_PARAM params[])
{
    struct tlskey_sigctx *sig = ctx;
    (void)params;
    const struct tlskey_data *key = data == NULL ? sig->key : data;
    const bool is_sha256 = mdname != NULL && (strcasecmp(mdname, "SHA256") == 0 ||
                                              strcasecmp(mdname, "SHA2-256") == 0);
    if (key == NULL || !key->can_sign || !is_sha256)
        return 0;
    sig->key = key;
    return 1;
}

static int
tlskey_sig_sign(void *ctx, uint8_t *out, size_t *ret_len, size_t cap, const uint8_t *tbs,
                size_t tbs_len)
{
    const struct tlskey_sigctx *sig = ctx;
    if (out == NULL) {
        *ret_len = TLSKEY_SIG_MAX;
        return 1;
    }
    size_t len = 0;
    if (sig->key == NULL || cap < TLSKEY_SIG_MAX)
        return 0;
    const enum err err =
        sig->key->signer.sign(sig->key->signer.ctx, span_of(tbs, tbs_len), out, cap, &len);
    if (err != ERR_OK || len == 0 || len > cap)
        return 0;
    *ret_len = len;
    return 1;
}

/* The tables OpenSSL reads; its type for any function is void (*)(void). */
#define TLSKEY_FN(id, fn)          \
    {                              \
        (id), (void (*)(void))(fn) \
    }

static const OSSL_DISPATCH tlskey_keymgmt[] = {
    TLSKEY_FN(OSSL_FUNC_KEYMGMT_NEW, tlskey_data_new),
    TLSKEY_FN(OSSL_FUNC_KEYMGMT_FREE, tlskey_data_free),
    TLSKEY_FN(OSSL_FUNC_KEYMGMT_HAS, tlskey_has),
    TLSKEY_FN(OSSL_FUNC_KEYMGMT_MATCH, tlskey_match),
    TLSKEY_FN(OSSL_FUNC_KEYMGMT_IMPORT, tlskey_import),
    TLSKEY_FN(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, tlskey_import_types),
    TLSKEY_FN(OSSL_FUNC_KEYMGMT_GET_PARAMS, tlskey_get_params),
    TLSKEY_FN(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, tlskey_gettable_params),
    TLSKEY_FN(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, tlskey_operation_name),
    {0, NULL}};

static const OSSL_DISPATCH tlskey_signature[] = {
    TLSKEY_FN(OSSL_FUNC_SIGNATURE_NEWCTX, tlskey_sig_new),
    TLSKEY_FN(OSSL_FUNC_SIGNATURE_FREECTX, tlskey_sig_free),
    TLSKEY_FN(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, tlskey_sig_init),
    TLSKEY_FN(OSSL_FUNC_SIGNATURE_DIGEST_SIGN, tlskey_sig_sign),
    {0, NULL}};

static const OSSL_ALGORITHM tlskey_keymgmts[] = {
    {"EC:id-ecPublicKey:1.2.840.10045.2.1", TLSKEY_PROPERTY, tlskey_keymgmt, "remote P-256 key"},
    {NULL, NULL, NULL, NULL}};

static const OSSL_ALGORITHM tlskey_signatures[] = {
    {"ECDSA", TLSKEY_PROPERTY, tlskey_signature, "remote ECDSA"}, {NULL, NULL, NULL, NULL}};

static const OSSL_ALGORITHM *
tlskey_query(void *provctx, int operation, int *ret_no_cache)
{
    (void)provctx;
    *ret_no_cache = 0;
    if (operation == OSSL_OP_KEYMGMT)
        return tlskey_keymgmts;
    return operation == OSSL_OP_SIGNATURE ? tlskey_signatures : NULL;
}

static const OSSL_DISPATCH tlskey_provider[] = {
    TLSKEY_FN(OSSL_FUNC_PROVIDER_QUERY_OPERATION, tlskey_query), {0, NULL}};

static int
tlskey_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                     const OSSL_DISPATCH **ret_out, void **ret_provctx)
{
    static const int context = 0; /* OpenSSL wants some address that is not NULL */
    (void)handle;
    (void)in;
    *ret_out = tlskey_provider;
    union {
        const int *in;
        void *out;
    } address = {&context};
    *ret_provctx = address.out;
    return 1;
}

enum err
tlskey_lib_new(struct tlskey_lib **ret_lib)
{
    struct tlskey_lib *lib = calloc(1, sizeof(*lib));
    if (lib == NULL)
        return ERR_NOMEM;
    /* Verifying a certificate asks gmtime_r, which reads the time zone's file when it is first
     * called; behind the sandbox nothing is opened any more. */
    tzset();
    lib->ctx = OSSL_LIB_CTX_new();
    if (lib->ctx != NULL) {
        lib->standard = OSSL_PROVIDER_load(lib->ctx, "default");
        if (lib->standard != NULL &&
            OSSL_PROVIDER_add_builtin(lib->ctx, "tdzkey", tlskey_provider_init) == 1)
            lib->ours = OSSL_PROVIDER_load(lib->ctx, "tdzkey");
    }
    /* A preference, not a demand: a demand would hide the signature from our own keys. */
    if (lib->ours == NULL || EVP_set_default_properties(lib->ctx, "?provider=default") != 1) {
        ERR_clear_error();
        tlskey_lib_free(lib);
        return ERR_CRYPTO;
    }
    *ret_lib = lib;
    return ERR_OK;
}

void
tlskey_lib_free(struct tlskey_lib *lib)
{
    if (lib == NULL)
        return;
    if (lib->ours != NULL)
        (void)OSSL_PROVIDER_unload(lib->ours);
    if (lib->standard != NULL)
        (void)OSSL_PROVIDER_unload(lib->standard);
    OSSL_LIB_CTX_free(lib->ctx);
    free(lib);
}

struct ossl_lib_ctx_st *
tlskey_lib_ctx(const struct tlskey_lib *lib)
{
    return lib->ctx;
}

enum err
tlskey_new(const struct tlskey_lib *lib, const struct tlskey_signer *signer,
           const struct evp_pkey_st *public_key, struct evp_pkey_st **ret_key)
{
    char group[32] = "";
    uint8_t point[TLSKEY_POINT_LEN];
    size_t len = 0;
    if (EVP_PKEY_get_utf8_string_param(public_key, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group),
                                       &len) != 1 ||
        strcasecmp(group, TLSKEY_GROUP) != 0 ||
        EVP_PKEY_get_octet_string_param(public_key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point),
                                        &len) != 1 ||
        len != TLSKEY_POINT_LEN) {
        ERR_clear_error();
        return ERR_UNSUPPORTED;
    }
    struct tlskey_signer copy = *signer;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
        OSSL_PARAM_construct_octet_string(TLSKEY_PARAM_SIGNER, &copy, sizeof(copy)),
        OSSL_PARAM_construct_end()};
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(lib->ctx, "EC", "provider=tdzkey");
    EVP_PKEY *key = NULL;
    const bool ok = ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
                    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) == 1;
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    if (!ok)
        return ERR_CRYPTO;
    *ret_key = key;
    return ERR_OK;
}
