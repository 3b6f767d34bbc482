/* SPDX-License-Identifier: Apache-2.0 */
/* The life of every role but the warden, so that a role file holds only its own work:
 *
 *   tdzd --role=NAME --index=K   descriptor 3 = channel to the warden, 2 = operator log
 *   HELLO ->                     <- GRANT*, CHANNEL*, CONFIG
 *   ops->setup                   may open what its descriptors allow, load libraries, allocate
 *   sandbox                      rlimits, no_new_privs, Landlock, seccomp
 *   READY ->                     <- START (when all roles are ready)
 *   ops->start, then the loop    messages, peers lost and new, RELOAD, DRAIN, STOP
 *
 * A role file exports one `const struct role_ops NAME_ops` and is listed in gateway/main.c. */
#ifndef TDZ_GATEWAY_CORE_ROLEMAIN_H
#define TDZ_GATEWAY_CORE_ROLEMAIN_H

#include "gateway/core/chan.h"
#include "gateway/core/clock.h"
#include "gateway/core/config.h"
#include "gateway/core/fault.h"
#include "gateway/core/oplog.h"

enum grant_kind {
#define GRANT(NAME, roles, what) GRANT_##NAME,
#include "gateway/core/grant.def"
#undef GRANT
    GRANT_COUNT
};

enum { GRANT_LABEL_MAX = 255 };
/* Files of one role (policies, agreements, partners, lists, keys and their notes). */
enum { GRANTS_MAX = 4096 };

/* A descriptor from the warden, owned by the role's rolemain until the role takes it (fd = -1
 * then). Descriptors not taken when setup returns are closed; so are those of a RELOAD when
 * on_reload returns. label is NUL terminated. */
struct grant {
    enum grant_kind kind;
    int fd;
    char label[GRANT_LABEL_MAX + 1];
};

struct rolemain_state;

/* What a role gets. Everything is owned by rolemain and lives as long as the process. */
struct rolemain {
    struct loop *loop;
    struct oplog *log;
    const struct config *config; /* this role's slice; replaced by a RELOAD that was accepted */
    enum role_id role;
    unsigned index;
    struct clock_guard guard;
    uint32_t landlock_abi; /* 0 = none */
    bool sandboxed;
    void *ctx; /* what setup returned */
    struct rolemain_state *state;
};

struct role_ops {
    enum role_id role;
    /* Before the sandbox. grants: everything given. Sets *ret_ctx (may stay NULL). An error ends
     * the process with a log line: the warden tries again with back-off. Required. */
    enum err (*setup)(struct rolemain *rm, struct grant *grants, size_t grant_count,
                      void **ret_ctx);
    /* After START: begin to accept and to talk. NULL = nothing to do. */
    enum err (*start)(struct rolemain *rm);
    /* A message of another role that answers no open question. Returning an error ends the sender:
     * use it for violations only. Required for roles that can be told something. */
    enum err (*on_message)(struct rolemain *rm, struct chan *chan, struct msg *m);
    /* The peer's process is gone (open questions have failed with ERR_ROLE_LOST already). Until
     * on_peer_new the chan is closed. NULL = nothing to do. */
    void (*on_peer_lost)(struct rolemain *rm, struct chan *chan);
    /* A new process of that role and index is there; all it knew of us is lost. Also called for
     * every peer once, before start. NULL = nothing to do. */
    void (*on_peer_new)(struct rolemain *rm, struct chan *chan);
    /* New slice and grants. Check first, then switch: an error keeps everything old and is shown to
     * the operator (ret_fault may say where). NULL = only rm->config is replaced. */
    enum err (*on_reload)(struct rolemain *rm, const struct config *config, struct grant *grants,
                          size_t grant_count, struct fault *ret_fault);
    /* Stop taking new work; call rolemain_drained when the running work is done. NULL = drained at
     * once. */
    void (*on_drain)(struct rolemain *rm);
    /* Orderly end (STOP): last chance to flush. NULL = nothing to do. */
    void (*on_stop)(struct rolemain *rm);
    /* Appends "name value\n" lines for desk, at most cap bytes; returns their length. NULL = none.
     * Called every ROLEMAIN_STATS_MS. Names: [a-z0-9_]+, no labels. */
    size_t (*on_stats)(struct rolemain *rm, char *out, size_t cap);
};

enum { ROLEMAIN_STATS_MS = 5000 };

/* The whole life of the process; returns its exit status. */
int rolemain_run(const struct role_ops *ops, unsigned index);

/* The channel to instance index of role, or NULL if msg.def gives this role none. It may be closed
 * (chan_is_open) while the peer is being restarted. */
struct chan *rolemain_chan(struct rolemain *rm, enum role_id role, unsigned index);
/* The second, blocking channel to keeper (edge, link, desk). NULL if there is none. */
struct chan *rolemain_chan_blocking(struct rolemain *rm, enum role_id role, unsigned index);
/* Instances of role that run in this gateway: indices 0..count-1. */
unsigned rolemain_instances(const struct rolemain *rm, enum role_id role);

/* The one grant of a kind, or NULL. */
struct grant *rolemain_grant(struct grant *grants, size_t grant_count, enum grant_kind kind);
/* Takes its descriptor: the caller owns it now. -1 if g is NULL or taken already. */
int rolemain_take(struct grant *g);
/* Reads a granted file (a sealed memfd) whole into buf. ERR_TOO_LARGE, ERR_IO. Wipe what is
 * secret. */
MUST_USE enum err rolemain_read(const struct grant *g, uint8_t *buf, size_t cap, size_t *ret_len);
/* Its size in bytes. ERR_IO. */
MUST_USE enum err rolemain_size(const struct grant *g, size_t *ret_size);

/* DRAIN is done. */
void rolemain_drained(struct rolemain *rm);

/* Ends this process with status 0 after the queues are sent, to be replaced at once by a fresh one
 * (inspector after its partner). */
void rolemain_replace(struct rolemain *rm);

#endif
