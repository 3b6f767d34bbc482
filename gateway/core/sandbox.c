/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/core/sandbox.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tdz_config.h"

enum { SANDBOX_MEMLOCK_BYTES = 64 * 1024 * 1024 };
/* Roles that hold sockets of the network; all others live in an empty network. */
enum { SANDBOX_NETWORK = ROLES(EDGE) | ROLES(LINK) | ROLES(DESK) };
/* Roles that open files by name below their folders. */
enum { SANDBOX_FOLDERS = ROLES(CLERK) | ROLES(LEDGER) };

struct sandbox_limits {
    uint64_t files;
    uint64_t file_bytes;
    uint64_t address_bytes;
};

static const struct sandbox_limits sandbox_limits[ROLE_COUNT] = {
#define RLIMITS(ROLE, files, file_bytes, address_bytes) \
    [ROLE_##ROLE] = {(files), (file_bytes), (address_bytes)},
#include "gateway/core/rlimit.def"
#undef RLIMITS
};

struct sandbox_allow {
    const char *name;
    uint32_t roles;
};

static const struct sandbox_allow sandbox_allows[] = {
#define ALLOW(call, roles) {#call, (roles)},
#include "gateway/core/sandbox.def"
#undef ALLOW
};

enum err
sandbox_early(int first_fd)
{
    const struct rlimit none = {0, 0};
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    if (clearenv() != 0)
        return ERR_SYS;
    if (close_range((unsigned)first_fd, ~0U, 0) != 0)
        return ERR_SYS;
    if (setrlimit(RLIMIT_CORE, &none) != 0)
        return ERR_SYS;
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        return ERR_SYS;
    /* Orders come by message; a signal to the whole group (Ctrl-C, systemd) is the warden's. */
    static const int ignored[] = {SIGPIPE, SIGTERM, SIGINT, SIGHUP, SIGXFSZ};
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
        if (sigaction(ignored[i], &ignore, NULL) != 0)
            return ERR_SYS;
    }
    return ERR_OK;
}

enum err
sandbox_demote(enum role_id role, uint32_t uid, uint32_t gid)
{
    const bool network = (SANDBOX_NETWORK & ROLE_BIT(role)) != 0;
    const int spaces = CLONE_NEWIPC | CLONE_NEWUTS | (network ? 0 : CLONE_NEWNET);
    /* Where this is not allowed (no CAP_SYS_ADMIN), Landlock and seccomp stand alone. */
    if (unshare(spaces) != 0 && errno != EPERM)
        return ERR_SYS;
    if (uid == 0)
        return ERR_OK;
    if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
        return ERR_SYS;
    return ERR_OK;
}

/* Lowers a limit, never above what we were given. */
static enum err
sandbox_limit(__rlimit_resource_t what, uint64_t value)
{
    struct rlimit now;
    if (getrlimit(what, &now) != 0)
        return ERR_SYS;
    if (now.rlim_max != RLIM_INFINITY && value > now.rlim_max)
        value = now.rlim_max;
    const struct rlimit want = {value, value};
    return setrlimit(what, &want) == 0 ? ERR_OK : ERR_SYS;
}

/* RLIMIT_FSIZE would count the whole operator log against each role that writes to it. Behind a
 * service manager the log is a socket or a pipe and the limit stands. */
static bool
sandbox_log_is_file(void)
{
    struct stat st;
    return fstat(STDERR_FILENO, &st) == 0 && S_ISREG(st.st_mode);
}

static enum err
sandbox_rlimits(enum role_id role)
{
    const struct sandbox_limits *limits = &sandbox_limits[role];
    TRY(sandbox_limit(RLIMIT_CORE, 0));
    TRY(sandbox_limit(RLIMIT_NOFILE, limits->files));
    if (!sandbox_log_is_file())
        TRY(sandbox_limit(RLIMIT_FSIZE, limits->file_bytes));
    TRY(sandbox_limit(RLIMIT_MEMLOCK, SANDBOX_MEMLOCK_BYTES));
    TRY(sandbox_limit(RLIMIT_NPROC, 0));
    if (limits->address_bytes == 0)
        return ERR_OK;
    return sandbox_limit(RLIMIT_AS, limits->address_bytes);
}

/* No capability survives, also when there is no account to change to. */
static enum err
sandbox_drop_caps(void)
{
    struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct data[2] = {{0}};
    for (int cap = 0; cap <= 63; cap++) {
        if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1)
            (void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
    }
    return syscall(SYS_capset, &head, data) == 0 ? ERR_OK : ERR_SYS;
}

/* ---- seccomp ---- */

static int
sandbox_allow_args(scmp_filter_ctx filter, const char *name, unsigned count,
                   const struct scmp_arg_cmp *args)
{
    const int nr = seccomp_syscall_resolve_name(name);
    if (nr == __NR_SCMP_ERROR)
        return -EINVAL;
    return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, nr, count, args);
}

/* Memory that can be executed is never made. */
static int
sandbox_seccomp_memory(scmp_filter_ctx filter)
{
    const struct scmp_arg_cmp no_exec = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    int rc = sandbox_allow_args(filter, "mmap", 1, &no_exec);
    if (rc == 0)
        rc = sandbox_allow_args(filter, "mprotect", 1, &no_exec);
    return rc;
}

static int
sandbox_seccomp_fcntl(scmp_filter_ctx filter, enum role_id role)
{
    static const int any[] = {F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC, F_GET_SEALS, F_ADD_SEALS};
    static const int locks[] = {F_GETLK, F_SETLK, F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof(any) / sizeof(any[0]); i++) {
        const struct scmp_arg_cmp arg = SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)any[i], 0);
        rc = sandbox_allow_args(filter, "fcntl", 1, &arg);
    }
    const bool folders = (SANDBOX_FOLDERS & ROLE_BIT(role)) != 0;
    for (size_t i = 0; folders && rc == 0 && i < sizeof(locks) / sizeof(locks[0]); i++) {
        const struct scmp_arg_cmp arg = SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)locks[i], 0);
        rc = sandbox_allow_args(filter, "fcntl", 1, &arg);
    }
    /* Non-blocking may be switched on, never off: a ring's eventfd is shared with a role that may
     * not trust us. */
    const struct scmp_arg_cmp set[] = {SCMP_A1(SCMP_CMP_EQ, F_SETFL, 0),
                                       SCMP_A2(SCMP_CMP_MASKED_EQ, O_NONBLOCK, O_NONBLOCK)};
    return rc != 0 ? rc : sandbox_allow_args(filter, "fcntl", 2, set);
}

static int
sandbox_seccomp_sockets(scmp_filter_ctx filter, enum role_id role)
{
    static const int options[][2] = {
        {IPPROTO_TCP, TCP_NODELAY},      {IPPROTO_TCP, TCP_KEEPIDLE},
        {IPPROTO_TCP, TCP_KEEPINTVL},    {IPPROTO_TCP, TCP_KEEPCNT},
        {IPPROTO_TCP, TCP_CORK},         {IPPROTO_TCP, TCP_QUICKACK},
        {IPPROTO_TCP, TCP_USER_TIMEOUT}, {IPPROTO_TCP, TCP_NOTSENT_LOWAT},
        {IPPROTO_TCP, TCP_CONGESTION},   {SOL_SOCKET, SO_KEEPALIVE},
        {SOL_SOCKET, SO_LINGER},         {SOL_SOCKET, SO_RCVBUF},
        {SOL_SOCKET, SO_SNDBUF}};
    static const int families[] = {AF_INET, AF_INET6};
    int rc = 0;
    if ((SANDBOX_NETWORK & ROLE_BIT(role)) == 0)
        return 0;
    for (size_t i = 0; rc == 0 && i < sizeof(options) / sizeof(options[0]); i++) {
        const struct scmp_arg_cmp args[] = {SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)options[i][0], 0),
                                            SCMP_A2(SCMP_CMP_EQ, (scmp_datum_t)options[i][1], 0)};
        rc = sandbox_allow_args(filter, "setsockopt", 2, args);
    }
    for (size_t i = 0; role == ROLE_LINK && rc == 0 && i < 2; i++) {
        const int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
        const struct scmp_arg_cmp args[] = {SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i], 0),
                                            SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)type, 0)};
        rc = sandbox_allow_args(filter, "socket", 2, args);
    }
    return rc;
}

/* abort() signals itself; test builds also wait and kill at fault points. */
static int
sandbox_seccomp_signals(scmp_filter_ctx filter)
{
    const struct scmp_arg_cmp self = SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0);
    int rc = sandbox_allow_args(filter, "tgkill", 1, &self);
#if TDZ_FAULTS
    if (rc == 0)
        rc = sandbox_allow_args(filter, "kill", 0, NULL);
    if (rc == 0)
        rc = sandbox_allow_args(filter, "nanosleep", 0, NULL);
    if (rc == 0)
        rc = sandbox_allow_args(filter, "clock_nanosleep", 0, NULL);
#endif
    return rc;
}

static int
sandbox_seccomp_rules(scmp_filter_ctx filter, enum role_id role)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof(sandbox_allows) / sizeof(sandbox_allows[0]); i++) {
        if ((sandbox_allows[i].roles & ROLE_BIT(role)) != 0)
            rc = sandbox_allow_args(filter, sandbox_allows[i].name, 0, NULL);
    }
    if (rc == 0)
        rc = sandbox_seccomp_memory(filter);
    if (rc == 0)
        rc = sandbox_seccomp_fcntl(filter, role);
    if (rc == 0)
        rc = sandbox_seccomp_sockets(filter, role);
    if (rc == 0)
        rc = sandbox_seccomp_signals(filter);
    return rc;
}

static enum err
sandbox_seccomp(enum role_id role)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (filter == NULL)
        return ERR_NOMEM;
    int rc = sandbox_seccomp_rules(filter, role);
    /* A binary search instead of a list: the filter runs at every system call. */
    if (rc == 0)
        rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (rc == 0)
        rc = seccomp_load(filter);
    seccomp_release(filter);
    if (rc != 0)
        errno = -rc;
    return rc == 0 ? ERR_OK : ERR_SYS;
}

enum err
sandbox_enter(const struct sandbox_plan *plan, struct sandbox_report *ret)
{
    struct sandbox_report report = {0};
    assert(plan->role < ROLE_COUNT && plan->role != ROLE_WARDEN);
    TRY(sandbox_rlimits(plan->role));
    TRY(sandbox_drop_caps());
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return ERR_SYS;
    TRY(sandbox_landlock(plan, &report));
    TRY(sandbox_seccomp(plan->role));
    report.seccomp = true;
    *ret = report;
    return ERR_OK;
}
