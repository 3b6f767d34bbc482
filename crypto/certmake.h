/* SPDX-License-Identifier: Apache-2.0 */
/* Makes P-256 keys and X.509 certificates: the authority of a sandbox zone and what it signs. For
 * tools only; a real zone runs its own authority. Profile: certs-example/README.md. Allocates. */
#ifndef TDZ_CRYPTO_CERTMAKE_H
#define TDZ_CRYPTO_CERTMAKE_H

#include "schemas/error.h"
#include "schemas/span.h"

enum { CERTMAKE_PEM_MAX = 8192 };

/* Use of a leaf: extended key usages. */
enum { CERTMAKE_SERVER = 1, CERTMAKE_CLIENT = 2 };

struct certmake_ca;

/* A new self-signed authority named common_name, valid for days. The caller frees *ret with
 * certmake_ca_free. ERR_CRYPTO, ERR_NOMEM. */
MUST_USE enum err certmake_ca_new(const char *common_name, unsigned days, struct certmake_ca **ret);

/* An authority from its PEM certificate and key. ERR_SYNTAX. */
MUST_USE enum err certmake_ca_load(struct span cert_pem, struct span key_pem,
                                   struct certmake_ca **ret);
void certmake_ca_free(struct certmake_ca *ca);

/* PEM of the authority, NUL terminated. The key's buffer is the caller's to wipe. ERR_FULL. */
MUST_USE enum err certmake_ca_pem(const struct certmake_ca *ca, char cert[static CERTMAKE_PEM_MAX],
                                  char key[static CERTMAKE_PEM_MAX]);

/* A new key and its certificate by ca. alt_names is OpenSSL's notation
 * ("DNS:localhost,IP:127.0.0.1,URI:spiffe://zone/peer/gw1"). ERR_SYNTAX: alt_names; ERR_CRYPTO. */
MUST_USE enum err certmake_leaf(const struct certmake_ca *ca, const char *common_name,
                                const char *alt_names, unsigned uses, unsigned days,
                                char cert[static CERTMAKE_PEM_MAX],
                                char key[static CERTMAKE_PEM_MAX]);

#endif
