/* SPDX-License-Identifier: Apache-2.0 */
/* Keys for data keys at rest: one random key a day, kept in a file of fixed slots, each encrypted
 * under the storage key. A data key on disk is wrapped under the key of the day it was made; when a
 * day's slot is overwritten, everything wrapped under it is gone for good (erasure). The file is a
 * descriptor the warden opened; nothing is opened here. Spec: design.md 4 Keys; PROCESSES.md. */
#ifndef TDZ_GATEWAY_KEEPER_SPOOLKEYS_H
#define TDZ_GATEWAY_KEEPER_SPOOLKEYS_H

#include "crypto/key.h"

struct spoolkeys;

enum spoolkeys_purpose { SPOOLKEYS_SPOOL = 1, SPOOLKEYS_INBOX = 2, SPOOLKEYS_HELD = 3 };

/* u8 version, u8 purpose, u32 day, nonce[12], key and tag. */
enum { SPOOLKEYS_WRAP_BYTES = 1 + 1 + 4 + 12 + 32 + 16 };
/* Days of keys kept: more than the longest retention any policy may ask (3650 days). */
enum { SPOOLKEYS_SLOTS = 4096 };

/* Reads the slots from fd (owned from now on, also on error); an empty file is a new one. storage
 * is copied. ERR_IO, ERR_SYNTAX (not such a file), ERR_AUTH (made under another storage key),
 * ERR_NOMEM, ERR_CRYPTO. */
MUST_USE enum err spoolkeys_open(int fd, const struct secret32 *storage, struct spoolkeys **ret);
void spoolkeys_close(struct spoolkeys *keys);

/* Wraps dek under the key of day (days since 1970, UTC), which is made and synced first if it is
 * new. bind is authenticated with it. ERR_IO, ERR_FULL (no slot free), ERR_CRYPTO. */
MUST_USE enum err spoolkeys_wrap(struct spoolkeys *keys, uint32_t day,
                                 enum spoolkeys_purpose purpose, const uint8_t transfer[static 16],
                                 const uint8_t bind[static 32], const struct secret32 *dek,
                                 uint8_t ret_wrap[static SPOOLKEYS_WRAP_BYTES]);

/* The inverse. ERR_AUTH: not a wrap of ours for this purpose, transfer and bind; ERR_NOT_FOUND: the
 * key of its day was destroyed; ERR_SYNTAX. */
MUST_USE enum err spoolkeys_unwrap(struct spoolkeys *keys, struct span wrap,
                                   enum spoolkeys_purpose purpose,
                                   const uint8_t transfer[static 16], const uint8_t bind[static 32],
                                   struct secret32 *ret_dek);

/* Overwrites and syncs every key of a day before first_day. ERR_IO. */
MUST_USE enum err spoolkeys_destroy_before(struct spoolkeys *keys, uint32_t first_day);

#endif
