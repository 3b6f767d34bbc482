/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/audit_evidence.h"

#include <stdio.h>

#include "crypto/digest.h"
#include "crypto/proof.h"
#include "crypto/receipt.h"
#include "crypto/th.h"
#include "schemas/text.h"
#include "tools/audit_container.h"

/* What the entries say of the end. */
struct outcome {
    bool crossed;      /* settled, delivered, or received and allowed */
    bool refused;      /* refused, or received and denied */
    bool denied;       /* by the decision with the highest n */
    uint64_t decision; /* that n, and 1 */
};

/* One file while it is verified. */
struct audit {
    struct audit_evidence *evidence;
    const struct audit_keys *keys;
    const char *path;
    struct audit_report *report;
    struct outcome outcome;
};

static void
fail(const struct audit *a, uint64_t index, const char *code, enum err err)
{
    audit_report_err(a->report, a->path, (int64_t)index, code, err);
}

/* The entry of the file with that origin and index, or NULL. */
static const struct evidence_entry *
find_entry(const struct evidence *e, struct span origin, uint64_t index)
{
    for (size_t i = 0; i < e->entry_count; i++)
        if (e->entries[i].index == index && span_eq(e->entries[i].origin, origin))
            return &e->entries[i];
    return NULL;
}

/* The other zone's entry that this one names must be the one that is here. */
static void
check_peer(const struct audit *a, const struct evidence_entry *item, const struct entry *entry)
{
    const struct json_node *peer = json_get(entry->doc, entry->data, "peer");
    struct span origin;
    struct span hex;
    int64_t index = 0;
    uint8_t want[32];
    struct tlog_hash have;
    if (peer == NULL)
        return;
    if (json_need_str(entry->doc, peer, "origin", 256, &origin, NULL) != ERR_OK ||
        json_need_int(entry->doc, peer, "index", 0, JSON_INT_MAX, &index, NULL) != ERR_OK ||
        json_need_str(entry->doc, peer, "leaf", 64, &hex, NULL) != ERR_OK ||
        text_unhex(hex, false, want, sizeof(want)) != ERR_OK)
        return; /* entry_read has said so */
    const struct evidence_entry *other = find_entry(&a->evidence->file, origin, (uint64_t)index);
    if (other == NULL)
        return; /* not part of this file */
    if (tlog_leaf_hash(other->leaf, &have) != ERR_OK || memcmp(have.b, want, 32) != 0)
        fail(a, item->index, "peer", ERR_PROOF);
}

static void
note_outcome(struct outcome *o, const struct entry *entry)
{
    struct span verdict;
    const uint64_t n = entry->has_n ? entry->n : 0;
    const bool judged =
        json_need_str(entry->doc, entry->data, "verdict", 16, &verdict, NULL) == ERR_OK;
    if (entry->kind == ENTRY_SETTLED || entry->kind == ENTRY_DELIVERED)
        o->crossed = true;
    if (entry->kind == ENTRY_REFUSED)
        o->refused = true;
    if (!judged)
        return;
    if (entry->kind == ENTRY_RECEIVED && span_eq_str(verdict, "allow"))
        o->crossed = true;
    if (entry->kind == ENTRY_RECEIVED && span_eq_str(verdict, "deny"))
        o->refused = true;
    if (entry->kind == ENTRY_DECISION && n + 1 > o->decision) {
        o->decision = n + 1;
        o->denied = span_eq_str(verdict, "deny");
    }
}

/* The state is the one statement of the file that nobody signed: it must be what the logged entries
 * lead to. Entries that leave it open contradict nothing, for a file need not hold them all. */
static void
check_state(const struct audit *a)
{
    const struct outcome *o = &a->outcome;
    const struct span state = a->evidence->file.state;
    const bool says_crossed = span_eq_str(state, "settled") || span_eq_str(state, "delivered");
    const bool says_refused = span_eq_str(state, "denied") || span_eq_str(state, "expired");
    const bool refused = o->refused || o->denied;
    const bool wrong = (says_crossed && refused && !o->crossed) ||
                       (says_refused && o->crossed && !refused) || (!says_crossed && !says_refused);
    if (wrong)
        audit_report_fail(a->report, a->path, AUDIT_NO_INDEX, "state",
                          "the logged entries do not end in the state it names");
}

static void
check_entry(struct audit *a, const struct evidence_entry *item)
{
    const struct evidence *e = &a->evidence->file;
    struct entry entry;
    const enum err err = entry_read(item->leaf, false, a->evidence->scratch, &entry, NULL);
    if (err != ERR_OK) {
        fail(a, item->index, "entry", err);
        return;
    }
    if (!span_eq(entry.kind_text, item->kind) || !entry.has_transfer ||
        memcmp(entry.transfer, e->transfer, sizeof(e->transfer)) != 0)
        fail(a, item->index, "entry", ERR_CONFLICT);
    uint8_t want[32];
    if (entry.kind == ENTRY_SETTLED && !span_is_empty(e->receipt)) {
        struct receipt receipt;
        uint8_t have[32];
        enum err bad = entry_get_hash(&entry, "receipt", want);
        if (bad == ERR_OK)
            bad = receipt_decode(e->receipt, &receipt);
        if (bad == ERR_OK)
            bad = receipt_hash(&receipt, have);
        if (bad == ERR_OK && (memcmp(have, want, 32) != 0 ||
                              memcmp(receipt.transfer, e->transfer, sizeof(e->transfer)) != 0))
            bad = ERR_CONFLICT;
        if (bad != ERR_OK)
            fail(a, item->index, "receipt", bad);
    }
    check_peer(a, item, &entry);
    note_outcome(&a->outcome, &entry);
}

static void
check_proof(const struct audit *a, const struct evidence_entry *item)
{
    struct tlog_hash leaf;
    struct proof proof;
    struct note_signers by;
    struct checkpoint c;
    enum err err = tlog_leaf_hash(item->leaf, &leaf);
    if (err == ERR_OK)
        err = proof_verify(item->proof, &leaf, a->keys->key, a->keys->count, &proof, &by, &c);
    if (err == ERR_OK && (proof.index != item->index || !span_eq(c.origin, item->origin)))
        err = ERR_CONFLICT;
    a->report->entries++;
    if (err != ERR_OK) {
        fail(a, item->index, "proof", err);
        return;
    }
    a->report->checkpoints++;
    audit_keys_quorum(a->keys, c.origin, &by, a->path, a->report);
}

static void
check_records(const struct audit *a)
{
    const struct evidence *e = &a->evidence->file;
    for (size_t i = 0; i < e->record_count; i++) {
        uint8_t have[32];
        const enum err err = digest_sha256(e->records[i].body, have);
        if (err != ERR_OK || memcmp(have, e->records[i].sha256, 32) != 0)
            audit_report_fail(a->report, a->path, AUDIT_NO_INDEX, "record",
                              "a decision record does not have its digest");
    }
}

/* The commitment that a salt opens must stand in the entry it names. */
static enum err
check_salt(const struct audit *a, const struct evidence_salt *salt)
{
    const struct evidence *e = &a->evidence->file;
    const struct evidence_entry *item = NULL;
    struct entry entry;
    uint8_t want[32];
    uint8_t have[32];
    char field[257];
    for (size_t i = 0; i < e->entry_count && item == NULL; i++)
        if (e->entries[i].index == salt->index && span_eq(e->entries[i].zone, salt->zone))
            item = &e->entries[i];
    if (item == NULL)
        return ERR_NOT_FOUND;
    TRY(entry_read(item->leaf, false, a->evidence->scratch, &entry, NULL));
    (void)snprintf(field, sizeof(field), "%.*s", (int)salt->field.len,
                   (const char *)salt->field.ptr);
    TRY(entry_get_commit(&entry, field, want));
    TRY(TH(have, "tdz/v1/commit", salt->field, span_of(salt->salt, 32), salt->value));
    return memcmp(have, want, 32) == 0 ? ERR_OK : ERR_PROOF;
}

void
audit_evidence_verify(struct audit_evidence *evidence, const char *path, struct span input,
                      struct audit_keys *keys, struct audit_report *report)
{
    struct fault fault = {.code = ERR_OK};
    struct audit a = {.evidence = evidence, .keys = keys, .path = path, .report = report};
    struct evidence *e = &evidence->file;
    if (evidence_load(input, e, &fault) != ERR_OK) {
        char detail[256];
        (void)snprintf(detail, sizeof(detail), "%u:%u: %s: %s", fault.line, fault.column,
                       fault.where, error_text(fault.code));
        audit_report_fail(report, path, AUDIT_NO_INDEX, "evidence", detail);
        return;
    }
    for (size_t i = 0; i < e->key_count && !keys->pinned; i++) {
        const enum err err = audit_keys_add(keys, e->keys[i]);
        if (err != ERR_OK)
            audit_report_err(report, path, AUDIT_NO_INDEX, "vkey", err);
    }
    if (e->entry_count == 0)
        audit_report_fail(report, path, AUDIT_NO_INDEX, "evidence", "it holds no entry");
    for (size_t i = 0; i < e->entry_count; i++) {
        check_proof(&a, &e->entries[i]);
        check_entry(&a, &e->entries[i]);
    }
    check_state(&a);
    check_records(&a);
    audit_container_verify(e, evidence->scratch, path, keys, report);
    for (size_t i = 0; i < e->salt_count; i++) {
        const enum err err = check_salt(&a, &e->salts[i]);
        if (err != ERR_OK)
            fail(&a, e->salts[i].index, "salt", err);
    }
    evidence_free(e);
}
