/* SPDX-License-Identifier: Apache-2.0 */
/* What a gateway's configuration says of its log, for tools: zone, origin, the log's key, trust. */
#ifndef TDZ_TOOLS_LOGCONFIG_H
#define TDZ_TOOLS_LOGCONFIG_H

#include "crypto/note.h"
#include "schemas/trust.h"
#include "tools/cli.h"
#include "tools/outdir.h"

enum { LOGCONFIG_NAME_MAX = 200 };

struct logconfig {
    char zone[64];
    char origin[LOGCONFIG_NAME_MAX + 1];
    char keys[OUTDIR_PATH_MAX]; /* folder */
    char *trust_bytes;
    struct trust trust;
};

/* Both say on stderr what is wrong and return an exit code of cli.h. c is zeroed and large;
 * logconfig_finish gives everything back whatever came out. */
int logconfig_open(struct logconfig *c, const struct cli *cli, const char *path);
/* The vkey of origin with log.key of the key set. */
int logconfig_vkey(const struct logconfig *c, const struct cli *cli,
                   char out[static NOTE_VKEY_MAX]);
void logconfig_finish(struct logconfig *c);

#endif
