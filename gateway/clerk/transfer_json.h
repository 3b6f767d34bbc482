/* SPDX-License-Identifier: Apache-2.0 */
/* The transfer object of http-api.md, from a row and its parts. Results are in f->room. */
#ifndef TDZ_GATEWAY_CLERK_TRANSFER_JSON_H
#define TDZ_GATEWAY_CLERK_TRANSFER_JSON_H

#include "gateway/flow/flow_run.h"
#include "schemas/canon.h"

enum { TRANSFER_JSON_MAX = 512 * 1024 };

/* ERR_FULL, ERR_IO, and ERR_UTF8 for a row that should not be there. */
MUST_USE enum err transfer_json_write(struct flow *f, const struct store_row *row,
                                      struct span *ret);
/* The object into an open writer (a list of them). */
MUST_USE enum err transfer_json_put(struct flow *f, const struct store_row *row, struct canon *w);
/* The decision that speaks for the row: ours, or the other zone's refusal. */
MUST_USE enum err transfer_json_decision(struct flow *f, const struct store_row *row,
                                         struct span *ret);
/* "deny", "hold", "allow". */
const char *transfer_json_verdict(uint64_t verdict);

#endif
