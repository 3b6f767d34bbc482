/* SPDX-License-Identifier: Apache-2.0 */
/* Who a certificate names: exactly one URI, spiffe://<zone>/<role>/<name>. Pure; no certificate is
 * parsed here. */
#ifndef TDZ_GATEWAY_NET_IDENTITY_H
#define TDZ_GATEWAY_NET_IDENTITY_H

#include "schemas/error.h"
#include "schemas/span.h"

/* Bits, so that a listener can say which roles it serves. */
enum identity_role {
    IDENTITY_PARTNER = 1,
    IDENTITY_OPERATOR = 2,
    IDENTITY_AUDITOR = 4,
    IDENTITY_PEER = 8,
};

enum { IDENTITY_PART_MAX = 63, IDENTITY_URI_MAX = 160, IDENTITY_FINGERPRINT_LEN = 32 };

struct identity {
    enum identity_role role;
    char zone[IDENTITY_PART_MAX + 1];              /* NUL terminated */
    char name[IDENTITY_PART_MAX + 1];              /* NUL terminated */
    uint8_t fingerprint[IDENTITY_FINGERPRINT_LEN]; /* SHA-256 of the certificate; set by tls.c */
};

/* Reads uri strictly: zone of a-z 0-9 and '-', not at either end; name of a-z 0-9 . _ - that
 * begins with a letter or digit; 1-63 bytes each. No escapes, user, port, query, fragment, upper
 * case, NUL or further segment. The fingerprint is zeroed. ERR_SYNTAX; ERR_TOO_LARGE: a part or
 * the whole is too long. Spec: certs-example/README.md, http-api.md head. */
MUST_USE enum err identity_parse(struct span uri, struct identity *ret_identity);

/* "partner", "operator", "auditor" or "peer"; static. */
const char *identity_role_text(enum identity_role role);

#endif
