/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/core/oplog.h"

#include <assert.h>
#include <stdio.h>
#include <unistd.h>

#include "gateway/core/clock.h"
#include "schemas/text.h"

static const struct {
    const char *name;
    enum oplog_level level;
    const char *text;
} oplog_events[EVENT_COUNT] = {
#define EVENT(NAME, level, text) {#NAME, (level), (text)},
#include "gateway/core/event.def"
#undef EVENT
};

static const char *const oplog_levels[] = {"debug", "info", "warn", "error"};

/* Text being built; once full, later pieces are dropped whole. */
struct oplog_line {
    char *buf;
    size_t cap;
    size_t len;
};

void
oplog_init(struct oplog *log, int fd, enum role_id role, unsigned index)
{
    memset(log, 0, sizeof(*log));
    log->fd = fd;
    log->role = role;
    log->index = index;
    log->level_min = OPLOG_INFO;
}

const char *
oplog_event_name(enum event_id event)
{
    assert(event < EVENT_COUNT);
    return oplog_events[event].name;
}

static bool
oplog_put(struct oplog_line *line, struct span piece)
{
    if (piece.len > line->cap - line->len)
        return false;
    if (piece.len > 0)
        memcpy(line->buf + line->len, piece.ptr, piece.len);
    line->len += piece.len;
    return true;
}

/* One byte of peer-given text as JSON: controls, quotes, backslashes and everything beyond ASCII
 * are escaped, so that a terminal or a log reader never sees them raw. */
static bool
oplog_put_byte(struct oplog_line *line, uint8_t byte)
{
    char escaped[8];
    if (byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\')
        return oplog_put(line, span_of(&byte, 1));
    const int n = snprintf(escaped, sizeof(escaped), "\\u%04x", byte);
    return oplog_put(line, span_of(escaped, (size_t)n));
}

static bool
oplog_put_text(struct oplog_line *line, struct span text)
{
    const size_t shown = text.len > OPLOG_TEXT_MAX ? OPLOG_TEXT_MAX : text.len;
    bool fits = oplog_put(line, SPAN_LIT("\""));
    for (size_t i = 0; i < shown; i++)
        fits = fits && oplog_put_byte(line, text.ptr[i]);
    if (shown < text.len)
        fits = fits && oplog_put(line, SPAN_LIT("..."));
    return fits && oplog_put(line, SPAN_LIT("\""));
}

static bool
oplog_put_hex(struct oplog_line *line, struct span bytes)
{
    char hex[2 * 64 + 1];
    if (text_hex(bytes, hex, sizeof(hex)) != ERR_OK)
        return false;
    return oplog_put(line, SPAN_LIT("\"")) && oplog_put(line, span_str(hex)) &&
           oplog_put(line, SPAN_LIT("\""));
}

static bool
oplog_put_field(struct oplog_line *line, const struct oplog_field *field)
{
    char number[24];
    bool fits = oplog_put(line, SPAN_LIT(",\"")) && oplog_put(line, span_str(field->key)) &&
                oplog_put(line, SPAN_LIT("\":"));
    if (!fits)
        return false;
    switch (field->kind) {
    case OPLOG_F_INT:
        (void)snprintf(number, sizeof(number), "%lld", (long long)field->number);
        return oplog_put(line, span_str(number));
    case OPLOG_F_TEXT:
        return oplog_put_text(line, field->bytes);
    case OPLOG_F_HEX:
        return oplog_put_hex(line, field->bytes);
    }
    return false;
}

/* Event names are shown as they are searched for: lower case with dashes. */
static void
oplog_put_event(struct oplog_line *line, enum event_id event)
{
    for (const char *c = oplog_events[event].name; *c != '\0'; c++) {
        const char shown = *c == '_' ? '-' : (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
        (void)oplog_put(line, span_of(&shown, 1));
    }
}

size_t
oplog_format(const struct oplog *log, enum event_id event, const struct oplog_field *fields,
             size_t field_count, int64_t wall_ms, char out[static OPLOG_LINE_MAX])
{
    assert(event < EVENT_COUNT);
    char time[25] = "1970-01-01T00:00:00.000Z";
    if (text_time_ms(wall_ms, time) != ERR_OK)
        time[0] = '?';
    struct oplog_line line = {.buf = out, .cap = OPLOG_LINE_MAX - 3, .len = 0};
    const int n =
        snprintf(out, line.cap,
                 "{\"time\":\"%s\",\"level\":\"%s\",\"role\":\"%s\","
                 "\"index\":%u,\"event\":\"",
                 time, oplog_levels[oplog_events[event].level], role_name(log->role), log->index);
    assert(n > 0 && (size_t)n < line.cap);
    line.len = (size_t)n;
    oplog_put_event(&line, event);
    (void)oplog_put(&line, SPAN_LIT("\",\"text\":\""));
    (void)oplog_put(&line, span_str(oplog_events[event].text));
    (void)oplog_put(&line, SPAN_LIT("\""));
    for (size_t i = 0; i < field_count && i < OPLOG_FIELDS_MAX; i++) {
        const size_t before = line.len;
        if (!oplog_put_field(&line, &fields[i]))
            line.len = before; /* a field is there whole or not at all */
    }
    out[line.len++] = '}';
    out[line.len++] = '\n';
    return line.len;
}

/* True if a line of event may be written now; *ret_suppressed lines were kept back before it. */
static bool
oplog_admit(struct oplog *log, enum event_id event, int64_t now_ms, uint32_t *ret_suppressed)
{
    struct oplog_limit *limit = &log->limits[event];
    *ret_suppressed = 0;
    if (limit->lines == 0 || now_ms - limit->window_ms >= OPLOG_WINDOW_MS) {
        *ret_suppressed = limit->suppressed;
        *limit = (struct oplog_limit){.window_ms = now_ms, .lines = 0, .suppressed = 0};
    }
    if (limit->lines >= OPLOG_BURST) {
        limit->suppressed++;
        return false;
    }
    limit->lines++;
    return true;
}

void
oplog_write(struct oplog *log, enum event_id event, const struct oplog_field *fields,
            size_t field_count)
{
    assert(event < EVENT_COUNT);
    char line[OPLOG_LINE_MAX];
    struct oplog_field all[OPLOG_FIELDS_MAX];
    uint32_t suppressed = 0;
    if (oplog_events[event].level < log->level_min)
        return;
    if (!oplog_admit(log, event, clock_mono_ms(), &suppressed))
        return;
    size_t count = 0;
    if (suppressed > 0)
        all[count++] = OPLOG_INT("suppressed", suppressed);
    for (size_t i = 0; i < field_count && count < OPLOG_FIELDS_MAX; i++)
        all[count++] = fields[i];
    const size_t len = oplog_format(log, event, all, count, clock_wall_ms(), line);
    const ssize_t wrote = write(log->fd, line, len);
    if (wrote != (ssize_t)len)
        log->dropped++;
}
