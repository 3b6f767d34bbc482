/* SPDX-License-Identifier: Apache-2.0 */
/* An evidence file: every leaf against its proof and checkpoint, entries against each other, the
 * receipt, decision records and disclosed salts against what the entries commit to. */
#ifndef TDZ_TOOLS_AUDIT_EVIDENCE_H
#define TDZ_TOOLS_AUDIT_EVIDENCE_H

#include "schemas/entry.h"
#include "schemas/evidence.h"
#include "tools/audit_keys.h"
#include "tools/audit_report.h"

/* Memory for one file at a time. */
struct audit_evidence {
    struct evidence file;
    struct entry_scratch *scratch; /* of the caller */
};

/* Verifies input, which came from path. keys without pin gains those of the file. */
void audit_evidence_verify(struct audit_evidence *evidence, const char *path, struct span input,
                           struct audit_keys *keys, struct audit_report *report);

#endif
