/* SPDX-License-Identifier: Apache-2.0 */
/* The decision record (tdz.decision/1): canonical JSON that anyone can produce again from the same
 * documents and input. Spec: background/policy.md 3.4; formats.md "Policy". */
#ifndef TDZ_POLICY_RECORD_H
#define TDZ_POLICY_RECORD_H

#include "policy/decide.h"

/* Enough for the largest record: input, 2048 rule ids, obligations. */
enum { RECORD_BYTES_MAX = 512 << 10 };

/* Writes the record of d into buf (not NUL terminated); ret views it. input is the canonical form
 * of the input object, or the empty span: then it is written from d's facts. ERR_FULL: cap is too
 * small; ERR_UTF8, ERR_NOT_CANONICAL: a fact's name or text is not writable; ERR_RANGE: d's time.
 */
MUST_USE enum err record_write(const struct decision *d, struct span input, char *buf, size_t cap,
                               struct span *ret);

/* Writes the id of a fired rule as records and answers name it: with "<policy>/" before it when
 * several documents decided. */
void record_rule_id(const struct decision *d, const struct decide_fired *fired, bool mark,
                    struct canon *w);

/* {"id","revision","sha256"} of a document. */
void record_document(const struct source *doc, struct canon *w);

#endif
