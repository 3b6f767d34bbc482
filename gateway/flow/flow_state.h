/* SPDX-License-Identifier: Apache-2.0 */
/* The durable states of a transfer (flow.def) and what the outside sees of them. */
#ifndef TDZ_GATEWAY_FLOW_FLOW_STATE_H
#define TDZ_GATEWAY_FLOW_FLOW_STATE_H

#include "schemas/error.h"
#include "schemas/span.h"

enum flow_state {
#define FLOW_STATE(ID, name, shown, drive, logged, durable) FLOW_##ID,
#include "gateway/flow/flow.def"
#undef FLOW_STATE
    FLOW_STATE_COUNT
};

/* Public states, in the order in which a transfer may show them: the number only grows. HELD_AGAIN
 * is shown as "held": the importer, or a second decision, held what was forwarding. */
enum flow_shown {
    FLOW_SHOWN_RECEIVING,
    FLOW_SHOWN_INSPECTING,
    FLOW_SHOWN_HELD,
    FLOW_SHOWN_FORWARDING,
    FLOW_SHOWN_HELD_AGAIN,
    FLOW_SHOWN_FAILED,
    FLOW_SHOWN_EXPIRED,
    FLOW_SHOWN_DENIED,
    FLOW_SHOWN_SETTLED,
    FLOW_SHOWN_DELIVERED,
    FLOW_SHOWN_COUNT
};

/* "x1"; static text. */
const char *flow_state_name(enum flow_state state);
/* ERR_NOT_FOUND: a name of another version of the program. */
MUST_USE enum err flow_state_parse(struct span name, enum flow_state *ret);
/* What state shows on entry. */
enum flow_shown flow_state_shown(enum flow_state state);
/* The word of http-api.md; static text. */
const char *flow_state_word(enum flow_shown shown);
/* ERR_NOT_FOUND. The first of two with the same word. */
MUST_USE enum err flow_state_word_parse(struct span word, enum flow_shown *ret);
/* What a row that shows `now` shows after it entered state: never back, and a final one never
 * changes but from settled to delivered. */
enum flow_shown flow_state_advance(enum flow_shown now, enum flow_state state);
/* True when shown is final (settled, delivered, denied, failed, expired). */
bool flow_state_is_final(enum flow_shown shown);

#endif
