/* SPDX-License-Identifier: Apache-2.0 */
/* An operator's word on a held transfer: a signed note of two lines, the format and the JSON.
 * Spec: formats.md Trust and evidence (tdz.approval/1). */
#include "gateway/judge/judge_inner.h"
#include "schemas/text.h"

enum { JUDGE_APPROVAL_NODES_MAX = 64, JUDGE_APPROVAL_BYTES_MAX = 8192 };

/* A member of 32 bytes as hex, with or without "sha256:". */
static enum err
judge_approval_hash(const struct json_doc *doc, const char *key, uint8_t ret[static 32])
{
    const struct span prefix = SPAN_LIT("sha256:");
    struct span text;
    TRY(json_need_str(doc, &doc->nodes[0], key, 71, &text, NULL));
    return text_unhex(span_starts(text, prefix) ? span_from(text, prefix.len) : text, false, ret,
                      32);
}

static enum err
judge_approval_expires(const struct json_doc *doc, int64_t now_ms)
{
    const struct json_node *node = json_get(doc, &doc->nodes[0], "expires");
    int64_t ms = 0;
    if (node == NULL)
        return ERR_MISSING;
    if (node->type == JSON_INT)
        ms = node->number > INT64_MAX / 1000 ? INT64_MAX : node->number * 1000;
    else if (node->type == JSON_STRING)
        TRY(text_parse_time(node->text, false, &ms));
    else
        return ERR_TYPE;
    return ms > now_ms ? ERR_OK : ERR_EXPIRED;
}

static enum err
judge_approval_body(const struct judge_case *c, const uint8_t seal_hash[static 32],
                    struct span json, int64_t now_ms, bool *ret_approve)
{
    static const char *const names[] = {"decision", "expires",  "reason",
                                        "seal",     "transfer", "verdict"};
    struct json_node nodes[JUDGE_APPROVAL_NODES_MAX];
    uint8_t text[JUDGE_APPROVAL_BYTES_MAX];
    struct json_doc doc = {.nodes = nodes,
                           .node_cap = JUDGE_APPROVAL_NODES_MAX,
                           .text = text,
                           .text_cap = sizeof(text)};
    struct span word;
    uint8_t hash[32];
    uint8_t transfer[16];
    TRY(json_read(&doc, json, NULL));
    if (nodes[0].type != JSON_OBJECT)
        return ERR_TYPE;
    TRY(json_only(&doc, &nodes[0], names, sizeof(names) / sizeof(names[0]), NULL));
    TRY(json_need_str(&doc, &nodes[0], "transfer", 32, &word, NULL));
    TRY(text_unhex(word, false, transfer, sizeof(transfer)));
    TRY(judge_approval_hash(&doc, "seal", hash));
    if (memcmp(transfer, c->transfer, sizeof(transfer)) != 0 || memcmp(hash, seal_hash, 32) != 0)
        return ERR_CONFLICT;
    /* The record that was held, as far as this process still knows it. */
    TRY(judge_approval_hash(&doc, "decision", hash));
    if (c->has_decided && memcmp(hash, c->record_hash, 32) != 0)
        return ERR_CONFLICT;
    TRY(judge_approval_expires(&doc, now_ms));
    TRY(json_need_str(&doc, &nodes[0], "verdict", 8, &word, NULL));
    *ret_approve = span_eq_str(word, "approve");
    return *ret_approve || span_eq_str(word, "refuse") ? ERR_OK : ERR_NOT_FOUND;
}

enum err
judge_approval_check(const struct judge *j, const struct judge_case *c,
                     const uint8_t seal_hash[static 32], struct span bytes, int64_t now_ms,
                     bool *ret_approve)
{
    const struct span format = SPAN_LIT("tdz.approval/1\n");
    struct note note;
    struct note_signers signers;
    TRY(note_parse(bytes, &note));
    TRY(note_verify(&note, j->book->operators, j->book->operator_count, &signers));
    if (!span_starts(note.text, format) || note.text.len > JUDGE_APPROVAL_BYTES_MAX)
        return ERR_VERSION;
    const struct span json = span_of(note.text.ptr + format.len, note.text.len - format.len - 1);
    return judge_approval_body(c, seal_hash, json, now_ms, ret_approve);
}
