/* SPDX-License-Identifier: Apache-2.0 */
/* Follows all inputs through a table, one attribute after the other. Rules that can no longer
 * matter are forgotten at once, so that inputs which differ only in them meet in one state. */
#include <assert.h>
#include <stdlib.h>

#include "policy/explore_inner.h"
#include "schemas/canon.h"

/* What some inputs have in common. alive and fired are masks, of rows and of active duties. */
struct explore_state {
    uint32_t position;
    uint32_t denied; /* sides, as bits */
    uint32_t held;
    uint32_t covered; /* groups */
    uint64_t mask[];  /* alive, then fired */
};

struct explore_frame {
    struct explore_state *state;
    uint32_t *child; /* one a cell */
    uint32_t next;
};

struct explore_follow {
    const struct explore_table *t;
    struct explore_graph *g;
    size_t duty_words;
    size_t state_bytes;
    uint8_t *states; /* known ones: state, then its node */
    size_t state_count;
    size_t state_cap;
    uint32_t *state_heads;
    uint32_t *state_next;
    uint32_t *node_heads;
    uint32_t *node_next;
    size_t node_next_cap;
    struct explore_frame *frame;
    size_t depth;
    struct explore_state *work; /* the state at hand */
    uint64_t *live;
    struct obligation_set set[1];
    char text[64 << 10];
};

enum { EXPLORE_GRAPH_HEADS = 1 << 16 };
#define EXPLORE_GRAPH_NONE UINT32_MAX

static uint32_t
explore_hash(const void *bytes, size_t len)
{
    const uint32_t *words = bytes;
    uint64_t h = 1469598103934665603U;
    for (size_t i = 0; i < len / 4; i++)
        h = (h ^ words[i]) * 1099511628211U;
    return (uint32_t)(h ^ h >> 32) % EXPLORE_GRAPH_HEADS;
}

/* Room for one more of size bytes in a growing array. */
static enum err
explore_grow(void **array, size_t count, size_t *cap, size_t size, size_t add)
{
    if (*cap - count >= add)
        return ERR_OK;
    const size_t grown = 2 * *cap + add + 256;
    if (grown > EXPLORE_BYTES_MAX / size)
        return ERR_FULL;
    void *now = realloc(*array, grown * size);
    if (now == NULL)
        return ERR_NOMEM;
    *array = now;
    *cap = grown;
    return ERR_OK;
}

static enum err
explore_node_add(struct explore_follow *f, const struct explore_node *node, uint32_t *ret)
{
    struct explore_graph *g = f->g;
    void *nodes = g->nodes;
    TRY(explore_grow(&nodes, g->node_count, &g->node_cap, sizeof(*g->nodes), 1));
    g->nodes = nodes;
    void *next = f->node_next;
    TRY(explore_grow(&next, g->node_count, &f->node_next_cap, sizeof(*f->node_next), 1));
    f->node_next = next;
    *ret = (uint32_t)g->node_count;
    g->nodes[g->node_count++] = *node;
    return ERR_OK;
}

static enum err
explore_outcome_id(struct explore_graph *g, enum decide_verdict verdict, struct span text,
                   uint32_t *ret)
{
    for (uint32_t i = 0; i < g->outcome_count; i++) {
        if (g->outcomes[i].verdict == verdict && span_eq(g->outcomes[i].obligations, text)) {
            *ret = i;
            return ERR_OK;
        }
    }
    void *outcomes = g->outcomes;
    TRY(explore_grow(&outcomes, g->outcome_count, &g->outcome_cap, sizeof(*g->outcomes), 1));
    g->outcomes = outcomes;
    struct span copy = {0};
    if (text.len > 0)
        TRY(arena_text(&g->arena, text, &copy));
    *ret = (uint32_t)g->outcome_count;
    g->outcomes[g->outcome_count++] = (struct explore_outcome){verdict, copy};
    return ERR_OK;
}

/* What a side comes to when all that matters is known. *ret_clash: only its obligations deny. */
static enum err
explore_side(struct explore_follow *f, const struct explore_state *s, uint32_t side, uint32_t *ret,
             bool *ret_clash)
{
    const struct explore_table *t = f->t;
    struct canon w;
    struct span text = {0};
    *ret_clash = false;
    *ret = 0;
    if ((s->denied & side) != 0)
        return ERR_OK;
    obligation_set_init(f->set);
    for (size_t i = 0; i < t->active_count; i++) {
        const struct explore_active *a = &t->active[i];
        if ((s->mask[t->words + i / 64] >> (i % 64) & 1) == 0 || (a->sides & side) == 0)
            continue;
        for (size_t k = 0; k < a->from->rule->duty_count; k++)
            obligation_set_add(f->set, &a->from->rule->duties[k]);
    }
    obligation_set_close(f->set);
    if (f->set->conflict || f->set->unsupported) {
        *ret_clash = true;
        return ERR_OK;
    }
    canon_init(&w, f->text, sizeof(f->text));
    obligation_set_write(f->set, &w);
    TRY(canon_finish(&w, &text));
    return explore_outcome_id(f->g, (s->held & side) != 0 ? DECIDE_HOLD : DECIDE_ALLOW, text, ret);
}

/* The terminal node of a state that is settled. */
static enum err
explore_terminal(struct explore_follow *f, const struct explore_state *s, uint32_t *ret)
{
    struct explore_graph *g = f->g;
    const struct explore_problem *p = f->t->problem;
    struct explore_node node = {.is_terminal = true};
    bool clash = false;
    bool other = false;
    bool wanted = false;
    TRY(explore_side(f, s, 1, &node.a, &clash));
    if (p->question == EXPLORE_DIFFER)
        TRY(explore_side(f, s, 2, &node.b, &other));
    switch (p->question) {
    case EXPLORE_DIFFER:
        wanted = node.a != node.b;
        break;
    case EXPLORE_PASSES:
        wanted = node.a != 0;
        break;
    case EXPLORE_CLASHES:
        wanted = clash;
        break;
    }
    *ret = 0;
    if (!wanted)
        return ERR_OK;
    const uint32_t pair[2] = {node.a, node.b};
    const uint32_t head = explore_hash(pair, sizeof(pair));
    for (uint32_t i = f->node_heads[head]; i != EXPLORE_GRAPH_NONE; i = f->node_next[i]) {
        if (g->nodes[i].is_terminal && g->nodes[i].a == node.a && g->nodes[i].b == node.b) {
            *ret = i;
            return ERR_OK;
        }
    }
    TRY(explore_node_add(f, &node, ret));
    f->node_next[*ret] = f->node_heads[head];
    f->node_heads[head] = *ret;
    return ERR_OK;
}

static bool
explore_duty_has(const struct explore_active *a, struct span kind)
{
    for (size_t i = 0; i < a->from->rule->duty_count; i++)
        if (span_eq(a->from->rule->duties[i].kind, kind))
            return true;
    return false;
}

/* True if the rule can still change something. */
static bool
explore_matters(const struct explore_state *s, const struct explore_active *a, size_t index,
                size_t words)
{
    if ((a->sides & ~s->denied) == 0)
        return false;
    switch (a->from->role) {
    case EXPLORE_GRANT:
        return (a->groups & ~s->covered) != 0;
    case EXPLORE_BLOCK:
        return true;
    case EXPLORE_HOLD:
        return (a->sides & ~s->denied & ~s->held) != 0;
    case EXPLORE_DUTY:
        return (s->mask[words + index / 64] >> (index % 64) & 1) == 0;
    }
    return true;
}

static void
explore_fire(const struct explore_follow *f, struct explore_state *s,
             const struct explore_active *a, size_t index)
{
    const struct explore_problem *p = f->t->problem;
    switch (a->from->role) {
    case EXPLORE_GRANT:
        s->covered |= a->groups;
        return;
    case EXPLORE_BLOCK:
        s->denied |= a->sides;
        return;
    case EXPLORE_HOLD:
        s->held |= a->sides;
        return;
    case EXPLORE_DUTY:
        if (p->question == EXPLORE_PASSES && p->without.len > 0 && explore_duty_has(a, p->without))
            s->denied |= a->sides; /* it passes with the obligation: not what is asked */
        else
            s->mask[f->t->words + index / 64] |= UINT64_C(1) << (index % 64);
        return;
    }
}

/* Fires what is certain to fire. */
static void
explore_fire_all(const struct explore_follow *f, struct explore_state *s)
{
    const struct explore_table *t = f->t;
    const uint64_t *complete = t->complete[s->position];
    for (size_t i = 0; i < t->active_count; i++) {
        const struct explore_active *a = &t->active[i];
        bool fires = false;
        if (!explore_matters(s, a, i, t->words))
            continue;
        for (size_t k = 0; k < a->row_count && !fires; k++) {
            const uint32_t row = a->rows[k];
            fires = (s->mask[row / 64] & complete[row / 64]) >> (row % 64) & 1;
        }
        if (fires)
            explore_fire(f, s, a, i);
    }
}

/* Keeps the rows that rules which matter have alive, and denies a side that can no longer be
 * covered. Returns true when that changed what matters. */
static bool
explore_sweep(const struct explore_follow *f, struct explore_state *s)
{
    const struct explore_table *t = f->t;
    uint32_t possible = s->covered;
    const uint32_t before = s->denied;
    memset(f->live, 0, t->words * sizeof(uint64_t));
    for (size_t i = 0; i < t->active_count; i++) {
        const struct explore_active *a = &t->active[i];
        if (!explore_matters(s, a, i, t->words))
            continue;
        for (size_t k = 0; k < a->row_count; k++) {
            const uint32_t row = a->rows[k];
            const uint64_t bit = s->mask[row / 64] & UINT64_C(1) << (row % 64);
            f->live[row / 64] |= bit;
            if (bit != 0 && a->from->role == EXPLORE_GRANT)
                possible |= a->groups;
        }
    }
    for (uint32_t side = 0; side < 2; side++)
        if ((t->problem->need[side] & ~possible) != 0)
            s->denied |= 1U << side;
    memcpy(s->mask, f->live, t->words * sizeof(uint64_t));
    return s->denied != before;
}

/* Forgets what belongs to denied sides only. */
static void
explore_forget(const struct explore_follow *f, struct explore_state *s)
{
    const struct explore_table *t = f->t;
    uint32_t needed = 0;
    for (uint32_t side = 0; side < 2; side++)
        if ((s->denied >> side & 1) == 0)
            needed |= t->problem->need[side];
    s->covered &= needed;
    s->held &= ~s->denied;
    for (size_t i = 0; i < t->active_count; i++)
        if ((t->active[i].sides & ~s->denied) == 0)
            s->mask[t->words + i / 64] &= ~(UINT64_C(1) << (i % 64));
}

/* True if both sides stand alike and all that is open speaks for both: they end alike. */
static bool
explore_is_even(const struct explore_follow *f, const struct explore_state *s)
{
    const struct explore_table *t = f->t;
    if (t->problem->question != EXPLORE_DIFFER)
        return false;
    if ((s->denied & 1) != (s->denied >> 1 & 1) || (s->held & 1) != (s->held >> 1 & 1) ||
        (s->covered & 0xffff) != s->covered >> 16)
        return false;
    for (size_t i = 0; i < t->active_count; i++) {
        const struct explore_active *a = &t->active[i];
        const bool fired = (s->mask[t->words + i / 64] >> (i % 64) & 1) != 0;
        const bool groups = (a->groups & 0xffff) == a->groups >> 16;
        if ((a->sides != 3 || !groups) && (fired || explore_matters(s, a, i, t->words)))
            for (size_t k = 0; k < a->row_count; k++)
                if (fired || (s->mask[a->rows[k] / 64] >> (a->rows[k] % 64) & 1) != 0)
                    return false;
    }
    return true;
}

/* Brings a state into its one form. True with *ret_node when nothing is left to ask. */
static enum err
explore_settle(struct explore_follow *f, struct explore_state *s, bool *ret_done,
               uint32_t *ret_node)
{
    const struct explore_table *t = f->t;
    uint64_t open = 0;
    do
        explore_fire_all(f, s);
    while (explore_sweep(f, s));
    explore_forget(f, s);
    *ret_done = true;
    *ret_node = 0;
    if (s->denied == 3 || (s->denied == 1 && t->problem->question != EXPLORE_DIFFER) ||
        explore_is_even(f, s))
        return ERR_OK;
    for (; s->position < t->order_count; s->position++) {
        const uint64_t *touch = t->touch[t->order[s->position]];
        for (size_t w = 0; w < t->words; w++)
            open |= s->mask[w] & touch[w];
        if (open != 0)
            break;
    }
    if (open == 0)
        return explore_terminal(f, s, ret_node);
    *ret_done = false;
    return ERR_OK;
}

static uint8_t *
explore_state_at(const struct explore_follow *f, size_t index)
{
    return f->states + index * (f->state_bytes + 8);
}

/* The node of a state that was followed before; EXPLORE_GRAPH_NONE if it was not. */
static uint32_t
explore_state_find(const struct explore_follow *f, const struct explore_state *s)
{
    uint32_t i = f->state_heads[explore_hash(s, f->state_bytes)];
    for (; i != EXPLORE_GRAPH_NONE; i = f->state_next[i]) {
        const uint8_t *known = explore_state_at(f, i);
        uint32_t node = 0;
        if (memcmp(known, s, f->state_bytes) != 0)
            continue;
        memcpy(&node, known + f->state_bytes, sizeof(node));
        return node;
    }
    return EXPLORE_GRAPH_NONE;
}

static enum err
explore_state_add(struct explore_follow *f, const struct explore_state *s, uint32_t node)
{
    if (f->state_count == EXPLORE_STATES_MAX)
        return ERR_FULL;
    void *states = f->states;
    TRY(explore_grow(&states, f->state_count, &f->state_cap, f->state_bytes + 8, 1));
    f->states = states;
    uint8_t *at = explore_state_at(f, f->state_count);
    memcpy(at, s, f->state_bytes);
    memcpy(at + f->state_bytes, &node, sizeof(node));
    const uint32_t head = explore_hash(s, f->state_bytes);
    f->state_next[f->state_count] = f->state_heads[head];
    f->state_heads[head] = (uint32_t)f->state_count++;
    return ERR_OK;
}

static size_t
explore_cell_count(const struct explore_follow *f, const struct explore_state *s)
{
    return f->t->problem->cells->attrs[f->t->order[s->position]].cell_count;
}

/* The node of a state whose children are known: one of them when all are the same. */
static enum err
explore_reduce(struct explore_follow *f, const struct explore_frame *frame, uint32_t *ret)
{
    struct explore_graph *g = f->g;
    const size_t cells = explore_cell_count(f, frame->state);
    bool same = true;
    for (size_t i = 1; i < cells; i++)
        same = same && frame->child[i] == frame->child[0];
    if (same) {
        *ret = frame->child[0];
        return ERR_OK;
    }
    const uint32_t head =
        (explore_hash(frame->child, cells * 4) + frame->state->position) % EXPLORE_GRAPH_HEADS;
    uint32_t i = f->node_heads[head];
    for (; i != EXPLORE_GRAPH_NONE; i = f->node_next[i]) {
        const struct explore_node *n = &g->nodes[i];
        if (!n->is_terminal && n->position == frame->state->position &&
            memcmp(&g->children[n->child], frame->child, cells * 4) == 0) {
            *ret = i;
            return ERR_OK;
        }
    }
    void *children = g->children;
    TRY(explore_grow(&children, g->child_count, &g->child_cap, sizeof(uint32_t), cells));
    g->children = children;
    const struct explore_node node = {.position = frame->state->position,
                                      .child = (uint32_t)g->child_count};
    memcpy(&g->children[g->child_count], frame->child, cells * 4);
    g->child_count += cells;
    TRY(explore_node_add(f, &node, ret));
    f->node_next[*ret] = f->node_heads[head];
    f->node_heads[head] = *ret;
    return ERR_OK;
}

/* Opens the state at hand. */
static enum err
explore_push(struct explore_follow *f)
{
    const struct explore_table *t = f->t;
    assert(f->depth <= t->order_count);
    struct explore_frame *frame = &f->frame[f->depth];
    if (frame->state == NULL) {
        frame->state = malloc(f->state_bytes);
        frame->child = calloc(CELLS_PER_ATTR_MAX, sizeof(*frame->child));
        if (frame->state == NULL || frame->child == NULL)
            return ERR_NOMEM;
    }
    memcpy(frame->state, f->work, f->state_bytes);
    frame->next = 0;
    f->depth++;
    return ERR_OK;
}

/* Fixes the attribute of the innermost open state to its next cell, or closes it. */
static enum err
explore_step(struct explore_follow *f)
{
    const struct explore_table *t = f->t;
    struct explore_frame *frame = &f->frame[f->depth - 1];
    struct explore_state *s = f->work;
    bool done = false;
    uint32_t node = 0;
    if (frame->next == explore_cell_count(f, frame->state)) {
        TRY(explore_reduce(f, frame, &node));
        TRY(explore_state_add(f, frame->state, node));
        f->depth--;
        if (f->depth > 0)
            f->frame[f->depth - 1].child[f->frame[f->depth - 1].next - 1] = node;
        else
            f->g->root = node;
        return ERR_OK;
    }
    const uint64_t *dead =
        t->dead[t->order[frame->state->position]] + (size_t)frame->next * t->words;
    memcpy(s, frame->state, f->state_bytes);
    for (size_t w = 0; w < t->words; w++)
        s->mask[w] &= ~dead[w];
    s->position++;
    frame->next++;
    TRY(explore_settle(f, s, &done, &node));
    if (!done)
        node = explore_state_find(f, s);
    if (node == EXPLORE_GRAPH_NONE)
        return explore_push(f);
    frame->child[frame->next - 1] = node;
    return ERR_OK;
}

static enum err
explore_follow_all(struct explore_follow *f)
{
    struct explore_graph *g = f->g;
    const struct explore_node nothing = {.is_terminal = true};
    uint32_t zero = 0;
    bool done = false;
    memset(f->state_heads, 0xff, EXPLORE_GRAPH_HEADS * sizeof(uint32_t));
    memset(f->node_heads, 0xff, EXPLORE_GRAPH_HEADS * sizeof(uint32_t));
    TRY(explore_node_add(f, &nothing, &zero));
    TRY(explore_outcome_id(g, DECIDE_DENY, (struct span){0}, &zero));
    memset(f->work, 0, f->state_bytes);
    for (size_t row = 0; row < f->t->row_count; row++)
        f->work->mask[row / 64] |= UINT64_C(1) << (row % 64);
    TRY(explore_settle(f, f->work, &done, &g->root));
    if (done)
        return ERR_OK;
    TRY(explore_push(f));
    while (f->depth > 0)
        TRY(explore_step(f));
    return ERR_OK;
}

enum err
explore_graph_make(struct explore_graph *g, const struct explore_table *t)
{
    struct explore_follow *f = calloc(1, sizeof(*f));
    enum err err = ERR_NOMEM;
    *g = (struct explore_graph){0};
    arena_init(&g->arena);
    if (f == NULL)
        return ERR_NOMEM;
    f->t = t;
    f->g = g;
    f->duty_words = (t->active_count + 63) / 64;
    f->state_bytes = sizeof(struct explore_state) + (t->words + f->duty_words) * sizeof(uint64_t);
    f->work = calloc(1, f->state_bytes);
    f->live = calloc(t->words + 1, sizeof(uint64_t));
    f->frame = calloc(t->order_count + 1, sizeof(*f->frame));
    f->state_heads = calloc(EXPLORE_GRAPH_HEADS, sizeof(uint32_t));
    f->state_next = calloc(EXPLORE_STATES_MAX, sizeof(uint32_t));
    f->node_heads = calloc(EXPLORE_GRAPH_HEADS, sizeof(uint32_t));
    if (f->work != NULL && f->live != NULL && f->frame != NULL && f->state_heads != NULL &&
        f->state_next != NULL && f->node_heads != NULL)
        err = explore_follow_all(f);
    for (size_t i = 0; f->frame != NULL && i <= t->order_count; i++) {
        free(f->frame[i].state);
        free(f->frame[i].child);
    }
    free(f->frame);
    free(f->work);
    free(f->live);
    free(f->states);
    free(f->state_heads);
    free(f->state_next);
    free(f->node_heads);
    free(f->node_next);
    free(f);
    if (err != ERR_OK)
        explore_graph_finish(g);
    return err;
}

void
explore_graph_finish(struct explore_graph *g)
{
    free(g->nodes);
    free(g->children);
    free(g->outcomes);
    arena_finish(&g->arena);
    *g = (struct explore_graph){0};
}
