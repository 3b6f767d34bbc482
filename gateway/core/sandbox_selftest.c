/* SPDX-License-Identifier: Apache-2.0 */
/* One forbidden call, tried for real behind the sandbox of a role. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/core/sandbox.h"

enum { SANDBOX_UNUSED_PORT = 1 };

static long
sandbox_try_open(void)
{
    return open("/etc/passwd", O_RDONLY | O_CLOEXEC);
}

static long
sandbox_try_socket(void)
{
    return socket(AF_INET, SOCK_DGRAM, 0);
}

static long
sandbox_try_connect(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(SANDBOX_UNUSED_PORT)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return connect(fd, (const struct sockaddr *)&to, sizeof(to));
}

static long
sandbox_try_execve(void)
{
    char path[] = "/bin/true";
    char *const argv[] = {path, NULL};
    char *const envp[] = {NULL};
    return execve(path, argv, envp);
}

static long
sandbox_try_ptrace(void)
{
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static long
sandbox_try_fork(void)
{
    const pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return pid;
}

static long
sandbox_try_mprotect_exec(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? -1 : mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static long
sandbox_try_unlink(void)
{
    return unlink("/etc"); /* a folder: where nothing forbids it, it still cannot happen */
}

static const struct {
    const char *name;
    long (*call)(void);
} sandbox_tries[] = {
    {"open", sandbox_try_open},       {"socket", sandbox_try_socket},
    {"connect", sandbox_try_connect}, {"execve", sandbox_try_execve},
    {"ptrace", sandbox_try_ptrace},   {"fork", sandbox_try_fork},
    {"unlink", sandbox_try_unlink},   {"mprotect_exec", sandbox_try_mprotect_exec},
};

enum err
sandbox_selftest(enum role_id role, struct span call, int *ret_errno)
{
    const struct sandbox_plan plan = {.role = role};
    struct sandbox_report report;
    for (size_t i = 0; i < sizeof(sandbox_tries) / sizeof(sandbox_tries[0]); i++) {
        if (!span_eq_str(call, sandbox_tries[i].name))
            continue;
        TRY(sandbox_early(3));
        TRY(sandbox_enter(&plan, &report));
        errno = 0;
        *ret_errno = sandbox_tries[i].call() < 0 ? errno : 0;
        return ERR_OK;
    }
    return ERR_NOT_FOUND;
}
