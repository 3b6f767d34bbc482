/* SPDX-License-Identifier: Apache-2.0 */
/* A database that was restored to an older copy, or may have been: before a transfer goes on, the
 * log is asked what it says of it, and the peer whether it has taken its RELEASE. What the log says
 * was said: its entries replace those made again here, and the transfer goes on from there. Nothing
 * of a database that is not behind its log asks anything. Spec: design.md 5, docs/PROCESSES.md
 * "Old database". */
#ifndef TDZ_GATEWAY_FLOW_RESTORED_H
#define TDZ_GATEWAY_FLOW_RESTORED_H

#include "gateway/flow/stages.h"

/* One entry of the log about the transfer. Views into the story. */
struct restored_item {
    struct store_entry entry; /* no salts */
    uint8_t verdict;          /* decision, received */
    uint8_t seal_hash[32];
    struct span reason; /* refused */
    bool by_peer;
};

struct restored_story {
    uint32_t decisions; /* entries `decision` */
    uint32_t received;
    uint32_t opens;
    size_t count;
    struct restored_item *items;
};

/* A row from before this process began, and whether the log knows more is not known yet. */
bool restored_waits(const struct flow *f, const struct store_row *row);
/* The run must hear of the log before it goes on. */
bool restored_wants(const struct flow *f, const struct flow_run *run);
void restored_drive(struct flow *f, struct flow_run *run);
enum err restored_told(struct flow *f, struct flow_run *run, const struct msg *m);
/* PARCEL_SENT of a question how the transfer stands. */
enum err restored_stands(struct flow *f, struct flow_run *run, const struct p_parcel_sent *p);
/* The log has something else than what was to be said here. */
void restored_doubt(struct flow *f, struct flow_run *run);
/* Asks the peer how the transfer stands. */
void restored_ask_peer(struct flow *f, struct flow_run *run);

/* The last entry of that kind, or NULL. */
const struct restored_item *restored_last(const struct restored_story *story, uint8_t kind);
/* The last `received` that was no hold, or NULL. */
const struct restored_item *restored_final(const struct restored_story *story);
/* The log has the entry (kind, n), and other bytes are stored here. */
MUST_USE enum err restored_differs(struct flow *f, const struct flow_run *run, uint8_t kind,
                                   uint64_t n, const struct restored_story *story, bool *ret);
/* Within a transaction: all of the story becomes this database's own knowledge. */
MUST_USE enum err restored_adopt(struct flow *f, struct flow_run *run,
                                 const struct restored_story *story);
/* The final `received` that was adopted from the log. ERR_NOT_FOUND: none was. */
MUST_USE enum err restored_received(struct flow *f, const struct store_row *row, uint64_t *ret_n,
                                    uint8_t *ret_verdict);
/* Enters state with fill; from then on the run knows. True when that is done. */
bool restored_enter(struct flow *f, struct flow_run *run, enum flow_state state,
                    flow_run_fill *fill, const struct restored_story *story);

/* What becomes of it (restored_out.c, restored_in.c). stand: empty, or how the peer said that it
 * stands and its RECEIPT parcel. */
void restored_out_act(struct flow *f, struct flow_run *run, const struct restored_story *story,
                      struct span stand);
void restored_in_act(struct flow *f, struct flow_run *run, const struct restored_story *story);
/* X7: the peer has taken a RELEASE that is not stored here. */
void restored_out_fetch(struct flow *f, struct flow_run *run);
/* X8 without the RELEASE, an end without its receipt: what the peer said. */
void restored_out_stands(struct flow *f, struct flow_run *run, uint16_t status, struct span stand);

#endif
