/* SPDX-License-Identifier: Apache-2.0 */
/* Where the daemon is that belongs to this tool. */
#ifndef TDZ_TOOLS_DAEMONPATH_H
#define TDZ_TOOLS_DAEMONPATH_H

#include "tools/outdir.h"

/* tdzd beside this program, in the build tree beside its folder, where a package puts it, or else
 * its bare name, to be searched in PATH. */
void daemonpath(char path[static OUTDIR_PATH_MAX]);

#endif
