/* SPDX-License-Identifier: Apache-2.0 */
/* tdzd: one binary for all roles of a gateway.
 *   tdzd CONFIG            runs a gateway
 *   tdzd -t CONFIG         tests its configuration
 *   tdzd --role=R --index=K           is what the warden starts
 *   tdzd --role=R --sandbox-selftest=CALL  tries a forbidden call behind the sandbox of R */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "gateway/core/rolemain.h"
#include "gateway/core/sandbox.h"
#include "gateway/roles.h"
#include "gateway/warden/warden.h"
#include "schemas/text.h"
#include "tdz_config.h"

enum { MAIN_USAGE = 2, MAIN_POSSIBLE = 4, MAIN_REFUSED = 5 };

static const char main_help[] =
    "usage: tdzd CONFIG      run a gateway\n"
    "       tdzd -t CONFIG   test its configuration, files and register\n"
    "       tdzd --version   print the version\n";

static int
main_usage(void)
{
    (void)fputs(main_help, stderr);
    return MAIN_USAGE;
}

/* What a person typed; the options of roles are the warden's. */
static int
main_misused(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)fputs(main_help, stdout);
        return 0;
    }
    if (argc < 2 || (argc == 2 && strcmp(argv[1], "-t") == 0))
        (void)fputs("tdzd: the configuration file is missing\n", stderr);
    else if (argv[1][0] == '-' && strcmp(argv[1], "-t") != 0)
        (void)fprintf(stderr, "tdzd: no option '%s'\n", argv[1]);
    else
        (void)fprintf(stderr, "tdzd: '%s' is one argument too many\n", argv[argc - 1]);
    return main_usage();
}

static int
main_selftest(enum role_id role, const char *call)
{
    int number = 0;
    const enum err err = sandbox_selftest(role, span_str(call), &number);
    if (err != ERR_OK) {
        (void)fprintf(stderr, "tdzd: sandbox-selftest: %s\n", error_text(err));
        return err == ERR_NOT_FOUND ? MAIN_USAGE : 1;
    }
    (void)printf("%s\n", number == 0 ? "possible" : strerrorname_np(number));
    return number == 0 ? MAIN_POSSIBLE : MAIN_REFUSED;
}

static int
main_role(const char *name, const char *how, char *const *envp)
{
    enum role_id role = ROLE_WARDEN;
    const char *spec = fault_spec(envp);
    static const char index_option[] = "--index=";
    static const char test_option[] = "--sandbox-selftest=";
    if (role_parse(span_str(name), &role) != ERR_OK || role == ROLE_WARDEN)
        return main_usage();
    if (strncmp(how, test_option, sizeof(test_option) - 1) == 0)
        return main_selftest(role, how + sizeof(test_option) - 1);
    uint64_t index = 0;
    if (strncmp(how, index_option, sizeof(index_option) - 1) != 0 ||
        text_parse_u64(span_str(how + sizeof(index_option) - 1), ROLE_INDEX_MAX - 1, &index) !=
            ERR_OK)
        return main_usage();
    if (TDZ_FAULTS && fault_arm(span_str(spec), role, (unsigned)index) != ERR_OK) {
        (void)fprintf(stderr, "tdzd: TDZ_FAULT: not understood\n");
        return MAIN_USAGE;
    }
    return rolemain_run(roles_ops(role), (unsigned)index);
}

int
main(int argc, char **argv, char **envp)
{
    static const char role_option[] = "--role=";
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        (void)printf("tdzd %s\n", TDZ_VERSION);
        return 0;
    }
    if (argc == 3 && strcmp(argv[1], "-t") == 0)
        return warden_check(argv[2]);
    if (argc == 3 && strncmp(argv[1], role_option, sizeof(role_option) - 1) == 0)
        return main_role(argv[1] + sizeof(role_option) - 1, argv[2], envp);
    if (argc == 2 && argv[1][0] != '-')
        return warden_run(argv[1], envp);
    return main_misused(argc, argv);
}
