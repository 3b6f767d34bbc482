/* SPDX-License-Identifier: Apache-2.0 */
/* Joins two logs by transfer and names every transfer about which they do not say the same. It
 * takes the logs as they are: verify them first. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/digest.h"
#include "schemas/text.h"
#include "tools/audit_verify.h"
#include "tools/audit_walk.h"
#include "tools/cli.h"

enum { DECIDED = 1, RECEIVED = 2, SETTLED = 4, REFUSED = 8, PEER_KNOWN = 16 };

/* What one log says about one transfer. verdict is the last one: 'a', 'h', 'd' or 0. */
struct crossing {
    uint8_t transfer[16];
    uint8_t said;
    char verdict;
    uint8_t seal[32];      /* of the final decision or of received; zeros: none */
    uint8_t offer[32];     /* of the final decision; zeros: none */
    uint8_t leaf[32];      /* of the decision or received entry */
    uint64_t index;        /* of it */
    uint8_t peer_leaf[32]; /* what it or settled says about the other log's entry */
    uint64_t peer_index;
};

struct side {
    size_t count;
    size_t cap;
    struct crossing *list;
};

enum list { MATCHED, ONLY_A, ONLY_B, DIGEST, VERDICT, OPEN, LIST_END };
static const char *const list_names[LIST_END] = {"matched", "only_a",  "only_b",
                                                 "digest",  "verdict", "open"};

static int
by_transfer(const void *a, const void *b)
{
    const struct crossing *x = a;
    const struct crossing *y = b;
    const int order = memcmp(x->transfer, y->transfer, sizeof(x->transfer));
    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

static void
take_peer(const struct entry *entry, struct crossing *c)
{
    const struct json_node *peer = json_get(entry->doc, entry->data, "peer");
    struct span hex;
    int64_t index = 0;
    if (peer == NULL || peer->type != JSON_OBJECT ||
        json_need_int(entry->doc, peer, "index", 0, JSON_INT_MAX, &index, NULL) != ERR_OK ||
        json_need_str(entry->doc, peer, "leaf", 64, &hex, NULL) != ERR_OK ||
        text_unhex(hex, false, c->peer_leaf, 32) != ERR_OK)
        return;
    c->peer_index = (uint64_t)index;
    c->said |= PEER_KNOWN;
}

/* One entry as a crossing of its own; false if it says nothing about one. */
static bool
crossing_of(const struct entry *entry, uint64_t index, struct span leaf, struct crossing *ret)
{
    struct span verdict;
    struct tlog_hash hash;
    *ret = (struct crossing){.index = index};
    if (!entry->has_transfer || tlog_leaf_hash(leaf, &hash) != ERR_OK)
        return false;
    memcpy(ret->transfer, entry->transfer, sizeof(ret->transfer));
    memcpy(ret->leaf, hash.b, sizeof(ret->leaf));
    if (entry->kind == ENTRY_DECISION)
        ret->said = DECIDED;
    else if (entry->kind == ENTRY_RECEIVED)
        ret->said = RECEIVED;
    else if (entry->kind == ENTRY_SETTLED)
        ret->said = SETTLED;
    else if (entry->kind == ENTRY_REFUSED)
        ret->said = REFUSED;
    else
        return false;
    if (entry_get_str(entry, "verdict", &verdict) == ERR_OK && verdict.len > 0)
        ret->verdict = (char)verdict.ptr[0];
    uint8_t seal[32];
    if (entry_get_hash(entry, "seal", seal) == ERR_OK)
        memcpy(ret->seal, seal, sizeof(seal));
    if (entry_get_hash(entry, "offer", seal) == ERR_OK)
        memcpy(ret->offer, seal, sizeof(seal));
    take_peer(entry, ret);
    return true;
}

static enum err
side_put(struct side *side, const struct crossing *c)
{
    if (side->count == side->cap) {
        const size_t cap = side->cap == 0 ? 1024 : side->cap * 2;
        struct crossing *list = reallocarray(side->list, cap, sizeof(*list));
        if (list == NULL)
            return ERR_NOMEM;
        side->list = list;
        side->cap = cap;
    }
    side->list[side->count++] = *c;
    return ERR_OK;
}

/* The crossings of one transfer, in the order of the log, as one. */
static void
side_fold(struct side *side)
{
    size_t kept = 0;
    if (side->count > 1)
        qsort(side->list, side->count, sizeof(side->list[0]), by_transfer);
    for (size_t i = 0; i < side->count; i++) {
        const struct crossing *next = &side->list[i];
        struct crossing *last = kept == 0 ? NULL : &side->list[kept - 1];
        if (last == NULL || memcmp(last->transfer, next->transfer, 16) != 0) {
            side->list[kept++] = *next;
            continue;
        }
        last->said |= next->said;
        if ((next->said & (DECIDED | RECEIVED)) != 0) {
            last->verdict = next->verdict;
            last->index = next->index;
            memcpy(last->seal, next->seal, sizeof(last->seal));
            memcpy(last->offer, next->offer, sizeof(last->offer));
            memcpy(last->leaf, next->leaf, sizeof(last->leaf));
        }
        if ((next->said & PEER_KNOWN) != 0) {
            memcpy(last->peer_leaf, next->peer_leaf, sizeof(last->peer_leaf));
            last->peer_index = next->peer_index;
        }
    }
    side->count = kept;
}

static enum err
side_visit(void *ctx, uint64_t index, struct span leaf, const struct entry *entry)
{
    struct crossing c;
    return crossing_of(entry, index, leaf, &c) ? side_put(ctx, &c) : ERR_OK;
}

static enum err
read_side(struct audit_log *log, const char *path, struct side *side)
{
    TRY(audit_walk(log, path, side_visit, side));
    side_fold(side);
    return ERR_OK;
}

static bool
is_zero(const uint8_t hash[32])
{
    static const uint8_t zero[32];
    return memcmp(hash, zero, sizeof(zero)) == 0;
}

/* A transfer that only one log knows. A refusal at home never crossed: it is in no list. */
static enum list
alone(const struct crossing *c, enum list only)
{
    if ((c->said & (RECEIVED | SETTLED)) != 0)
        return only;
    if ((c->said & REFUSED) != 0 || c->verdict == 'd')
        return LIST_END;
    return OPEN;
}

static enum list
compare(const struct crossing *a, const struct crossing *b)
{
    const bool a_sends = (a->said & DECIDED) != 0 && (a->said & RECEIVED) == 0;
    const struct crossing *from = a_sends ? a : b;
    const struct crossing *to = a_sends ? b : a;
    if ((to->said & RECEIVED) == 0) {
        /* Refused at the offer, or not decided yet over there. */
        if ((from->said & SETTLED) != 0)
            return a_sends ? ONLY_A : ONLY_B;
        return (from->said & REFUSED) != 0 && (to->said & REFUSED) != 0 ? MATCHED : OPEN;
    }
    if ((from->said & DECIDED) == 0)
        return a_sends ? ONLY_B : ONLY_A;
    /* An offer that was refused is named where others name the seal, as in its receipt. */
    const bool unsealed = to->verdict == 'd' && memcmp(from->offer, to->seal, 32) == 0;
    if (!is_zero(from->seal) && !unsealed && memcmp(from->seal, to->seal, 32) != 0)
        return DIGEST;
    if ((from->said & PEER_KNOWN) != 0 && from->peer_index == to->index &&
        memcmp(from->peer_leaf, to->leaf, 32) != 0)
        return DIGEST;
    if ((to->said & PEER_KNOWN) != 0 && to->peer_index == from->index &&
        memcmp(to->peer_leaf, from->leaf, 32) != 0)
        return DIGEST;
    if (from->verdict == 'd' || ((from->said & SETTLED) != 0 && to->verdict == 'd') ||
        ((from->said & REFUSED) != 0 && to->verdict == 'a'))
        return VERDICT;
    return (from->said & (SETTLED | REFUSED)) != 0 ? MATCHED : OPEN;
}

/* One list after the other; each walks both sides, which costs nothing and keeps no lists. */
static size_t
print_list(const struct side *a, const struct side *b, enum list which, bool json)
{
    size_t i = 0;
    size_t k = 0;
    size_t count = 0;
    while (i < a->count || k < b->count) {
        int order = i == a->count ? 1 : -1;
        if (i < a->count && k < b->count)
            order = memcmp(a->list[i].transfer, b->list[k].transfer, 16);
        const struct crossing *c = order <= 0 ? &a->list[i] : &b->list[k];
        enum list list = LIST_END;
        if (order == 0)
            list = compare(&a->list[i++], &b->list[k++]);
        else
            list = order < 0 ? alone(&a->list[i++], ONLY_A) : alone(&b->list[k++], ONLY_B);
        char hex[33];
        if (list != which || text_hex(span_of(c->transfer, 16), hex, sizeof(hex)) != ERR_OK)
            continue;
        if (json)
            (void)printf("%s\"%s\"", count == 0 ? "" : ",", hex);
        else if (which != MATCHED)
            (void)printf("%s %s\n", list_names[which], hex);
        count++;
    }
    return count;
}

static int
print_all(const struct side *a, const struct side *b, bool json)
{
    size_t counts[LIST_END];
    for (unsigned i = 0; i < LIST_END; i++) {
        if (json)
            (void)printf("%s\"%s\":[", i == 0 ? "{" : ",", list_names[i]);
        counts[i] = print_list(a, b, (enum list)i, json);
        if (json)
            (void)printf("]");
    }
    if (json)
        (void)printf("}\n");
    else
        (void)printf("matched %zu, only in the first %zu, only in the second %zu, digest %zu, "
                     "verdict %zu, open %zu\n",
                     counts[MATCHED], counts[ONLY_A], counts[ONLY_B], counts[DIGEST],
                     counts[VERDICT], counts[OPEN]);
    const size_t wrong = counts[ONLY_A] + counts[ONLY_B] + counts[DIGEST] + counts[VERDICT];
    return wrong == 0 ? CLI_DONE : CLI_REFUSED;
}

int
audit_reconcile_main(int argc, char **argv)
{
    struct cli cli;
    struct side sides[2] = {{.count = 0}, {.count = 0}};
    int at = 0;
    if (!cli_parse(argc, argv, "reconcile", &cli))
        return CLI_USAGE;
    if (cli_operand_count(&cli) != 2)
        return cli_usage(&cli, "give two log folders, A and B");
    struct audit_log *log = calloc(1, sizeof(*log));
    if (log == NULL || digest_init() != ERR_OK) {
        cli_say(&cli, "no memory");
        free(log);
        return CLI_UNREACHABLE;
    }
    int code = CLI_DONE;
    for (size_t i = 0; i < 2 && code == CLI_DONE; i++) {
        const char *path = cli_next_operand(&cli, &at);
        const bool is_log = audit_walk_must_be_log(&cli, path);
        const enum err err = is_log ? read_side(log, path, &sides[i]) : ERR_NOT_FOUND;
        if (is_log && err != ERR_OK)
            cli_say(&cli, "%s: %s (tdz-audit verify names the file and entry)", path,
                    error_text(err));
        if (err != ERR_OK)
            code = CLI_UNREACHABLE;
    }
    if (code == CLI_DONE)
        code = print_all(&sides[0], &sides[1], cli_has(&cli, "--json"));
    free(sides[0].list);
    free(sides[1].list);
    free(log);
    return code;
}
