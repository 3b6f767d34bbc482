/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/flow/flow_state.h"

#include <assert.h>

static const struct {
    const char *name;
    enum flow_shown shown;
} flow_state_rows[FLOW_STATE_COUNT] = {
#define FLOW_STATE(ID, name, shown, drive, logged, durable) {#name, FLOW_SHOWN_##shown},
#include "gateway/flow/flow.def"
#undef FLOW_STATE
};

static const char *const flow_state_words[FLOW_SHOWN_COUNT] = {
    [FLOW_SHOWN_RECEIVING] = "receiving", [FLOW_SHOWN_INSPECTING] = "inspecting",
    [FLOW_SHOWN_HELD] = "held",           [FLOW_SHOWN_FORWARDING] = "forwarding",
    [FLOW_SHOWN_HELD_AGAIN] = "held",     [FLOW_SHOWN_FAILED] = "failed",
    [FLOW_SHOWN_EXPIRED] = "expired",     [FLOW_SHOWN_DENIED] = "denied",
    [FLOW_SHOWN_SETTLED] = "settled",     [FLOW_SHOWN_DELIVERED] = "delivered",
};

const char *
flow_state_name(enum flow_state state)
{
    assert(state < FLOW_STATE_COUNT);
    return flow_state_rows[state].name;
}

enum err
flow_state_parse(struct span name, enum flow_state *ret)
{
    for (unsigned i = 0; i < FLOW_STATE_COUNT; i++) {
        if (span_eq_str(name, flow_state_rows[i].name)) {
            *ret = (enum flow_state)i;
            return ERR_OK;
        }
    }
    return ERR_NOT_FOUND;
}

enum flow_shown
flow_state_shown(enum flow_state state)
{
    assert(state < FLOW_STATE_COUNT);
    return flow_state_rows[state].shown;
}

const char *
flow_state_word(enum flow_shown shown)
{
    assert(shown < FLOW_SHOWN_COUNT);
    return flow_state_words[shown];
}

enum err
flow_state_word_parse(struct span word, enum flow_shown *ret)
{
    for (unsigned i = 0; i < FLOW_SHOWN_COUNT; i++) {
        if (span_eq_str(word, flow_state_words[i])) {
            *ret = (enum flow_shown)i;
            return ERR_OK;
        }
    }
    return ERR_NOT_FOUND;
}

enum flow_shown
flow_state_advance(enum flow_shown now, enum flow_state state)
{
    enum flow_shown next = flow_state_shown(state);
    if (next == FLOW_SHOWN_HELD && now == FLOW_SHOWN_FORWARDING)
        next = FLOW_SHOWN_HELD_AGAIN;
    if (flow_state_is_final(now))
        return now == FLOW_SHOWN_SETTLED && next == FLOW_SHOWN_DELIVERED ? next : now;
    return next > now ? next : now;
}

bool
flow_state_is_final(enum flow_shown shown)
{
    return shown >= FLOW_SHOWN_FAILED;
}
