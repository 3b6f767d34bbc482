/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/daemonpath.h"

#include <stdio.h>
#include <unistd.h>

void
daemonpath(char path[static OUTDIR_PATH_MAX])
{
    static const char *const places[] = {"tdzd", "../gateway/tdzd", "../sbin/tdzd"};
    char self[OUTDIR_PATH_MAX];
    const ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (n > 0) {
        self[n] = '\0';
        char *slash = strrchr(self, '/');
        if (slash != NULL)
            *slash = '\0';
        for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
            if (outdir_path(path, self, "%s", places[i]) == ERR_OK && access(path, X_OK) == 0)
                return;
    }
    (void)snprintf(path, OUTDIR_PATH_MAX, "tdzd");
}
