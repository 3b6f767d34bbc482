/* SPDX-License-Identifier: Apache-2.0 */
/* The records of a table: which field belongs to which declared column, and which bytes leave. */
#include <assert.h>

#include "inspect/hotword.h"
#include "inspect/inner.h"

/* The action to perform on the cells of a column now. */
static enum transform
table_action(const struct inspection *i, size_t column_number)
{
    if (!emit_is_wanted(i) || i->in_header || column_number >= i->column_room ||
        column_number >= INSPECTION_COLUMNS_MAX)
        return TRANSFORM_NONE;
    return (enum transform)i->columns[column_number].action;
}

/* Dropping a column drops its header as well: the one action that touches the first row. */
static bool
table_is_dropped(const struct inspection *i, size_t column_number)
{
    return emit_is_wanted(i) && column_number < INSPECTION_COLUMNS_MAX &&
           column_number < i->column_room && i->columns[column_number].action == TRANSFORM_DROP;
}

static void
table_bind(struct inspection *i, size_t column, size_t field)
{
    struct inner_column *c = &i->columns[column];
    const struct fieldset *fields = i->config.fields;
    c->field = (uint16_t)field;
    if (field == FIELDSET_MAX)
        return;
    if (i->config.actions != NULL)
        c->action = i->config.actions[field];
    const uint32_t labels = label_close(LABEL_BIT(fields->fields[field].label));
    c->is_personal = (labels & LABEL_BIT(LABEL_PERSONAL)) != 0;
}

/* Without a header the columns are those declared, in their order, when their number is the same;
 * what was dropped from the sender's form is not there. */
static void
table_bind_by_place(struct inspection *i)
{
    const struct fieldset *fields = i->config.fields;
    size_t present = 0;
    const bool is_out = i->config.stage == INSPECTION_OUT && i->config.actions != NULL;
    for (size_t f = 0; f < fields->field_count; f++)
        present += is_out && i->config.actions[f] == TRANSFORM_DROP ? 0 : 1;
    if (present != i->sniff.cell_count)
        return;
    size_t column = 0;
    for (size_t f = 0; f < fields->field_count; f++)
        if (!is_out || i->config.actions[f] != TRANSFORM_DROP)
            table_bind(i, column++, f);
}

void
table_start(struct inspection *i)
{
    const struct fieldset *fields = i->config.fields;
    const struct sniff *s = &i->sniff;
    bool declared = false;
    csvread_init(&i->csv, s->delimiter, s->has_quotes);
    for (size_t k = 0; fields != NULL && k < s->cell_count; k++)
        declared = declared || fieldset_find(fields, s->cells[k]) != FIELDSET_MAX;
    i->headed = declared || s->looks_headed;
    i->in_header = i->headed;
    i->column_number = 0;
    if (!inspection_reserve(i, s->cell_count > 0 ? s->cell_count - 1 : 0))
        return;
    for (size_t k = 0; i->headed && k < s->cell_count; k++) {
        i->columns[k].words = hotword_find(s->cells[k]);
        i->columns[k].is_named = s->cells[k].len > 0;
        if (fields != NULL)
            table_bind(i, k, fieldset_find(fields, s->cells[k]));
    }
    if (fields != NULL && !i->headed && s->cell_count > 0)
        table_bind_by_place(i);
    if (s->is_cut)
        i->reasons |= 1U << FINDINGS_HEADER_TOO_LONG;
}

/* Ends the field at the event. True if its terminator leaves. */
static bool
table_field(struct inspection *i, const struct csvread_event *event, uint64_t offset)
{
    struct span cell;
    bool whole = false;
    const size_t number = i->column_number;
    cell_end(i, event->piece, offset, event->quoted, &cell, &whole);
    i->row_filled = i->row_filled || event->quoted;
    if (i->suppressed && !(i->in_header && table_is_dropped(i, number)))
        emit_cell(i, &i->columns[i->column], cell, whole, event->quoted);
    i->suppressed = false;
    i->row_has_field = i->row_has_field || !table_is_dropped(i, number);
    if (!event->ends_record) {
        i->column_number = number + 1;
        return i->row_has_field && !table_is_dropped(i, number + 1);
    }
    if (number > 0 || i->row_filled)
        cell_row_end(i);
    i->column_number = 0;
    i->row_has_field = false;
    return true;
}

size_t
table_run(struct inspection *i, struct span in)
{
    struct csvread_event event;
    struct tablefast look;
    size_t at = 0;
    size_t leaves = 0; /* in[leaves..] has not left yet */
    look.in = span_of(in.ptr, 0);
    while (at < in.len && i->spill_len == 0 && i->failed == ERR_OK) {
        if (csvread_at_start(&i->csv)) {
            if (i->csv.after_cr && in.ptr[at] == '\n')
                at++;
            i->csv.after_cr = false;
            if (at == in.len)
                break;
            if (i->identity && !i->in_header) {
                const size_t before = at;
                at = tablefast_run(i, &look, in, at);
                if (at > before)
                    continue;
            }
            cell_start(i, i->column_number);
            i->suppressed = table_action(i, i->column_number) != TRANSFORM_NONE ||
                            table_is_dropped(i, i->column_number);
            if (i->suppressed)
                emit_bytes(i, span_of(in.ptr + leaves, at - leaves));
        }
        const bool after_quote = i->csv.state == CSVREAD_QUOTE;
        const size_t before = at;
        if (!csvread_next(&i->csv, in, &at, &event))
            break;
        /* A piece that begins with the quote that ended the input before lies one byte back. */
        const uint8_t *from = event.piece.ptr;
        const bool inside = from >= in.ptr && from <= in.ptr + in.len;
        const uint64_t offset = inside ? i->offset + (uint64_t)(from - in.ptr)
                                       : i->offset + before - (after_quote ? 1U : 0U);
        if (event.kind == CSVREAD_PIECE) {
            cell_piece(i, event.piece, offset);
            continue;
        }
        const bool was_suppressed = i->suppressed;
        const bool terminator = table_field(i, &event, offset);
        if (was_suppressed)
            leaves = at - 1;
        if (!terminator) {
            emit_bytes(i, span_of(in.ptr + leaves, at - 1 - leaves));
            leaves = at;
        }
    }
    if (!i->suppressed)
        emit_bytes(i, span_of(in.ptr + leaves, at - leaves));
    i->offset += at;
    return at;
}

void
table_finish(struct inspection *i)
{
    struct csvread_event event;
    const bool at_start = csvread_at_start(&i->csv);
    if (!csvread_finish(&i->csv, &event))
        return;
    if (at_start) {
        cell_start(i, i->column_number);
        i->suppressed = table_action(i, i->column_number) != TRANSFORM_NONE;
    }
    (void)table_field(i, &event, i->offset);
}
