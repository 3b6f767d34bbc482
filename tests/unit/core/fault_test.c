/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/core/fault.h"

#include "tests/test.h"

#if TDZ_FAULTS
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

int
main(void)
{
    TEST("the variable is found in an environment and nowhere else")
    {
        char one[] = "TDZ_FAULTS=x";
        char two[] = "TDZ_FAULT=role_drain";
        char *const without[] = {one, NULL};
        char *const with[] = {one, two, NULL};
        CHECK(fault_spec(without) == NULL && fault_spec(NULL) == NULL);
        CHECK(strcmp(fault_spec(with), "role_drain") == 0);
    }
#if TDZ_FAULTS
    TEST("specifications that name nothing are refused")
    {
        static const char *const bad[] = {
            "nowhere",           "role_drain:0",     "role_drain:x",    "nobody/role_drain",
            "edge99/role_drain", "role_drain:err=1", "role_drain:sleep"};
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
            CHECK(fault_arm(span_str(bad[i]), ROLE_EDGE, 0) != ERR_OK);
    }
    TEST("a point fires at its pass, once or from then on, in the process that is named")
    {
        CHECK_EQ(fault_arm(SPAN_LIT("edge/role_drain:2:err,clerk/role_ready:err,edge1/role_message"
                                    ":errs,role_reload:2:errs"),
                           ROLE_EDGE, 0),
                 ERR_OK);
        CHECK_EQ(fault_hit(FAULT_role_drain), ERR_OK);
        CHECK_EQ(fault_hit(FAULT_role_drain), ERR_IO);
        CHECK_EQ(fault_hit(FAULT_role_drain), ERR_OK);
        CHECK_EQ(fault_hit(FAULT_role_ready), ERR_OK);
        CHECK_EQ(fault_hit(FAULT_role_message), ERR_OK);
        CHECK_EQ(fault_hit(FAULT_role_reload), ERR_OK);
        CHECK_EQ(fault_hit(FAULT_role_reload), ERR_IO);
        CHECK_EQ(fault_hit(FAULT_role_reload), ERR_IO);
        CHECK_EQ(fault_count(FAULT_role_drain), 3);
    }
    TEST("a process that replaces another has no point of :first")
    {
        char again[64];
        fault_spec_again("role_drain:err:first,edge/role_ready:2:errs,role_message:first", again,
                         sizeof(again));
        CHECK(strcmp(again, "edge/role_ready:2:errs") == 0);
        fault_spec_again("role_drain,role_ready", again, sizeof(again));
        CHECK(strcmp(again, "role_drain,role_ready") == 0);
        fault_spec_again("role_drain,role_ready", again, 12);
        CHECK(strcmp(again, "role_drain") == 0);
        fault_spec_again("", again, sizeof(again));
        CHECK(again[0] == '\0');
        CHECK_EQ(fault_arm(SPAN_LIT("role_started:err:first"), ROLE_EDGE, 0), ERR_OK);
        CHECK_EQ(fault_hit(FAULT_role_started), ERR_IO);
        CHECK(fault_arm(SPAN_LIT("role_started:first=1"), ROLE_EDGE, 0) != ERR_OK);
        CHECK(strcmp(fault_name(FAULT_role_started), "role_started") == 0);
    }
    TEST("a process that stops at a point goes on when it is told to")
    {
        int status = 0;
        const pid_t child = fork();
        if (child == 0)
            _exit(fault_arm(SPAN_LIT("ledger_published:stop"), ROLE_EDGE, 0) == ERR_OK &&
                          fault_hit(FAULT_ledger_published) == ERR_OK
                      ? 7
                      : 8);
        CHECK(child > 0 && waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
        CHECK_EQ(WSTOPSIG(status), SIGSTOP);
        CHECK(kill(child, SIGCONT) == 0 && waitpid(child, &status, 0) == child);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    }
#else
    TEST("a build without faults has none")
    {
        CHECK_EQ(fault_arm(SPAN_LIT("role_drain:err"), ROLE_EDGE, 0), ERR_UNSUPPORTED);
        CHECK_EQ(fault_arm(SPAN_LIT(""), ROLE_EDGE, 0), ERR_OK);
        CHECK_EQ(FAULT_ERR(role_drain), ERR_OK);
        CHECK_EQ(fault_count(FAULT_role_drain), 0);
        char again[4] = "x";
        fault_spec_again("role_drain", again, sizeof(again));
        CHECK(again[0] == '\0' && fault_name(FAULT_role_drain)[0] == '\0');
    }
#endif
    return test_end();
}
