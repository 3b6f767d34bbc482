/* SPDX-License-Identifier: Apache-2.0 */
/* In which phase of a transfer a decision was made. The record does not say it; the entry of the
 * log that commits to the record does. Spec: formats.md (Log, Trust and evidence). */
#ifndef TDZ_TOOLS_RECORDPHASE_H
#define TDZ_TOOLS_RECORDPHASE_H

#include "schemas/entry.h"
#include "schemas/evidence.h"

enum { RECORDPHASE_MAX = 16 };

/* Finds the entry of e that commits to the record of that hash, checks the commitment and copies
 * the entry's phase: "preflight", "final" or "approved"; "final" for an import. Errors:
 * ERR_NOT_FOUND no entry with a salt for it; ERR_PROOF the salt is of another commitment; those of
 * entry_read; ERR_CRYPTO. */
MUST_USE enum err recordphase_find(const struct evidence *e, const uint8_t sha256[static 32],
                                   struct entry_scratch *scratch, char ret[static RECORDPHASE_MAX]);

#endif
