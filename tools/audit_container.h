/* SPDX-License-Identifier: Apache-2.0 */
/* The four records of a container in an evidence file: each against its signature, the record
 * before it and the entries that name it. Spec: formats.md Container. */
#ifndef TDZ_TOOLS_AUDIT_CONTAINER_H
#define TDZ_TOOLS_AUDIT_CONTAINER_H

#include "schemas/entry.h"
#include "schemas/evidence.h"
#include "tools/audit_keys.h"
#include "tools/audit_report.h"

/* OFFER and SEAL are the exporter's gateway's, RELEASE is under its release key, RECEIPT the
 * importer's gateway's: zones as the manifest names them. Signatures are checked when keys are
 * pinned; how the records hang together always. Failures have the record's name as their code. */
void audit_container_verify(const struct evidence *e, struct entry_scratch *scratch,
                            const char *path, const struct audit_keys *keys,
                            struct audit_report *report);

#endif
