/* SPDX-License-Identifier: Apache-2.0 */
/* A page of a list of transfers, as a client reads it: newest first, with a link to the next page
 * of the same filter when this one is full, by its limit or by its bytes. Spec: http-api.md. */
#ifndef TDZ_GATEWAY_CLERK_ROW_PAGE_H
#define TDZ_GATEWAY_CLERK_ROW_PAGE_H

#include "gateway/flow/flow_run.h"
#include "schemas/canon.h"

struct row_page {
    const char *path;   /* of the list */
    const char *member; /* of the answer: the array of rows */
    /* Writes the row in at most TRANSFER_JSON_MAX bytes; nothing when the list does not have it. */
    enum err (*put)(struct flow *f, const struct store_row *row, struct canon *w);
};

/* Answers ticket: 200 with what filter finds, or the problem "internal". */
void row_page_answer(struct flow *f, const struct chan_ticket *ticket,
                     const struct store_filter *filter, const struct row_page *page);

#endif
