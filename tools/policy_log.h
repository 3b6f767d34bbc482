/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions that were made: records in a folder, as files of one record a line (*.ndjson, what tdz
 * policy decide --batch prints) and as evidence files (*.json, what tdz receipt fetches). */
#ifndef TDZ_TOOLS_POLICY_LOG_H
#define TDZ_TOOLS_POLICY_LOG_H

#include "tools/policy_files.h"
#include "tools/recordphase.h"

/* One record. Views are valid during the call only. */
struct policy_log_record {
    const char *path;
    char sha256[64 + 1]; /* of its bytes, hex */
    const struct json_doc *json;
    const struct json_node *input;
    int64_t now_ms;
    struct span now;
    struct span result;
    struct span reason;
    char phase[RECORDPHASE_MAX];         /* what the log says of it; "final" where there is none */
    bool by_hold;                        /* a hold rule fired */
    const struct json_node *obligations; /* NULL on deny */
};

/* Return an error to stop. */
typedef enum err (*policy_log_see)(void *context, const struct policy_log_record *r);

/* Calls see for every record in the folder, files by name, each record once. CLI_DONE,
 * CLI_UNREACHABLE, or CLI_USAGE after saying what is wrong and where. */
int policy_log_read(const struct cli *cli, const char *folder, policy_log_see see, void *context);

/* True if one of the record's policies has that id. */
bool policy_log_is_by(const struct policy_log_record *r, struct span id);

/* Decides on the record's input with docs at its time, but not before they are in force, and at
 * preflight if it was one: what they would have said. ERR_FULL. */
MUST_USE enum err policy_log_decide(const struct policy_log_record *r,
                                    const struct policy_files *files,
                                    const struct source *const *docs, size_t doc_count,
                                    struct facts *facts, struct decision *ret);

/* Puts into d what a gateway made of the documents' word then and would make of this one: who
 * approved or refused a hold did so, what was held for others' reservations waits, and an
 * obligation that was not performed was not. */
void policy_log_rule(const struct policy_log_record *r, const struct vocab *v, struct decision *d);

#endif
