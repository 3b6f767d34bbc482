/* SPDX-License-Identifier: Apache-2.0 */
/* The documents of a zone as its gateway would read them, for the tools that change them: found by
 * its configuration file, checked by the same functions as judge. Spec: docs/adr/0008. */
#ifndef TDZ_TOOLS_ZONEBOOK_H
#define TDZ_TOOLS_ZONEBOOK_H

#include "policy/lineage.h"
#include "tools/cli.h"
#include "tools/outdir.h"

enum { ZONEBOOK_FILES_MAX = 2 * (REGISTER_POLICIES_MAX + REGISTER_LISTS_MAX) };

struct zonebook {
    const struct cli *cli;
    char zone[VOCAB_NAME_MAX + 1];
    char policies[OUTDIR_PATH_MAX]; /* folder */
    char lists[OUTDIR_PATH_MAX];    /* folder; empty when there is none */
    char pid_file[OUTDIR_PATH_MAX]; /* empty when there is none */
    char vocab_path[OUTDIR_PATH_MAX];
    struct vocab vocab;
    struct span vocab_bytes;
    struct trust trust;
    struct activation_key keys[ACTIVATION_KEYS_MAX];
    size_t key_count;
    /* Of the policies of the last zonebook_register, in its order. */
    struct span activations[REGISTER_POLICIES_MAX];
    char *memory[ZONEBOOK_FILES_MAX + 8]; /* of everything read; freed at the end */
    size_t memory_count;
};

/* Both say on stderr what is wrong and return an exit code of cli.h. z is zeroed but for cli, is
 * large, and zonebook_finish gives everything back whatever came out. */
int zonebook_open(struct zonebook *z, const char *config_path);
/* Vocabulary and trust bundle alone, for who signs away from the gateway. */
int zonebook_keys(struct zonebook *z, const char *trust_path, const char *vocab_path);
void zonebook_finish(struct zonebook *z);

/* Zeroed memory for the tool of a command that begins so, the library of signatures ready. NULL
 * after printing why: the caller returns CLI_UNREACHABLE. free() gives it back. */
void *zonebook_room(const struct cli *cli, size_t size);

/* A file of at most 1 MiB that lives as long as z; name is for messages. */
int zonebook_read(struct zonebook *z, const char *path, struct span *ret);

/* Everything activated in the policies folder, with the lists, into r, and more (may be NULL) after
 * it; checked as judge would at now. CLI_REFUSED: the gateway would refuse it. register_finish r in
 * any case. */
int zonebook_register(struct zonebook *z, const struct register_file *more, int64_t now_ms,
                      struct register_set *r);

#endif
