/* SPDX-License-Identifier: Apache-2.0 */
/* tdz check: the daemon's own configuration test (tdzd -t), so that what is tested is what would
 * start. */
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/cli.h"
#include "tools/commands.h"
#include "tools/daemonpath.h"

enum { CHECK_UNREADABLE = 3, CHECK_NO_DAEMON = 127 }; /* of its exit codes */

int
cmd_check_main(int argc, char **argv)
{
    struct cli cli;
    char daemon[OUTDIR_PATH_MAX];
    int at = 0;
    int status = 0;
    if (!cli_parse(argc, argv, "check", &cli))
        return CLI_USAGE;
    const char *config = cli_next_operand(&cli, &at);
    if (config == NULL || cli_next_operand(&cli, &at) != NULL)
        return cli_usage(&cli, "name one configuration file");
    daemonpath(daemon);
    const pid_t child = fork();
    if (child == 0) {
        execlp(daemon, "tdzd", "-t", config, (char *)NULL);
        _exit(CHECK_NO_DAEMON);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) {
        cli_say(&cli, "no process for the test: %s", strerrordesc_np(errno));
        return CLI_UNREACHABLE;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == CHECK_NO_DAEMON) {
        cli_say(&cli, "%s cannot be run", daemon);
        return CLI_UNREACHABLE;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == CHECK_UNREADABLE)
        return CLI_UNREACHABLE;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? CLI_DONE : CLI_REFUSED;
}
