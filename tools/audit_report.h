/* SPDX-License-Identifier: Apache-2.0 */
/* What an audit found. Failures are printed as they are found, so that a thoroughly broken log
 * takes no more memory than a sound one. */
#ifndef TDZ_TOOLS_AUDIT_REPORT_H
#define TDZ_TOOLS_AUDIT_REPORT_H

#include <stdio.h>

#include "schemas/error.h"
#include "schemas/span.h"

enum { AUDIT_NO_INDEX = -1 };

struct audit_report {
    FILE *out;
    bool json;
    bool pinned;
    bool unreadable; /* a PATH could not be read */
    uint64_t entries;
    uint64_t checkpoints;
    uint64_t cosignatures;
    uint64_t failures;
    /* What else stands at the end: members of the object, or lines before the last; may be NULL. */
    void (*more)(const void *ctx, FILE *out, bool json);
    const void *more_ctx;
};

void audit_report_init(struct audit_report *report, FILE *out, bool json, bool pinned);

/* One failure: the file, the entry's index or AUDIT_NO_INDEX, a code of one word, words. */
void audit_report_fail(struct audit_report *report, const char *file, int64_t index,
                       const char *code, const char *detail);

/* As above with the sentence of err as detail. */
void audit_report_err(struct audit_report *report, const char *file, int64_t index,
                      const char *code, enum err err);

/* Prints the end and returns the program's exit code. */
int audit_report_end(struct audit_report *report);

/* Prints text as a JSON string. */
void audit_report_quote(FILE *out, struct span text);

#endif
