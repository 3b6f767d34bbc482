/* SPDX-License-Identifier: Apache-2.0 */
/* The writers of entry.h. Members are written in the order of their names; struct canon turns a
 * wrong order into an error. */
#include "schemas/entry.h"

#include <inttypes.h>
#include <stdio.h>

#include "schemas/text.h"

static void
member_hash(struct canon *w, const char *key, const uint8_t *hash)
{
    if (hash != NULL)
        canon_member_hex(w, key, span_of(hash, ENTRY_HASH_LEN));
}

static void
member_u64(struct canon *w, const char *key, uint64_t value)
{
    canon_key(w, key);
    canon_u64_str(w, value);
}

static void
member_index(struct canon *w, const char *key, uint64_t value)
{
    /* Out of range for the format is caught by canon_int. */
    canon_member_int(w, key, value > INT64_MAX ? INT64_MAX : (int64_t)value);
}

static void
member_commits(struct canon *w, const struct entry_commits *c)
{
    canon_key(w, "commit");
    canon_object(w);
    member_hash(w, "agreement", c->agreement);
    member_hash(w, "name", c->name);
    member_hash(w, "recipient", c->recipient);
    member_hash(w, "record", c->record);
    member_hash(w, "sender", c->sender);
    canon_end(w);
}

static void
member_peer(struct canon *w, const char *key, const struct entry_peer *peer)
{
    if (peer == NULL)
        return;
    canon_key(w, key);
    canon_object(w);
    member_index(w, "index", peer->index);
    member_hash(w, "leaf", peer->leaf);
    canon_member_span(w, "origin", peer->origin);
    canon_end(w);
}

static void
entry_begin(struct canon *w, char *out, size_t cap)
{
    canon_init(w, out, cap);
    canon_object(w);
    canon_key(w, "data");
    canon_object(w);
}

/* Closes data and writes the members around it. */
static enum err
entry_close(struct canon *w, const struct entry_head *head, enum entry_kind kind, struct span *ret)
{
    char time[25];
    struct span leaf;
    TRY(text_time_ms(head->time_ms, time));
    if (head->has_n && head->n > ENTRY_N_MAX)
        return ERR_RANGE;
    canon_end(w);
    canon_member_str(w, "format", "tdz.entry/1");
    canon_member_str(w, "kind", entry_kind_name(kind));
    if (head->has_n)
        canon_member_int(w, "n", head->n);
    canon_member_str(w, "time", time);
    if (head->transfer != NULL)
        canon_member_hex(w, "transfer", span_of(head->transfer, ENTRY_TRANSFER_LEN));
    canon_end(w);
    TRY(canon_finish(w, &leaf));
    if (leaf.len > ENTRY_BYTES_MAX)
        return ERR_TOO_LARGE;
    *ret = leaf;
    return ERR_OK;
}

static void
member_counters(struct canon *w, const struct entry_decision *d)
{
    if (d->counter_count == 0)
        return;
    canon_key(w, "counters");
    canon_object(w);
    for (size_t i = 0; i < d->counter_count; i++) {
        canon_key_span(w, d->counters[i].name);
        canon_u64_str(w, d->counters[i].value);
    }
    canon_end(w);
}

static void
member_policies(struct canon *w, const struct entry_decision *d)
{
    canon_key(w, "policies");
    canon_array(w);
    for (size_t i = 0; i < d->policy_count; i++) {
        char text[7 + 2 * ENTRY_HASH_LEN + 1] = "sha256:";
        const enum err err =
            text_hex(span_of(d->policies[i], ENTRY_HASH_LEN), text + 7, sizeof(text) - 7);
        if (err == ERR_OK)
            canon_str(w, text);
        else
            w->err = err;
    }
    canon_end(w);
}

enum err
entry_write_decision(const struct entry_head *head, const struct entry_decision *d, char *out,
                     size_t cap, struct span *ret)
{
    struct canon w;
    entry_begin(&w, out, cap);
    member_u64(&w, "bytes", d->bytes);
    member_commits(&w, &d->commit);
    member_counters(&w, d);
    canon_member_span(&w, "from", d->from);
    canon_key(&w, "labels");
    canon_array(&w);
    for (size_t i = 0; i < d->label_count; i++)
        canon_string(&w, d->labels[i]);
    canon_end(&w);
    member_hash(&w, "offer", d->offer);
    canon_member_span(&w, "phase", d->phase);
    member_policies(&w, d);
    canon_member_span(&w, "reason", d->reason);
    member_hash(&w, "record", d->record);
    member_hash(&w, "root", d->root);
    member_hash(&w, "seal", d->seal);
    if (d->suite != 0)
        canon_member_int(&w, "suite", d->suite);
    canon_member_span(&w, "to", d->to);
    canon_member_span(&w, "verdict", d->verdict);
    return entry_close(&w, head, ENTRY_DECISION, ret);
}

enum err
entry_write_received(const struct entry_head *head, const struct entry_received *r, char *out,
                     size_t cap, struct span *ret)
{
    struct canon w;
    entry_begin(&w, out, cap);
    member_commits(&w, &r->commit);
    member_peer(&w, "peer", span_is_empty(r->peer.origin) ? NULL : &r->peer);
    if (!span_is_empty(r->reason))
        canon_member_span(&w, "reason", r->reason);
    member_hash(&w, "release", r->release);
    member_hash(&w, "seal", r->seal);
    canon_member_span(&w, "verdict", r->verdict);
    return entry_close(&w, head, ENTRY_RECEIVED, ret);
}

enum err
entry_write_receipt(const struct entry_head *head, enum entry_kind kind,
                    const uint8_t receipt[static ENTRY_HASH_LEN], const struct entry_peer *peer,
                    char *out, size_t cap, struct span *ret)
{
    struct canon w;
    if (kind != ENTRY_SETTLED && kind != ENTRY_DELIVERED)
        return ERR_TYPE;
    entry_begin(&w, out, cap);
    member_peer(&w, "peer", peer);
    member_hash(&w, "receipt", receipt);
    return entry_close(&w, head, kind, ret);
}

enum err
entry_write_refused(const struct entry_head *head, struct span by, struct span reason,
                    const struct entry_peer *peer, char *out, size_t cap, struct span *ret)
{
    struct canon w;
    entry_begin(&w, out, cap);
    canon_member_span(&w, "by", by);
    member_peer(&w, "peer", peer);
    canon_member_span(&w, "reason", reason);
    return entry_close(&w, head, ENTRY_REFUSED, ret);
}

enum err
entry_write_opened(const struct entry_head *head, const uint8_t recipient[static ENTRY_HASH_LEN],
                   struct span day, char *out, size_t cap, struct span *ret)
{
    struct canon w;
    const struct entry_commits commit = {.recipient = recipient};
    entry_begin(&w, out, cap);
    member_commits(&w, &commit);
    canon_member_span(&w, "day", day);
    return entry_close(&w, head, ENTRY_OPENED, ret);
}

enum err
entry_write_erased(const struct entry_head *head, uint64_t index, struct span origin, char *out,
                   size_t cap, struct span *ret)
{
    struct canon w;
    entry_begin(&w, out, cap);
    member_index(&w, "index", index);
    if (!span_is_empty(origin))
        canon_member_span(&w, "origin", origin);
    return entry_close(&w, head, ENTRY_ERASED, ret);
}

enum err
entry_write_approval(const struct entry_head *head, struct span verdict,
                     const uint8_t decision[static ENTRY_HASH_LEN],
                     const uint8_t note[static ENTRY_HASH_LEN],
                     const uint8_t keyid[static ENTRY_HASH_LEN], char *out, size_t cap,
                     struct span *ret)
{
    struct canon w;
    entry_begin(&w, out, cap);
    member_hash(&w, "decision", decision);
    member_hash(&w, "keyid", keyid);
    member_hash(&w, "note", note);
    canon_member_span(&w, "verdict", verdict);
    return entry_close(&w, head, ENTRY_APPROVAL, ret);
}

static void
member_signed(struct canon *w, const char *key, int64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%" PRId64, value);
    canon_member_str(w, key, text);
}

enum err
entry_write_counter(const struct entry_head *head, const struct entry_adjust *a, char *out,
                    size_t cap, struct span *ret)
{
    struct canon w;
    entry_begin(&w, out, cap);
    canon_member_str(&w, "action", a->opening ? "opening" : "adjust");
    member_hash(&w, "keyid", a->keyid);
    canon_member_str(&w, "known", a->known ? "yes" : "no");
    member_hash(&w, "note", a->note);
    member_signed(&w, "pi", a->pi);
    member_signed(&w, "spi", a->spi);
    member_u64(&w, "year", a->year);
    return entry_close(&w, head, ENTRY_COUNTER, ret);
}

enum err
entry_write_document(const struct entry_head *head, enum entry_kind kind,
                     const struct entry_document *d, char *out, size_t cap, struct span *ret)
{
    struct canon w;
    if (kind != ENTRY_POLICY && kind != ENTRY_AGREEMENT && kind != ENTRY_PARTNER)
        return ERR_TYPE;
    entry_begin(&w, out, cap);
    canon_member_span(&w, "action", d->action);
    member_hash(&w, "activation", d->activation);
    member_u64(&w, "epoch", d->epoch);
    canon_member_span(&w, "id", d->id);
    member_hash(&w, "sha256", d->sha256);
    return entry_close(&w, head, kind, ret);
}

enum err
entry_write_key(const struct entry_head *head, struct span role, struct span alg,
                const uint8_t keyid[static ENTRY_HASH_LEN], struct span pub, struct span status,
                char *out, size_t cap, struct span *ret)
{
    struct canon w;
    entry_begin(&w, out, cap);
    canon_member_span(&w, "alg", alg);
    member_hash(&w, "keyid", keyid);
    canon_member_hex(&w, "pub", pub);
    canon_member_span(&w, "role", role);
    canon_member_span(&w, "status", status);
    return entry_close(&w, head, ENTRY_KEY, ret);
}

enum err
entry_write_incident(const struct entry_head *head, struct span code, struct span detail, char *out,
                     size_t cap, struct span *ret)
{
    struct canon w;
    entry_begin(&w, out, cap);
    canon_member_span(&w, "code", code);
    if (!span_is_empty(detail))
        canon_member_span(&w, "detail", detail);
    return entry_close(&w, head, ENTRY_INCIDENT, ret);
}

enum err
entry_write_genesis(const struct entry_head *head, struct span origin, struct span vkey,
                    const struct entry_peer *prev, const uint8_t *note, char *out, size_t cap,
                    struct span *ret)
{
    struct canon w;
    entry_begin(&w, out, cap);
    canon_member_span(&w, "key", vkey);
    member_hash(&w, "note", note);
    canon_member_span(&w, "origin", origin);
    member_peer(&w, "prev", prev);
    return entry_close(&w, head, ENTRY_GENESIS, ret);
}
