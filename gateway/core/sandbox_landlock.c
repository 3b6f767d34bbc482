/* SPDX-License-Identifier: Apache-2.0 */
/* Landlock by number: Debian 12's headers know ABI 2, its kernels and later ones more. The
 * structures and bits below are the kernel's (include/uapi/linux/landlock.h). */
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gateway/core/sandbox.h"

enum { LL_CREATE = 444, LL_ADD_RULE = 445, LL_RESTRICT = 446 };
enum { LL_VERSION_FLAG = 1, LL_RULE_PATH = 1, LL_RULE_PORT = 2 };

#define LL_BIT(n) (UINT64_C(1) << (n))
#define LL_FS_ALL_1 (LL_BIT(13) - 1) /* execute .. make_sym */
#define LL_FS_REFER LL_BIT(13)       /* ABI 2 */
#define LL_FS_TRUNCATE LL_BIT(14)    /* ABI 3 */
#define LL_FS_IOCTL_DEV LL_BIT(15)   /* ABI 5 */
/* write_file read_file read_dir remove_dir remove_file make_dir make_reg: what a database and a
 * log need in their own folder. */
#define LL_FS_OWN                                                                        \
    (LL_BIT(1) | LL_BIT(2) | LL_BIT(3) | LL_BIT(4) | LL_BIT(5) | LL_BIT(7) | LL_BIT(8) | \
     LL_FS_REFER | LL_FS_TRUNCATE)
#define LL_NET_BIND LL_BIT(0)
#define LL_NET_CONNECT LL_BIT(1)
#define LL_SCOPE_ALL (LL_BIT(0) | LL_BIT(1)) /* abstract sockets, signals: ABI 6 */

struct ll_ruleset {
    uint64_t handled_fs;
    uint64_t handled_net;
    uint64_t scoped;
};

struct ll_path {
    uint64_t allowed;
    int32_t parent_fd;
} __attribute__((packed));

struct ll_port {
    uint64_t allowed;
    uint64_t port;
};

static uint64_t
sandbox_landlock_fs(uint32_t abi)
{
    uint64_t bits = LL_FS_ALL_1;
    bits |= abi >= 2 ? LL_FS_REFER : 0;
    bits |= abi >= 3 ? LL_FS_TRUNCATE : 0;
    bits |= abi >= 5 ? LL_FS_IOCTL_DEV : 0;
    return bits;
}

static enum err
sandbox_landlock_rules(int ruleset, const struct sandbox_plan *plan, uint32_t abi)
{
    const uint64_t handled = sandbox_landlock_fs(abi);
    for (size_t i = 0; i < plan->dir_count; i++) {
        const struct ll_path rule = {.allowed = LL_FS_OWN & handled, .parent_fd = plan->dirs[i]};
        if (syscall(LL_ADD_RULE, ruleset, LL_RULE_PATH, &rule, 0) != 0)
            return ERR_SYS;
    }
    for (size_t i = 0; abi >= 4 && i < plan->port_count; i++) {
        const struct ll_port rule = {.allowed = LL_NET_CONNECT, .port = plan->ports[i]};
        if (syscall(LL_ADD_RULE, ruleset, LL_RULE_PORT, &rule, 0) != 0)
            return ERR_SYS;
    }
    return syscall(LL_RESTRICT, ruleset, 0) == 0 ? ERR_OK : ERR_SYS;
}

enum err
sandbox_landlock(const struct sandbox_plan *plan, struct sandbox_report *ret_report)
{
    const long version = syscall(LL_CREATE, NULL, (size_t)0, LL_VERSION_FLAG);
    if (version <= 0)
        return ERR_UNSUPPORTED;
    const uint32_t abi = (uint32_t)version;
    struct ll_ruleset attr = {.handled_fs = sandbox_landlock_fs(abi)};
    size_t size = sizeof(attr.handled_fs);
    if (abi >= 4) {
        attr.handled_net = LL_NET_BIND | LL_NET_CONNECT;
        size += sizeof(attr.handled_net);
    }
    if (abi >= 6) {
        attr.scoped = LL_SCOPE_ALL;
        size += sizeof(attr.scoped);
    }
    const long ruleset = syscall(LL_CREATE, &attr, size, 0);
    if (ruleset < 0)
        return ERR_SYS;
    const enum err err = sandbox_landlock_rules((int)ruleset, plan, abi);
    const int saved = errno;
    (void)close((int)ruleset);
    errno = saved;
    TRY(err);
    ret_report->landlock_abi = abi;
    ret_report->landlock_net = abi >= 4;
    return ERR_OK;
}
