/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/clerk/transfer_json.h"

#include "gateway/clerk/store_again.h"
#include "schemas/text.h"

#include <stdio.h>

enum { JSON_LINK_MAX = 96 };

const char *
transfer_json_verdict(uint64_t verdict)
{
    return verdict == VERDICT_ALLOW ? "allow" : verdict == VERDICT_HOLD ? "hold" : "deny";
}

/* A stored JSON value, or null. */
static enum err
json_part(struct flow *f, const struct store_row *row, enum store_part what, struct canon *w)
{
    struct span json = {0};
    const enum err err = row->decisions == 0
                             ? ERR_NOT_FOUND
                             : store_part_get(f->store, row->id, what, row->n, &f->room, &json);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    if (json.len > 0)
        canon_raw(w, json);
    else
        canon_null(w);
    return ERR_OK;
}

/* What is known here of a decision made in the other zone: its verdict, as logged there. */
static void
json_foreign(const struct store_row *row, struct canon *w)
{
    if (row->peer_verdict == 0) {
        canon_null(w);
        return;
    }
    canon_object(w);
    canon_member_str(w, "verdict", transfer_json_verdict(row->peer_verdict - 1));
    canon_end(w);
}

/* The log that row's place is in; a database that has not come over yet knows its own only. */
static const char *
json_origin(const struct flow *f, const struct store_row *row)
{
    const char *own = store_origin(f->store);
    if (row->origin[0] != 0)
        return row->origin;
    return own[0] != 0 ? own : f->config.origin;
}

static void
json_place(struct canon *w, const char *key, const char *origin, uint64_t index)
{
    canon_key(w, key);
    if (index > JSON_INT_MAX || origin[0] == 0) {
        canon_null(w);
        return;
    }
    canon_object(w);
    canon_member_int(w, "index", (int64_t)index);
    canon_member_str(w, "origin", origin);
    canon_end(w);
}

static void
json_time(struct canon *w, const char *key, int64_t ms)
{
    char text[25];
    canon_key(w, key);
    if (text_time_ms(ms, text) == ERR_OK)
        canon_str(w, text);
    else
        canon_null(w);
}

static void
json_bytes(struct canon *w, const char *key, uint64_t value)
{
    canon_key(w, key);
    if (value > JSON_INT_MAX)
        canon_null(w);
    else
        canon_int(w, (int64_t)value);
}

static void
json_link(struct canon *w, const char *key, const char *where, const char *id, const char *tail)
{
    char link[JSON_LINK_MAX];
    (void)snprintf(link, sizeof(link), "/v1/%s/%s%s", where, id, tail);
    canon_member_str(w, key, link);
}

static void
json_links(const struct store_row *row, const char *id, struct canon *w)
{
    const bool inbox = row->direction == DIRECTION_IMPORT;
    canon_key(w, "links");
    canon_object(w);
    if (inbox) {
        json_link(w, "ack", "inbox", id, "/ack");
        json_link(w, "data", "inbox", id, "/data");
    }
    json_link(w, "receipt", "transfers", id, "/receipt");
    json_link(w, "self", inbox ? "inbox" : "transfers", id, "");
    canon_end(w);
}

/* "decision" is the exporting zone's, "import_decision" the importing zone's. */
static enum err
json_decisions(struct flow *f, const struct store_row *row, bool import, struct canon *w)
{
    if (import == (row->direction == DIRECTION_IMPORT))
        return json_part(f, row, STORE_DECISION, w);
    json_foreign(row, w);
    return ERR_OK;
}

enum err
transfer_json_put(struct flow *f, const struct store_row *row, struct canon *w)
{
    static const uint8_t zero[32] = {0};
    const bool out = row->direction == DIRECTION_EXPORT;
    char id[33];
    TRY(text_hex(span_of(row->id, 16), id, sizeof(id)));
    canon_object(w);
    canon_member_str(w, "agreement", row->agreement);
    json_bytes(w, "bytes", row->bytes);
    json_time(w, "created", row->created_ms);
    canon_key(w, "decision");
    TRY(json_decisions(f, row, false, w));
    canon_member_str(w, "direction", out ? "export" : "import");
    canon_member_str(w, "from", out ? f->config.zone : row->peer);
    canon_member_str(w, "id", id);
    canon_key(w, "import_decision");
    TRY(json_decisions(f, row, true, w));
    json_links(row, id, w);
    json_place(w, "log", json_origin(f, row), row->log_index);
    canon_member_str(w, "name", row->name);
    canon_key(w, "observed");
    TRY(json_part(f, row, STORE_OBSERVED, w));
    json_place(w, "peer_log", row->peer_origin, row->peer_index);
    canon_member_str(w, "recipient", out ? row->other : row->party);
    canon_key(w, "root");
    if (memcmp(row->root, zero, sizeof(zero)) == 0)
        canon_null(w);
    else
        canon_hex(w, span_of(row->root, sizeof(row->root)));
    json_bytes(w, "sealed_bytes", row->body_bytes);
    canon_member_str(w, "state", flow_state_word(row->shown));
    canon_member_str(w, "to", out ? row->peer : f->config.zone);
    json_time(w, "updated", row->updated_ms);
    canon_end(w);
    return ERR_OK;
}

/* A writer over the rest of the room; what it wrote stays, the rest is given back. */
enum err
transfer_json_write(struct flow *f, const struct store_row *row, struct span *ret)
{
    struct canon w;
    uint8_t *out = NULL;
    TRY(room_take(&f->room, TRANSFER_JSON_MAX, &out));
    canon_init(&w, (char *)out, TRANSFER_JSON_MAX);
    TRY(transfer_json_put(f, row, &w));
    return canon_finish(&w, ret);
}

enum err
transfer_json_decision(struct flow *f, const struct store_row *row, struct span *ret)
{
    struct canon w;
    uint8_t *out = NULL;
    TRY(room_take(&f->room, TRANSFER_JSON_MAX, &out));
    canon_init(&w, (char *)out, TRANSFER_JSON_MAX);
    if (row->peer_verdict == 1 + (uint64_t)VERDICT_DENY)
        json_foreign(row, &w);
    else
        TRY(json_part(f, row, STORE_DECISION, &w));
    return canon_finish(&w, ret);
}
