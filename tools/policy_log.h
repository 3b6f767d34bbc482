/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions that were made: records in a folder, as files of one record a line (*.ndjson, what tdz
 * policy decide --batch prints) and as evidence files (*.json, what tdz receipt fetches). */
#ifndef TDZ_TOOLS_POLICY_LOG_H
#define TDZ_TOOLS_POLICY_LOG_H

#include "tools/policy_files.h"

/* One record. Views are valid during the call only. */
struct policy_log_record {
    const char *path;
    char sha256[64 + 1]; /* of its bytes, hex */
    const struct json_doc *json;
    const struct json_node *input;
    int64_t now_ms;
    struct span now;
    struct span result;
    const struct json_node *obligations; /* NULL on deny */
};

/* Return an error to stop. */
typedef enum err (*policy_log_see)(void *context, const struct policy_log_record *r);

/* Calls see for every record in the folder, files by name, each record once. CLI_DONE,
 * CLI_UNREACHABLE, or CLI_USAGE after saying what is wrong and where. */
int policy_log_read(const struct cli *cli, const char *folder, policy_log_see see, void *context);

/* True if one of the record's policies has that id. */
bool policy_log_is_by(const struct policy_log_record *r, struct span id);

/* Decides on the record's input with docs at its time, but not before they are in force: what they
 * would have said. ERR_FULL. */
MUST_USE enum err policy_log_decide(const struct policy_log_record *r,
                                    const struct policy_files *files,
                                    const struct source *const *docs, size_t doc_count,
                                    struct facts *facts, struct decision *ret);

#endif
