/* SPDX-License-Identifier: Apache-2.0 */
/* The private keys and the certificate of a gateway, looked at before any role gets them: a role
 * could only die of what is wrong with them. */
#ifndef TDZ_GATEWAY_WARDEN_WARDEN_KEYS_H
#define TDZ_GATEWAY_WARDEN_WARDEN_KEYS_H

#include "gateway/warden/warden_files.h"

/* Every key that keeper wants is among the grants of files with 32 bytes, tls.key is a P-256 key,
 * and the certificate is its own and valid at now_s (0: at any time). folder and certificate are
 * names for people. ERR_CONFIG with problem set; ERR_IO, ERR_NOMEM. */
MUST_USE enum err warden_keys_check(struct warden_files *files, const char *folder,
                                    const char *certificate, int64_t now_s);

#endif
