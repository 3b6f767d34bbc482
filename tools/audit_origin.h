/* SPDX-License-Identifier: Apache-2.0 */
/* Logs that follow lost ones: the genesis against the note that two operators signed, the old
 * folder and what witnesses kept of it, if they are among what is verified. Spec: docs/adr/0009. */
#ifndef TDZ_TOOLS_AUDIT_ORIGIN_H
#define TDZ_TOOLS_AUDIT_ORIGIN_H

#include "tools/audit_log.h"

enum { AUDIT_ORIGIN_MAX = 64 };

/* A log that was verified, a checkpoint that a witness keeps (size and root of it), or a log before
 * another one as the genesis names it. */
struct audit_origin {
    char path[AUDIT_PATH_MAX]; /* folder; file of a witness */
    char name[NOTE_NAME_MAX + 1];
    uint64_t size;
    struct tlog_hash root;
    char next[NOTE_NAME_MAX + 1]; /* of a log before another one: that one */
    bool found;                   /* its folder was verified too */
    uint64_t behind;              /* entries of that folder behind size */
};

/* All that a run saw. */
struct audit_origins {
    size_t log_count;
    struct audit_origin logs[AUDIT_ORIGIN_MAX];
    size_t witness_count;
    struct audit_origin witnesses[AUDIT_ORIGIN_MAX];
    size_t before_count;
    struct audit_origin before[AUDIT_ORIGIN_MAX];
};

/* log was walked: remembers it, and checks what its genesis says of a log before it. */
void audit_origin_log(struct audit_log *log, const struct audit_keys *keys);

/* A checkpoint of origin that file, of a witness, keeps. */
void audit_origin_witness(struct audit_log *log, const char *file, const struct checkpoint *c);

/* At the end: compares all with each other. log is memory only. */
void audit_origin_end(struct audit_log *log);

/* "successions": what follows what, as a member of the report; nothing when nothing does. */
void audit_origin_print(const struct audit_origins *all, FILE *out, bool json);

#endif
