/* SPDX-License-Identifier: Apache-2.0 */
/* Prometheus text exposition format 0.0.4: samples of one name together, one TYPE line each. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "gateway/desk/vitals.h"
#include "schemas/text.h"
#include "tdz_config.h"

enum { VITALS_NAME_MAX = 64 };

struct vitals_text {
    char *buf;
    size_t cap;
    size_t len;
    bool is_full;
};

__attribute__((format(printf, 2, 3))) static void
vitals_line(struct vitals_text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(t->buf + t->len, t->cap - t->len, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= t->cap - t->len)
        t->is_full = true;
    else
        t->len += (size_t)n;
}

static bool
vitals_is_word(struct span s)
{
    if (s.len == 0 || s.len > VITALS_NAME_MAX || s.ptr[0] < 'a' || s.ptr[0] > 'z')
        return false;
    for (size_t i = 0; i < s.len; i++) {
        const uint8_t c = s.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    return true;
}

/* The next "name value\n" of a role's statistics that is what it should be. */
static bool
vitals_stat(struct span *rest, struct span *ret_name, uint64_t *ret_value)
{
    while (rest->len > 0) {
        const uint8_t *end = memchr(rest->ptr, '\n', rest->len);
        const size_t len = end == NULL ? rest->len : (size_t)(end - rest->ptr);
        const struct span line = span_of(rest->ptr, len);
        const uint8_t *gap = len == 0 ? NULL : memchr(line.ptr, ' ', len);
        *rest = span_from(*rest, end == NULL ? len : len + 1);
        if (gap == NULL)
            continue;
        *ret_name = span_of(line.ptr, (size_t)(gap - line.ptr));
        if (vitals_is_word(*ret_name) &&
            text_parse_u64(span_from(line, ret_name->len + 1), UINT64_MAX, ret_value) == ERR_OK)
            return true;
    }
    return false;
}

static bool
vitals_value_of(struct span stats, struct span name, uint64_t *ret_value)
{
    struct span found;
    while (vitals_stat(&stats, &found, ret_value)) {
        if (span_eq(found, name))
            return true;
    }
    return false;
}

static bool
vitals_is_counter(struct span name)
{
    const struct span tail = SPAN_LIT("_total");
    return name.len > tail.len && span_eq(span_from(name, name.len - tail.len), tail);
}

/* The name of every instance of roles[at].role from roles[at] on. */
static void
vitals_samples(const struct vitals *v, size_t at, struct span name, struct vitals_text *t)
{
    const struct span role = v->roles[at].role;
    uint64_t value = 0;
    vitals_line(t, "# TYPE tdz_%.*s_%.*s %s\n", (int)role.len, (const char *)role.ptr,
                (int)name.len, (const char *)name.ptr,
                vitals_is_counter(name) ? "counter" : "gauge");
    for (size_t i = at; i < v->role_count; i++) {
        if (!span_eq(v->roles[i].role, role) || !vitals_value_of(v->roles[i].stats, name, &value))
            continue;
        vitals_line(t, "tdz_%.*s_%.*s{index=\"%u\"} %" PRIu64 "\n", (int)role.len,
                    (const char *)role.ptr, (int)name.len, (const char *)name.ptr,
                    v->roles[i].index, value);
    }
}

/* What instance roles[i] reports and no earlier one does, each name once: a name said twice would
 * make the whole text unreadable to Prometheus. */
static void
vitals_role_stats(const struct vitals *v, size_t i, struct vitals_text *t)
{
    const struct span stats = v->roles[i].stats;
    struct span rest = stats;
    struct span name;
    uint64_t value = 0;
    while (vitals_stat(&rest, &name, &value)) {
        const struct span said = span_of(stats.ptr, (size_t)(name.ptr - stats.ptr));
        bool is_new = !vitals_value_of(said, name, &value);
        for (size_t k = 0; k < i && is_new; k++)
            is_new = !span_eq(v->roles[k].role, v->roles[i].role) ||
                     !vitals_value_of(v->roles[k].stats, name, &value);
        if (is_new)
            vitals_samples(v, i, name, t);
    }
}

static void
vitals_roles(const struct vitals *v, struct vitals_text *t)
{
    static const struct {
        const char *name;
        const char *type;
    } rows[] = {{"up", "gauge"},
                {"restarts_total", "counter"},
                {"seccomp", "gauge"},
                {"landlock_abi", "gauge"}};
    for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++) {
        vitals_line(t, "# TYPE tdz_role_%s %s\n", rows[row].name, rows[row].type);
        for (size_t i = 0; i < v->role_count; i++) {
            const struct vitals_role *r = &v->roles[i];
            const int64_t values[] = {r->is_running, r->restarts, r->seccomp, r->landlock};
            if (!vitals_is_word(r->role))
                continue;
            vitals_line(t, "tdz_role_%s{role=\"%.*s\",index=\"%u\"} %" PRId64 "\n", rows[row].name,
                        (int)r->role.len, (const char *)r->role.ptr, r->index, values[row]);
        }
    }
    for (size_t i = 0; i < v->role_count; i++) {
        if (vitals_is_word(v->roles[i].role))
            vitals_role_stats(v, i, t);
    }
}

static void
vitals_log_lines(const struct vitals *v, struct vitals_text *t)
{
    static const char *const words[] = {"unconfirmed", "confirmed", "quarantined"};
    vitals_line(t, "# TYPE tdz_log_state gauge\n");
    for (unsigned i = 0; i <= (unsigned)LOG_QUARANTINED; i++)
        vitals_line(t, "tdz_log_state{state=\"%s\"} %d\n", words[i],
                    v->has_log && (unsigned)v->log == i);
    vitals_line(t, "# TYPE tdz_log_size gauge\ntdz_log_size %" PRIu64 "\n",
                v->has_log ? v->log_size : 0);
    vitals_line(t, "# TYPE tdz_peer_up gauge\n");
    for (size_t i = 0; i < v->peer_count; i++)
        vitals_line(t, "tdz_peer_up{zone=\"%s\"} %d\n", v->peers[i].zone, v->peers[i].is_up);
    vitals_line(t, "# TYPE tdz_peer_cosigned_size gauge\n");
    for (size_t i = 0; i < v->peer_count; i++) {
        if (v->peers[i].has_log)
            vitals_line(t, "tdz_peer_cosigned_size{zone=\"%s\"} %" PRIu64 "\n", v->peers[i].zone,
                        v->peers[i].cosigned_size);
    }
}

enum err
vitals_metrics(struct vitals *v, int64_t now_ms, char *buf, size_t cap, struct span *ret)
{
    struct vitals_text t = {.buf = buf, .cap = cap};
    vitals_line(&t, "# TYPE tdz_build_info gauge\ntdz_build_info{version=\"%s\"} 1\n", TDZ_VERSION);
    vitals_line(&t, "# TYPE tdz_ready gauge\ntdz_ready %d\n", vitals_is_ready(v, now_ms));
    vitals_line(&t, "# TYPE tdz_sandbox gauge\ntdz_sandbox %d\n", v->is_sandboxed);
    vitals_line(&t, "# TYPE tdz_counters_known gauge\ntdz_counters_known %d\n", v->counters_known);
    vitals_log_lines(v, &t);
    vitals_roles(v, &t);
    if (t.is_full)
        return ERR_FULL;
    *ret = span_of(buf, t.len);
    return ERR_OK;
}
