/* SPDX-License-Identifier: Apache-2.0 */
/* What a role may do, from sandbox.def: rlimits, no_new_privs, Landlock, seccomp. Applied once,
 * after set-up and before the first message of another role. The only file that knows libseccomp;
 * Landlock is called by number because glibc has no wrapper. Spec: design.md 4,
 * proxies-and-attacks.md 2. */
#ifndef TDZ_GATEWAY_CORE_SANDBOX_H
#define TDZ_GATEWAY_CORE_SANDBOX_H

#include "gateway/core/config.h"

enum { SANDBOX_DIRS_MAX = 4, SANDBOX_PORTS_MAX = 16 };

struct sandbox_plan {
    enum role_id role;
    int dirs[SANDBOX_DIRS_MAX]; /* folders whose files it may use (ledger, clerk) */
    size_t dir_count;
    uint16_t ports[SANDBOX_PORTS_MAX]; /* TCP ports it may connect to (link) */
    size_t port_count;
};

struct sandbox_report {
    uint32_t landlock_abi; /* 0 = the kernel has none */
    bool seccomp;
    bool landlock_net; /* ABI 4 and later */
};

/* Steps that need no libraries loaded: environment cleared, descriptors from first_fd on closed,
 * no core dumps, not dumpable. Called first thing in a role. ERR_SYS. */
MUST_USE enum err sandbox_early(int first_fd);

/* Namespaces and account, while still privileged: own network (roles without sockets), IPC and UTS
 * namespaces when allowed to, then groups and uid of uid/gid (0 = stay). ERR_SYS. */
MUST_USE enum err sandbox_demote(enum role_id role, uint32_t uid, uint32_t gid);

/* rlimits, no_new_privs, Landlock, seccomp. There is no way back. ERR_SYS (step in errno is logged
 * by the caller), ERR_UNSUPPORTED (no Landlock in a strict build), ERR_FULL. */
MUST_USE enum err sandbox_enter(const struct sandbox_plan *plan, struct sandbox_report *ret);

/* The Landlock part of sandbox_enter; fills ret_report. ERR_UNSUPPORTED: the kernel has none. */
MUST_USE enum err sandbox_landlock(const struct sandbox_plan *plan,
                                   struct sandbox_report *ret_report);

/* The self-test of `tdzd --role=R --sandbox-selftest=CALL`: enters the sandbox of role and tries
 * call; returns only if the call was possible or refused by an error: ret_errno is 0 or its errno.
 * ERR_NOT_FOUND: no such call. */
MUST_USE enum err sandbox_selftest(enum role_id role, struct span call, int *ret_errno);

#endif
