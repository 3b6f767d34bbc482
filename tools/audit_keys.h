/* SPDX-License-Identifier: Apache-2.0 */
/* The keys under which an audit believes: of a trust file, or, not pinned, those found beside what
 * is verified. */
#ifndef TDZ_TOOLS_AUDIT_KEYS_H
#define TDZ_TOOLS_AUDIT_KEYS_H

#include "crypto/note.h"
#include "schemas/trust.h"
#include "tools/audit_report.h"

enum { AUDIT_KEYS_MAX = TRUST_ZONES_MAX * (TRUST_LOGS_MAX + TRUST_WITNESSES_MAX) };

struct audit_keys {
    bool pinned;
    struct trust trust; /* when pinned */
    size_t count;
    struct note_key key[AUDIT_KEYS_MAX];
    size_t zone[AUDIT_KEYS_MAX]; /* of trust.zones, when pinned */
};

/* Takes every key of trust. Keys of types this build does not verify are left out: they cannot make
 * anything count. ERR_SYNTAX, ERR_KEY_UNKNOWN: a vkey is wrong. */
MUST_USE enum err audit_keys_pin(struct audit_keys *keys);

/* Adds one vkey as found (white space at its end is fine). As above; ERR_FULL. */
MUST_USE enum err audit_keys_add(struct audit_keys *keys, struct span vkey);

/* Counts the cosignatures among signers and reports every zone of the quorum of origin's zone that
 * did not cosign. file is what is reported. Nothing to do when not pinned. */
void audit_keys_quorum(const struct audit_keys *keys, struct span origin,
                       const struct note_signers *by, const char *file,
                       struct audit_report *report);

#endif
