/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/warden/warden_violation.h"

#include "gateway/warden/warden_child.h"
#include "schemas/wire.h"

/* The shared roles: a role that talks to the outside cannot have them ended by its word. */
enum { WARDEN_TRUSTED = ROLES(KEEPER) | ROLES(LEDGER) | ROLES(JUDGE) | ROLES(CLERK) };

/* The accused is ended, unless it is a shared role accused by an exposed one: then either the
 * accuser lies or both are confused, and the one whose loss costs less is replaced. */
static void
warden_violation_judge(struct warden_child *accuser, struct warden_child *accused, enum err why,
                       uint32_t type)
{
    const bool shields = (WARDEN_TRUSTED & ROLE_BIT(accused->role)) != 0 &&
                         (WARDEN_TRUSTED & ROLE_BIT(accuser->role)) == 0;
    struct warden_child *ended = shields ? accuser : accused;
    OPLOG(&accuser->warden->log, EVENT_ROLE_VIOLATION, OPLOG_STR("child", role_name(ended->role)),
          OPLOG_INT("child_index", ended->index), OPLOG_STR("accuser", role_name(accuser->role)),
          OPLOG_STR("accused", role_name(accused->role)), OPLOG_ERR(why), OPLOG_INT("type", type));
    warden_child_kill(ended);
}

void
warden_violation_tick(struct warden_child *child, int64_t now_ms)
{
    struct warden_child *by = child->lost_by;
    if (by == NULL || now_ms - child->lost_ms < WARDEN_LOST_MS)
        return;
    child->lost_by = NULL;
    const bool same = by->pid == child->lost_pid &&
                      (child->generation[0][by->role][by->index] == child->lost_generation ||
                       child->generation[1][by->role][by->index] == child->lost_generation);
    if (same && !child->warden->stopping && !by->replacing)
        warden_violation_judge(child, by, ERR_CLOSED, 0);
}

/* VIOLATION: u8 role, u8 index, u32 generation, u16 -err, u16 type. */
enum err
warden_violation_heard(struct warden_child *child, const struct msg *m)
{
    struct warden *w = child->warden;
    struct wire_reader r;
    enum role_id role = ROLE_WARDEN;
    wire_reader_init(&r, m->body);
    const uint8_t role_byte = wire_get_u8(&r);
    const uint8_t index = wire_get_u8(&r);
    const uint32_t generation = wire_get_u32(&r);
    const uint16_t why = wire_get_u16(&r);
    const uint16_t type = wire_get_u16(&r);
    TRY(wire_reader_finish(&r));
    TRY(role_from_u8(role_byte, &role));
    if (index >= ROLE_INDEX_MAX || w->children[role][index] == NULL)
        return ERR_PROTOCOL;
    struct warden_child *accused = w->children[role][index];
    const bool is_now = child->generation[0][role][index] == generation ||
                        child->generation[1][role][index] == generation;
    /* Of a process that is gone already: that is what a lost channel usually means. */
    if (!is_now || accused->pid == 0 || generation == 0)
        return ERR_OK;
    /* Nearly always its process is ending, and closes its descriptors before it can be waited for:
     * judged later, if it still lives then. */
    if (why == (uint16_t)-ERR_CLOSED) {
        child->lost_by = accused;
        child->lost_pid = accused->pid;
        child->lost_generation = generation;
        child->lost_ms = clock_mono_ms();
        return ERR_OK;
    }
    warden_violation_judge(child, accused, (enum err) - (int)why, type);
    return ERR_OK;
}
