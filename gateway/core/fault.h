/* SPDX-License-Identifier: Apache-2.0 */
/* Named fault points for crash tests. In builds with -Dfaults=true the environment variable
 *   TDZ_FAULT=[role[index]/]name[:n][:action][,...]
 * arms points: at the n-th time (default 1) that a process (of that role, if one is named) passes
 * the point, action happens: kill (this process, SIGKILL; the default), killall (the whole process
 * group), stop (this process, SIGSTOP, until the test sends SIGCONT), err (FAULT_ERR gives ERR_IO
 * once), errs (from the n-th time on), sleep=MS, skew=MS (moves this process's wall clock). With
 * :first only the first process of a role has the point: the one that warden starts in its place is
 * honest. In other builds the macros are nothing and the variable is not looked at. Example:
 * TDZ_FAULT=clerk/clerk_x8_stored:2:killall */
#ifndef TDZ_GATEWAY_CORE_FAULT_H
#define TDZ_GATEWAY_CORE_FAULT_H

#include "gateway/core/role.h"
#include "tdz_config.h"

enum fault_id {
#define FAULT(name, where) FAULT_##name,
#include "gateway/core/fault.def"
#undef FAULT
    FAULT_COUNT
};

enum { FAULT_SPEC_MAX = 1024, FAULT_ARMED_MAX = 16 };

#if TDZ_FAULTS
/* Statement: passes the point; err actions are ignored here. */
#define FAULT_POINT(name) ((void)fault_hit(FAULT_##name))
/* Expression of enum err: ERR_OK, or ERR_IO when an err action fires. */
#define FAULT_ERR(name) fault_hit(FAULT_##name)
#else
#define FAULT_POINT(name) ((void)0)
#define FAULT_ERR(name) ERR_OK
#endif

/* Arms what spec says for this process. ERR_SYNTAX (unknown point, action or number; spec too
 * long), ERR_FULL. In builds without faults: ERR_UNSUPPORTED unless spec is empty. */
MUST_USE enum err fault_arm(struct span spec, enum role_id role, unsigned index);

/* The name of TDZ_FAULT's value in envp, or NULL; the environment is read by nobody else. */
const char *fault_spec(char *const *envp);

enum err fault_hit(enum fault_id id);

/* For a process that replaces another: the entries of spec (at most FAULT_SPEC_MAX bytes) without
 * :first. ret holds cap bytes; what does not fit is left out. */
void fault_spec_again(const char *spec, char *ret, size_t cap);

/* Told to warden when SIGKILL ended a role: if spec (may be NULL) arms a killall, the process group
 * follows. A sandboxed role cannot do it itself: Landlock keeps its signals inside its domain. */
void fault_role_killed(const char *spec);

/* The point's name in TDZ_FAULT; "" in builds without faults. */
const char *fault_name(enum fault_id id);

/* How often this process passed the point so far. */
uint32_t fault_count(enum fault_id id);

#endif
