/* SPDX-License-Identifier: Apache-2.0 */
/* Vocabularies, policies and lists as the policy commands read them from files: one fault, one
 * line FILE:LINE:COLUMN on standard error. */
#ifndef TDZ_TOOLS_POLICY_FILES_H
#define TDZ_TOOLS_POLICY_FILES_H

#include "policy/decide.h"
#include "tools/cli.h"

/* Zeroed but for cli before the first call; policy_files_finish gives everything back. */
struct policy_files {
    const struct cli *cli;
    struct vocab vocab;
    bool has_vocab;
    struct source doc[DECIDE_DOCS_MAX];
    const struct source *docs[DECIDE_DOCS_MAX];
    size_t doc_count;
    struct list list[SOURCE_LISTS_MAX];
    char *alias[SOURCE_LISTS_MAX];
    struct decide_list lists[SOURCE_LISTS_MAX];
    size_t list_count;
};

/* Prints what is wrong with a file: its place when fault has one. Returns CLI_USAGE. */
int policy_files_bad(const struct cli *cli, const char *path, enum err err,
                     const struct fault *fault);

/* Checks what was read together: documents that stand together have ids of their own (the first
 * `apart` may share one: versions that are compared), and no name has two lists. CLI_DONE, or
 * CLI_USAGE after saying what is wrong. A list of a name that no document has is told and left. */
int policy_files_check(const struct policy_files *f, size_t apart);

/* Reads a file of at most 1 MiB, to be freed with free(), and its SHA-256. CLI_DONE or
 * CLI_UNREACHABLE after saying why. */
int policy_files_bytes(const struct cli *cli, const char *path, char **ret_bytes, struct span *ret,
                       uint8_t sha256[static 32]);

/* Each reads one file and returns CLI_DONE, CLI_USAGE or CLI_UNREACHABLE after saying why. The
 * vocabulary comes first and once; a NULL path means the one that comes with the product. */
int policy_files_vocab(struct policy_files *f, const char *path);
int policy_files_policy(struct policy_files *f, const char *path);
int policy_files_list(struct policy_files *f, struct span alias, const char *path);

/* --vocab, then every --policy, then every --list ID=FILE of the command line. */
int policy_files_options(struct policy_files *f);

/* --now, or the time of this machine when it is not given: milliseconds since 1970. */
int policy_files_now(const struct cli *cli, int64_t *ret_ms);

void policy_files_finish(struct policy_files *f);

#endif
