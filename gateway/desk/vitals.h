/* SPDX-License-Identifier: Apache-2.0 */
/* What desk knows about the gateway: the warden's status, ledger's state, peers, and whether clerk
 * answers; and the two ways to say it, health as JSON and metrics as Prometheus text. No process,
 * no clock. What roles report is checked: only names and numbers get out. */
#ifndef TDZ_GATEWAY_DESK_VITALS_H
#define TDZ_GATEWAY_DESK_VITALS_H

#include "gateway/core/config.h"
#include "gateway/core/payload.h"
#include "schemas/json.h"

enum {
    VITALS_ROLES_MAX = 96,
    VITALS_REASONS_MAX = 16,
    VITALS_STALE_MS = 6000, /* an older answer counts as none */
    VITALS_HEALTH_MAX = 8 * 1024,
    VITALS_METRICS_MAX = 512 * 1024,
};

struct vitals_role {
    struct span role;
    unsigned index;
    bool is_running;
    bool seccomp;
    int64_t restarts;
    int64_t landlock;
    struct span stats;
};

struct vitals_peer {
    char zone[64];
    bool is_seen;
    bool is_up;
    bool has_log;
    enum log_state log;
    uint64_t cosigned_size;
};

struct vitals {
    /* From the warden. */
    bool has_status;
    int64_t status_ms;
    uint8_t *status; /* the text doc points into */
    struct json_doc doc;
    struct vitals_role roles[VITALS_ROLES_MAX];
    size_t role_count;
    bool is_sandboxed;
    /* From ledger and link. */
    bool has_log;
    enum log_state log;
    uint64_t log_size;
    struct vitals_peer peers[CONFIG_PEERS_MAX];
    size_t peer_count;
    /* From clerk. */
    bool has_clerk;
    int64_t clerk_ms;
    bool clerk_well;
    bool counters_known;
    /* Once ready, the start is over. */
    bool was_ready;
    bool is_draining;
};

void vitals_init(struct vitals *v);
void vitals_finish(struct vitals *v);

/* The warden's STATUS (canonical JSON). ERR_SYNTAX and the like: not what the warden says; what was
 * known stays. ERR_FULL: more roles than VITALS_ROLES_MAX. ERR_NOMEM. */
MUST_USE enum err vitals_status(struct vitals *v, struct span json, int64_t now_ms);
/* Clerk's answer to QUERY_HEALTH; status 0: none came. */
void vitals_clerk(struct vitals *v, uint16_t status, struct span json, int64_t now_ms);
/* ERR_RANGE: no such state. */
MUST_USE enum err vitals_log(struct vitals *v, const struct p_ledger_state *p);
MUST_USE enum err vitals_log_peer(struct vitals *v, const struct p_ledger_peer *p);
MUST_USE enum err vitals_peer(struct vitals *v, const struct p_peer_state *p);
/* The role is gone: what it said counts no more. */
void vitals_lost(struct vitals *v, enum role_id role);

/* Whether the gateway can do its work now: every role runs, clerk answers, the log's state is known
 * and not quarantined. An unconfirmed log is work (pushes are answered 202). */
bool vitals_is_ready(struct vitals *v, int64_t now_ms);
/* The JSON of /healthz/ready into buf[VITALS_HEALTH_MAX]. ERR_FULL. */
MUST_USE enum err vitals_health(struct vitals *v, int64_t now_ms, char *buf, size_t cap,
                                struct span *ret);
/* Prometheus text (0.0.4). ERR_FULL. */
MUST_USE enum err vitals_metrics(struct vitals *v, int64_t now_ms, char *buf, size_t cap,
                                 struct span *ret);

#endif
