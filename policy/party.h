/* SPDX-License-Identifier: Apache-2.0 */
/* A registered organisation (tdz.partner/1): its certificates' names and what the zone's register
 * says about it. Spec: formats.md "Agreement and partner". */
#ifndef TDZ_POLICY_PARTY_H
#define TDZ_POLICY_PARTY_H

#include "policy/facts.h"

enum { PARTY_SPIFFE_MAX = 16, PARTY_SPIFFE_BYTES_MAX = 256 };

struct party {
    struct span name;
    struct span zone;
    struct span spiffe[PARTY_SPIFFE_MAX];
    size_t spiffe_count;
    struct facts_entry *facts;
    size_t fact_count;
    uint8_t sha256[32];
    struct arena arena;
};

/* Reads the exact bytes of a partner file whose SHA-256 is sha256[32]; v gives facts their types
 * and must outlive p. party_finish gives the memory back. Errors with line and column: those of
 * json_read and facts_load; ERR_VERSION, ERR_MISSING, ERR_TYPE, ERR_RANGE, ERR_UNKNOWN_FIELD,
 * ERR_SYNTAX (name, or a SPIFFE id that is not spiffe://<zone>/partner/…), ERR_NOT_FOUND (the
 * zone), ERR_DUPLICATE. */
MUST_USE enum err party_read(struct party *p, const struct vocab *v, struct span input,
                             const uint8_t sha256[static 32], struct fault *ret_fault);
void party_finish(struct party *p);

bool party_has_spiffe(const struct party *p, struct span id);

/* What the register says of it as exporter (names "exporter.…") or as recipient ("recipient.…").
 * ERR_FULL. */
MUST_USE enum err party_facts_exporter(const struct party *p, struct facts *f);
MUST_USE enum err party_facts_recipient(const struct party *p, struct facts *f);

#endif
