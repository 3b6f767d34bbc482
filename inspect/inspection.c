/* SPDX-License-Identifier: Apache-2.0 */
#include "inspect/inspection.h"

#include <assert.h>
#include <stdlib.h>

#include "crypto/blind.h"
#include "crypto/key.h"
#include "inspect/bytemask.h"
#include "inspect/inner.h"

/* Columns that exist from the start; more come as they appear. */
enum { INSPECTION_COLUMNS_FIRST = 16 };

/* Room for what only some streams need, never cleared and so never resident before it is used. */
struct inspection_room {
    uint16_t normal_map[INNER_WINDOW + 1];
    uint8_t normal[INNER_WINDOW];
    uint8_t window[INNER_WINDOW];
    uint8_t spill[INNER_SPILL];
};

enum err
inspection_new(size_t persons_max, struct inspection **ret)
{
    struct inspection *i = calloc(1, sizeof(*i));
    struct inspection_room *room = malloc(sizeof(*room));
    enum err err = i == NULL || room == NULL ? ERR_NOMEM : persons_new(persons_max, &i->persons);
    if (err != ERR_OK) {
        free(room);
        free(i);
        return err;
    }
    i->room = room;
    *ret = i;
    return ERR_OK;
}

/* Wipes what may hold data and gives back what grew. */
static void
inspection_clear(struct inspection *i)
{
    key_wipe(i->room->window, i->window_top);
    key_wipe(i->room->normal, i->normal_top);
    key_wipe(i->room->spill, i->spill_top);
    if (i->head != NULL)
        key_wipe(i->head, i->head_len);
    free(i->head);
    free(i->columns);
    free(i->findings_columns);
    struct persons *persons = i->persons;
    struct inspection_room *room = i->room;
    persons_reset(persons);
    key_wipe(i, sizeof(*i));
    i->persons = persons;
    i->room = room;
    i->window = room->window;
    i->normal = room->normal;
    i->normal_map = room->normal_map;
    i->spill = room->spill;
}

void
inspection_free(struct inspection *i)
{
    if (i == NULL)
        return;
    inspection_clear(i);
    persons_free(i->persons);
    free(i->room);
    free(i);
}

bool
inspection_reserve(struct inspection *i, size_t column)
{
    if (column < i->column_room)
        return true;
    size_t room = i->column_room == 0 ? INSPECTION_COLUMNS_FIRST : i->column_room;
    while (room <= column)
        room *= 2;
    if (room > INSPECTION_COLUMNS_MAX)
        room = INSPECTION_COLUMNS_MAX + 1;
    assert(column < room);
    struct inner_column *columns = realloc(i->columns, room * sizeof(*columns));
    if (columns == NULL) {
        i->failed = ERR_NOMEM;
        return false;
    }
    memset(columns + i->column_room, 0, (room - i->column_room) * sizeof(*columns));
    for (size_t c = i->column_room; c < room; c++)
        columns[c].field = FIELDSET_MAX;
    i->columns = columns;
    i->column_room = room;
    return true;
}

/* True if any field has an action. */
static bool
inspection_acts(const struct inspection_config *config, enum transform only)
{
    if (config->fields == NULL || config->actions == NULL)
        return false;
    for (size_t f = 0; f < config->fields->field_count; f++)
        if (config->actions[f] != TRANSFORM_NONE &&
            (only == TRANSFORM_NONE || config->actions[f] == (uint8_t)only))
            return true;
    return false;
}

enum err
inspection_start(struct inspection *i, const struct inspection_config *config)
{
    const bool performs = config->stage == INSPECTION_IN && inspection_acts(config, TRANSFORM_NONE);
    const bool tokens = performs && inspection_acts(config, TRANSFORM_TOKENISE);
    if (config->counting_key == NULL || (tokens && config->token_key == NULL))
        return ERR_MISSING;
    inspection_clear(i);
    if (!inspection_reserve(i, 0))
        return ERR_NOMEM;
    i->config = *config;
    memcpy(i->counting_key, config->counting_key, sizeof(i->counting_key));
    if (tokens)
        memcpy(i->token_key, config->token_key, sizeof(i->token_key));
    i->config.counting_key = NULL;
    i->config.token_key = NULL;
    i->mode = INNER_HEAD;
    i->identity = !performs;
    blind_begin(i->counting_key, &i->blind);
    persons_seed(i->persons, blind_u64(i->counting_key, INNER_SEED_DOMAIN, span_of("", 0)));
    return ERR_OK;
}

bool
inspection_is_identity(const struct inspection *i)
{
    return i->identity;
}

/* The head is full or all there is: decides how the stream is read. */
static void
inspection_decide(struct inspection *i, bool is_all)
{
    const struct fieldset *fields = i->config.fields;
    const bool want_table = (fields != NULL && fields->format == FIELDSET_CSV) || !i->identity;
    struct span cells[SNIFF_CELLS_MAX];
    sniff_head(span_of(i->head, i->head_len), is_all, want_table, cells, &i->sniff);
    switch (i->sniff.kind) {
    case SNIFF_TABLE:
        i->mode = INNER_TABLE;
        i->head_at = i->sniff.bom;
        i->offset = i->sniff.bom;
        emit_bytes(i, span_of(i->head, i->sniff.bom));
        table_start(i);
        i->sniff.cells = NULL;
        return;
    case SNIFF_TEXT:
        i->mode = INNER_TEXT;
        cell_start(i, 0);
        return;
    case SNIFF_OPAQUE:
        i->mode = i->sniff.is_readable ? INNER_TEXT : INNER_BINARY;
        if (i->mode == INNER_TEXT)
            cell_start(i, 0);
        return;
    }
}

static size_t
inspection_text(struct inspection *i, struct span in)
{
    i->rows += bytemask_lines(bytemask_best(), in);
    if (in.len > 0)
        i->row_filled = in.ptr[in.len - 1] != '\n';
    cell_piece(i, in, i->offset);
    i->offset += in.len;
    emit_bytes(i, in);
    return in.len;
}

/* Parses from the front of in; returns how much. */
static size_t
inspection_run(struct inspection *i, struct span in)
{
    if (!i->identity && in.len > INNER_SLICE)
        in.len = INNER_SLICE;
    switch (i->mode) {
    case INNER_TABLE:
        return table_run(i, in);
    case INNER_TEXT:
        return inspection_text(i, in);
    case INNER_BINARY:
        emit_bytes(i, in);
        return in.len;
    case INNER_IDLE:
    case INNER_HEAD:
    case INNER_DONE:
        break;
    }
    assert(false);
    return 0;
}

/* The head exists only while it is filled and parsed: most streams that are open are past it. */
static bool
inspection_head(struct inspection *i)
{
    if (i->head == NULL)
        i->head = malloc(SNIFF_HEAD_BYTES);
    if (i->head == NULL)
        i->failed = ERR_NOMEM;
    return i->head != NULL;
}

static void
inspection_head_end(struct inspection *i)
{
    key_wipe(i->head, i->head_len);
    free(i->head);
    i->head = NULL;
    i->head_len = 0;
    i->head_at = 0;
}

/* Takes up to in.len bytes into the head, or runs the head, or runs in; false when nothing more can
 * be done now. */
static bool
inspection_step(struct inspection *i, struct span in, size_t *used)
{
    if (!emit_drain(i) || i->failed != ERR_OK)
        return false;
    const struct span rest = span_from(in, *used);
    size_t take = 0;
    if (i->mode == INNER_HEAD) {
        const size_t room = SNIFF_HEAD_BYTES - i->head_len;
        take = rest.len < room ? rest.len : room;
        if (!inspection_head(i))
            return false;
        if (take > 0)
            memcpy(i->head + i->head_len, rest.ptr, take);
        i->head_len += take;
        if (i->head_len == SNIFF_HEAD_BYTES)
            inspection_decide(i, false);
    } else if (i->head_at < i->head_len) {
        i->head_at += inspection_run(i, span_of(i->head + i->head_at, i->head_len - i->head_at));
        if (i->head_at == i->head_len)
            inspection_head_end(i);
        return true;
    } else if (rest.len > 0) {
        take = inspection_run(i, rest);
    }
    if (i->mode != INNER_BINARY)
        normal_utf8_feed(&i->utf8, span_of(rest.ptr, take));
    i->bytes += take;
    *used += take;
    return take > 0;
}

static void
inspection_output(struct inspection *i, uint8_t *out, size_t cap)
{
    i->out = out;
    i->out_cap = cap;
    i->out_len = 0;
}

enum err
inspection_feed(struct inspection *i, struct span in, size_t *ret_used, uint8_t *out, size_t cap,
                size_t *ret_len)
{
    size_t used = 0;
    if (i->mode == INNER_IDLE || i->mode == INNER_DONE || i->finishing)
        return ERR_STATE;
    struct span now = in;
    if (i->identity && out != NULL && now.len > cap)
        now.len = cap;
    inspection_output(i, out, cap);
    while (inspection_step(i, now, &used))
        continue;
    if (i->failed != ERR_OK)
        return i->failed;
    if (i->identity && out != NULL && used > 0)
        memcpy(out, in.ptr, used);
    *ret_used = used;
    *ret_len = i->identity ? (out != NULL ? used : 0) : i->out_len;
    i->out = NULL;
    return used < in.len || i->spill_len > 0 ? ERR_AGAIN : ERR_OK;
}

/* The input is complete and parsed: closes the open field and record. */
static void
inspection_close(struct inspection *i)
{
    struct span cell;
    bool whole = false;
    if (i->mode == INNER_TABLE)
        table_finish(i);
    if (i->mode == INNER_TEXT) {
        i->rows += i->row_filled ? 1 : 0; /* a last line without its end */
        cell_end(i, span_of("", 0), i->offset, false, &cell, &whole);
    }
    normal_utf8_finish(&i->utf8);
    cell_mail_flush(i);
    if (persons_failed(i->persons))
        i->failed = ERR_NOMEM;
    if (i->failed == ERR_OK)
        conclude_findings(i);
    i->mode = INNER_DONE;
}

enum err
inspection_finish(struct inspection *i, uint8_t *out, size_t cap, size_t *ret_len)
{
    size_t used = 0;
    if (i->mode == INNER_IDLE)
        return ERR_STATE;
    inspection_output(i, out, cap);
    i->finishing = true;
    if (i->mode == INNER_HEAD && inspection_head(i))
        inspection_decide(i, true);
    while (i->mode != INNER_DONE && i->failed == ERR_OK) {
        while (inspection_step(i, span_of("", 0), &used))
            continue;
        if (i->spill_len > 0 || i->failed != ERR_OK || i->head_at < i->head_len)
            break;
        inspection_close(i);
    }
    (void)emit_drain(i);
    *ret_len = i->out_len;
    i->out = NULL;
    if (i->failed != ERR_OK)
        return i->failed;
    return i->mode != INNER_DONE || i->spill_len > 0 ? ERR_AGAIN : ERR_OK;
}
