/* SPDX-License-Identifier: Apache-2.0 */
/* What keeper knows about the containers under way: one case per (transfer, offer hash), in a
 * bounded table, least recently used out first (clerk then has the facts repeated). A case holds
 * facts that other roles stated directly; the rules over them are keeper_export.c and
 * keeper_import.c. */
#ifndef TDZ_GATEWAY_KEEPER_CASES_H
#define TDZ_GATEWAY_KEEPER_CASES_H

#include "gateway/core/payload.h"

enum { CASES_MAX = 4096, CASES_LOGGED_MAX = 4, CASES_RECIPIENTS_MAX = 4 };

/* An entry that ledger proved to be in our log. */
struct case_logged {
    uint8_t kind;
    uint16_t n;
    uint8_t verdict;
    uint8_t seal_hash[32]; /* that the entry names; zeros: none */
    uint8_t leaf[32];
    uint64_t index;
};

struct keeper_case {
    bool used;
    uint64_t touched;
    uint8_t transfer[16];
    uint8_t offer_hash[32];
    enum direction direction;
    uint8_t suite;
    char peer[64]; /* export: destination zone; import: origin zone */
    char exporter[256];
    char agreement[256];
    /* export */
    bool has_offer;
    uint8_t salt[24];
    bool key_given;
    uint8_t sealer;
    uint32_t sealer_gen;
    uint16_t n_highest;
    /* import */
    bool has_pre_import;
    uint8_t pre_verdict;
    uint8_t pre_leaf[32];
    bool has_peer_logged;
    uint8_t peer_verdict;
    uint8_t peer_seal_hash[32];
    /* both: the newest facts, oldest overwritten */
    size_t logged_count;
    struct case_logged logged[CASES_LOGGED_MAX];
};

struct cases;

/* ERR_NOMEM. */
MUST_USE enum err cases_new(struct cases **ret);
void cases_free(struct cases *cases);

/* The case, or NULL. */
struct keeper_case *cases_find(struct cases *cases, const uint8_t transfer[static 16],
                               const uint8_t offer_hash[static 32]);

/* The case, made if it is not there; never NULL. */
struct keeper_case *cases_touch(struct cases *cases, const uint8_t transfer[static 16],
                                const uint8_t offer_hash[static 32]);

/* Remembers that an entry is logged (again: no change). */
void cases_logged_add(struct keeper_case *c, const struct case_logged *logged);

/* The fact for that leaf, or NULL. */
const struct case_logged *cases_logged_leaf(const struct keeper_case *c,
                                            const uint8_t leaf[static 32]);
/* The newest fact of that kind, or NULL. */
const struct case_logged *cases_logged_kind(const struct keeper_case *c, uint8_t kind);

#endif
