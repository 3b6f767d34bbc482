/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/desk/vitals.h"

#include <stdio.h>
#include <stdlib.h>

#include "schemas/canon.h"

enum { VITALS_TEXT_MAX = 256, VITALS_NUMBER_MAX = 1 << 30 };

static const char *const vitals_log_words[] = {"unconfirmed", "confirmed", "quarantined"};

void
vitals_init(struct vitals *v)
{
    memset(v, 0, sizeof(*v));
}

void
vitals_finish(struct vitals *v)
{
    json_free(&v->doc);
    free(v->status);
    memset(v, 0, sizeof(*v));
}

/* -- what is heard
 * -------------------------------------------------------------------------------*/

static enum err
vitals_read_role(const struct json_doc *doc, const struct json_node *node, struct vitals_role *ret)
{
    struct vitals_role r = {0};
    struct span phase;
    int64_t index = 0;
    if (node->type != JSON_OBJECT)
        return ERR_TYPE;
    TRY(json_need_str(doc, node, "role", VITALS_TEXT_MAX, &r.role, NULL));
    TRY(json_need_str(doc, node, "phase", VITALS_TEXT_MAX, &phase, NULL));
    TRY(json_need_str(doc, node, "stats", JSON_BYTES_MAX, &r.stats, NULL));
    TRY(json_need_int(doc, node, "index", 0, ROLE_INDEX_MAX, &index, NULL));
    TRY(json_need_int(doc, node, "landlock", 0, VITALS_NUMBER_MAX, &r.landlock, NULL));
    TRY(json_need_int(doc, node, "restarts", 0, JSON_INT_MAX, &r.restarts, NULL));
    TRY(json_need_bool(doc, node, "seccomp", &r.seccomp, NULL));
    r.index = (unsigned)index;
    r.is_running = span_eq_str(phase, "running");
    *ret = r;
    return ERR_OK;
}

static enum err
vitals_read_status(const struct json_doc *doc, struct vitals_role *roles, size_t *ret_count,
                   bool *ret_sandboxed)
{
    const struct json_node *list = NULL;
    size_t count = 0;
    if (doc->nodes[0].type != JSON_OBJECT)
        return ERR_TYPE;
    TRY(json_need(doc, &doc->nodes[0], "roles", JSON_ARRAY, &list, NULL));
    TRY(json_need_bool(doc, &doc->nodes[0], "sandbox", ret_sandboxed, NULL));
    for (const struct json_node *n = json_first(doc, list); n != NULL;
         n = json_next(doc, list, n)) {
        if (count == VITALS_ROLES_MAX)
            return ERR_FULL;
        TRY(vitals_read_role(doc, n, &roles[count]));
        count++;
    }
    *ret_count = count;
    return ERR_OK;
}

enum err
vitals_status(struct vitals *v, struct span json, int64_t now_ms)
{
    struct vitals_role roles[VITALS_ROLES_MAX];
    struct json_doc doc = {0};
    size_t count = 0;
    bool sandboxed = false;
    uint8_t *copy = malloc(json.len + 1);
    if (copy == NULL)
        return ERR_NOMEM;
    memcpy(copy, json.ptr, json.len);
    enum err err = json_load(&doc, span_of(copy, json.len), NULL);
    if (err == ERR_OK)
        err = vitals_read_status(&doc, roles, &count, &sandboxed);
    if (err != ERR_OK) {
        json_free(&doc);
        free(copy);
        return err;
    }
    json_free(&v->doc);
    free(v->status);
    v->doc = doc;
    v->status = copy;
    memcpy(v->roles, roles, sizeof(roles));
    v->role_count = count;
    v->is_sandboxed = sandboxed;
    v->has_status = true;
    v->status_ms = now_ms;
    return ERR_OK;
}

void
vitals_clerk(struct vitals *v, uint16_t status, struct span json, int64_t now_ms)
{
    struct json_doc doc = {0};
    bool unknown = false;
    v->has_clerk = true;
    v->clerk_ms = now_ms;
    v->clerk_well = status == 200;
    if (json.len == 0 || json_load(&doc, json, NULL) != ERR_OK)
        return;
    if (doc.nodes[0].type == JSON_OBJECT &&
        json_need_bool(&doc, &doc.nodes[0], "counters_unknown", &unknown, NULL) == ERR_OK)
        v->counters_known = !unknown;
    json_free(&doc);
}

enum err
vitals_log(struct vitals *v, const struct p_ledger_state *p)
{
    if (p->state > LOG_QUARANTINED)
        return ERR_RANGE;
    v->has_log = true;
    v->log = (enum log_state)p->state;
    v->log_size = p->size;
    return ERR_OK;
}

/* A zone's row; made when it is new. NULL: the name is none, or there are too many. */
static struct vitals_peer *
vitals_zone(struct vitals *v, struct span zone)
{
    for (size_t i = 0; i < v->peer_count; i++) {
        if (span_eq_str(zone, v->peers[i].zone))
            return &v->peers[i];
    }
    if (v->peer_count == CONFIG_PEERS_MAX || zone.len == 0 || zone.len >= sizeof(v->peers[0].zone))
        return NULL;
    for (size_t i = 0; i < zone.len; i++) {
        const uint8_t c = zone.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return NULL;
    }
    struct vitals_peer *peer = &v->peers[v->peer_count++];
    memset(peer, 0, sizeof(*peer));
    memcpy(peer->zone, zone.ptr, zone.len);
    return peer;
}

enum err
vitals_log_peer(struct vitals *v, const struct p_ledger_peer *p)
{
    struct vitals_peer *peer = vitals_zone(v, p->peer);
    if (peer == NULL || p->state > LOG_QUARANTINED)
        return ERR_RANGE;
    peer->has_log = true;
    peer->log = (enum log_state)p->state;
    peer->cosigned_size = p->cosigned_size;
    return ERR_OK;
}

enum err
vitals_peer(struct vitals *v, const struct p_peer_state *p)
{
    struct vitals_peer *peer = vitals_zone(v, p->peer);
    if (peer == NULL)
        return ERR_RANGE;
    peer->is_seen = true;
    peer->is_up = p->up != 0;
    return ERR_OK;
}

void
vitals_lost(struct vitals *v, enum role_id role)
{
    if (role == ROLE_LEDGER)
        v->has_log = false;
    if (role == ROLE_CLERK)
        v->has_clerk = false;
    for (size_t i = 0; role == ROLE_LINK && i < v->peer_count; i++)
        v->peers[i].is_up = false;
    for (size_t i = 0; role == ROLE_LEDGER && i < v->peer_count; i++)
        v->peers[i].has_log = false;
}

/* -- health
 * --------------------------------------------------------------------------------------*/

struct vitals_reasons {
    char text[VITALS_REASONS_MAX][96];
    size_t count;
};

static char *
vitals_reason(struct vitals_reasons *r)
{
    static char spare[96]; /* reasons beyond the list's end are not shown */
    return r->count < VITALS_REASONS_MAX ? r->text[r->count++] : spare;
}

static void
vitals_judge(const struct vitals *v, int64_t now_ms, struct vitals_reasons *r)
{
    r->count = 0;
    if (v->is_draining)
        (void)snprintf(vitals_reason(r), sizeof(r->text[0]), "the gateway is draining");
    if (!v->has_status || now_ms - v->status_ms > VITALS_STALE_MS)
        (void)snprintf(vitals_reason(r), sizeof(r->text[0]), "the warden does not answer");
    for (size_t i = 0; i < v->role_count; i++) {
        const struct vitals_role *role = &v->roles[i];
        if (!role->is_running)
            (void)snprintf(vitals_reason(r), sizeof(r->text[0]), "%.*s %u is not running",
                           (int)(role->role.len > 32 ? 32 : role->role.len),
                           (const char *)role->role.ptr, role->index);
    }
    if (!v->has_clerk || now_ms - v->clerk_ms > VITALS_STALE_MS)
        (void)snprintf(vitals_reason(r), sizeof(r->text[0]), "clerk does not answer");
    else if (!v->clerk_well)
        (void)snprintf(vitals_reason(r), sizeof(r->text[0]), "clerk cannot work: disk or database");
    if (!v->has_log)
        (void)snprintf(vitals_reason(r), sizeof(r->text[0]), "the state of the log is not known");
    else if (v->log == LOG_QUARANTINED)
        (void)snprintf(vitals_reason(r), sizeof(r->text[0]), "the log is quarantined");
}

bool
vitals_is_ready(struct vitals *v, int64_t now_ms)
{
    struct vitals_reasons reasons;
    vitals_judge(v, now_ms, &reasons);
    v->was_ready = v->was_ready || reasons.count == 0;
    return reasons.count == 0;
}

enum err
vitals_health(struct vitals *v, int64_t now_ms, char *buf, size_t cap, struct span *ret)
{
    struct vitals_reasons reasons;
    struct canon w;
    vitals_judge(v, now_ms, &reasons);
    canon_init(&w, buf, cap);
    canon_object(&w);
    canon_member_bool(&w, "counters_known", v->counters_known);
    canon_member_str(&w, "log", v->has_log ? vitals_log_words[v->log] : "unknown");
    canon_key(&w, "peers");
    canon_array(&w);
    for (size_t i = 0; i < v->peer_count; i++) {
        canon_object(&w);
        canon_member_bool(&w, "up", v->peers[i].is_up);
        canon_member_str(&w, "zone", v->peers[i].zone);
        canon_end(&w);
    }
    canon_end(&w);
    canon_member_bool(&w, "ready", reasons.count == 0);
    canon_key(&w, "reasons");
    canon_array(&w);
    for (size_t i = 0; i < reasons.count; i++)
        canon_str(&w, reasons.text[i]);
    canon_end(&w);
    canon_member_bool(&w, "sandbox", v->is_sandboxed);
    canon_end(&w);
    return canon_finish(&w, ret);
}
