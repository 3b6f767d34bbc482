/* SPDX-License-Identifier: Apache-2.0 */
/* The operator's log: one JSON object a line, its events from event.def. It never carries payload
 * or anything taken from a dataset; peer-given text is escaped and cut. It is not the transfer log
 * (that is ledger's). A full or broken log descriptor never stops a role: lines are dropped and
 * counted. */
#ifndef TDZ_GATEWAY_CORE_OPLOG_H
#define TDZ_GATEWAY_CORE_OPLOG_H

#include "gateway/core/role.h"

enum oplog_level { OPLOG_DEBUG, OPLOG_INFO, OPLOG_WARN, OPLOG_ERROR };

enum event_id {
#define EVENT(NAME, level, text) EVENT_##NAME,
#include "gateway/core/event.def"
#undef EVENT
    EVENT_COUNT
};

/* Longest text value kept; the rest is cut and marked with "...". */
enum { OPLOG_TEXT_MAX = 256 };
enum { OPLOG_LINE_MAX = 4096, OPLOG_FIELDS_MAX = 12 };
/* At most this many lines of one event in OPLOG_WINDOW_MS; then one line with "suppressed". */
enum { OPLOG_BURST = 50, OPLOG_WINDOW_MS = 10 * 1000 };

/* One key=value. key is our own literal: lower case, digits, '_'. */
struct oplog_field {
    const char *key;
    enum { OPLOG_F_INT, OPLOG_F_TEXT, OPLOG_F_HEX } kind;
    int64_t number;
    struct span bytes;
};

#define OPLOG_INT(key_, value_) ((struct oplog_field){(key_), OPLOG_F_INT, (int64_t)(value_), {0}})
#define OPLOG_SPAN(key_, span_) ((struct oplog_field){(key_), OPLOG_F_TEXT, 0, (span_)})
#define OPLOG_STR(key_, text_) ((struct oplog_field){(key_), OPLOG_F_TEXT, 0, span_str(text_)})
#define OPLOG_HEX(key_, span_) ((struct oplog_field){(key_), OPLOG_F_HEX, 0, (span_)})
#define OPLOG_ERR(err_) OPLOG_STR("error", error_name(err_))
/* The transfer of a message or row, as 32 hex digits. */
#define OPLOG_TRANSFER(ptr_) OPLOG_HEX("transfer", span_of((ptr_), 16))

struct oplog_limit {
    int64_t window_ms;
    uint32_t lines;
    uint32_t suppressed;
};

struct oplog {
    int fd;
    enum role_id role;
    unsigned index;
    enum oplog_level level_min;
    uint64_t dropped; /* lines that could not be written */
    struct oplog_limit limits[EVENT_COUNT];
};

/* Logs to fd (not owned) as role[index]; level OPLOG_INFO and above. */
void oplog_init(struct oplog *log, int fd, enum role_id role, unsigned index);

/* Writes one line with one write(2). fields beyond OPLOG_FIELDS_MAX or the line's room are left
 * out. Keeps no pointer. */
void oplog_write(struct oplog *log, enum event_id event, const struct oplog_field *fields,
                 size_t field_count);

/* The line oplog_write would write (with its newline), for given time; no rate limit. */
size_t oplog_format(const struct oplog *log, enum event_id event, const struct oplog_field *fields,
                    size_t field_count, int64_t wall_ms, char out[static OPLOG_LINE_MAX]);

/* The name in event.def ("ROLE_LOST"; a line shows it as "role-lost"); static text. */
const char *oplog_event_name(enum event_id event);

/* OPLOG(log, EVENT_X, OPLOG_INT("pid", pid), OPLOG_STR("why", text)); at least one field. */
#define OPLOG(log, event, ...)                                             \
    oplog_write((log), (event), (const struct oplog_field[]){__VA_ARGS__}, \
                sizeof((const struct oplog_field[]){__VA_ARGS__}) / sizeof(struct oplog_field))

#endif
