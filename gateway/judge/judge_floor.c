/* SPDX-License-Identifier: Apache-2.0 */
/* POLICY_FLOOR: a judge that was started anew has no memory. What the log says was in force, or
 * scheduled, must be in its book, or be followed by something that is; else the files are older
 * than what was decided by before, and nothing is decided by them. From then on its own memory
 * counts (judge_book_succeeds). Spec: docs/adr/0009. */
#include <stdio.h>
#include <stdlib.h>

#include "gateway/judge/judge_inner.h"
#include "schemas/wire.h"

/* One document of the floor. ERR_SHORT, ERR_RANGE. */
static enum err
judge_floor_next(struct wire_reader *r, struct span *ret_id, uint8_t ret_sha256[static 32])
{
    wire_get_copy(r, ret_sha256, 32);
    const uint8_t len = wire_get_u8(r);
    *ret_id = wire_get_bytes(r, len);
    return r->err != ERR_OK ? r->err : len == 0 ? ERR_RANGE : ERR_OK;
}

static bool
judge_floor_has(const struct judge_book *book, const uint8_t sha256[static 32])
{
    for (size_t i = 0; i < book->reg.policy_count; i++) {
        const struct source *s = book->reg.policies[i];
        if (memcmp(s->sha256, sha256, 32) == 0 ||
            (s->has_previous && memcmp(s->previous, sha256, 32) == 0))
            return true;
    }
    return false;
}

enum err
judge_floor_check(const struct judge *j, const struct judge_book *book, struct fault *ret_fault)
{
    struct wire_reader r;
    struct span id;
    uint8_t sha256[32];
    wire_reader_init(&r, span_of(j->floor, j->floor_len));
    while (wire_left(&r) > 0) {
        TRY(judge_floor_next(&r, &id, sha256));
        if (judge_floor_has(book, sha256))
            continue;
        if (ret_fault != NULL) {
            *ret_fault = (struct fault){.code = ERR_DENIED, .line = 1, .column = 1};
            (void)snprintf(ret_fault->where, sizeof(ret_fault->where),
                           "%.*s: the log says that another revision was activated: a downgrade",
                           (int)id.len, (const char *)id.ptr);
        }
        return ERR_DENIED;
    }
    return ERR_OK;
}

enum err
judge_floor_handle(struct judge *j, const struct judge_in *in)
{
    struct p_policy_floor p;
    struct wire_reader r;
    struct span id;
    uint8_t sha256[32];
    TRY(payload_policy_floor_get(in->body, &p));
    wire_reader_init(&r, p.documents);
    while (wire_left(&r) > 0)
        TRY(judge_floor_next(&r, &id, sha256));
    if (j->floor_met)
        return ERR_OK; /* ledger was restarted; this judge remembers by itself */
    uint8_t *copy = malloc(p.documents.len + 1);
    if (copy == NULL)
        return ERR_NOMEM;
    if (p.documents.len > 0)
        memcpy(copy, p.documents.ptr, p.documents.len);
    free(j->floor);
    j->floor = copy;
    j->floor_len = p.documents.len;
    j->floor_told = true;
    j->floor_met = judge_floor_check(j, j->book, NULL) == ERR_OK;
    return ERR_OK;
}
