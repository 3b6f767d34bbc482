/* SPDX-License-Identifier: Apache-2.0 */
/* Distinct persons that crossed, exact, per exporter and year: committed sets in the store, and
 * reservations of transfers that are under way. A reservation is the person set of its transfer
 * (STORE_PERSONS) plus a row that names exporter and year; committing merges it into the shards in
 * the same transaction as the RELEASE, and is never undone. Rows without a strong identifier count
 * one each. Spec: design.md 5, Counters. */
#ifndef TDZ_GATEWAY_CLERK_COUNTER_H
#define TDZ_GATEWAY_CLERK_COUNTER_H

#include "gateway/clerk/store.h"

enum { COUNTER_PI, COUNTER_SPI, COUNTER_KINDS };
enum { COUNTER_SHARDS = 256 };
/* Reservations of one exporter and year at a time; more wait their turn (ERR_AGAIN). */
enum { COUNTER_PENDING_MAX = 1024 };
/* Approvals that one transfer debits (STORE_DEBITS), 32 bytes each. */
enum { COUNTER_DEBITS_MAX = 8, COUNTER_DEBIT_BYTES = 32 };
/* Rows of one dataset, no more than the bytes of the largest; and the sum where a counter stops:
 * what is added to it never makes it less. */
#define COUNTER_ROWS_MAX (UINT64_C(1) << 46)
#define COUNTER_SUM_MAX (UINT64_C(1) << 62)

/* One kind of a person set: sorted, unique. */
struct counter_kind {
    const uint64_t *persons;
    size_t count;
    uint64_t rows;
};

struct counter_set {
    struct counter_kind kind[COUNTER_KINDS];
};

struct counter_value {
    uint64_t after[COUNTER_KINDS]; /* |S u pending u new| and rows */
    bool pending_others;           /* only others' reservations lift a value over |S u new| */
};

/* What an exporter's counter of a year is made of. */
struct counter_standing {
    int64_t opening[COUNTER_KINDS];
    int64_t adjusted[COUNTER_KINDS];
    uint64_t persons[COUNTER_KINDS];
    uint64_t rows[COUNTER_KINDS];
    uint64_t reserved[COUNTER_KINDS]; /* what reservations add */
    uint64_t value[COUNTER_KINDS];    /* as policy sees it at preflight */
};

/* The year a crossing at wall_ms counts in: the calendar year at UTC+8. */
uint64_t counter_year(int64_t wall_ms);

/* Reads a person set ("TDZP", docs/PROCESSES.md); bytes must be aligned to 8 and outlive the
 * result. ERR_VERSION, ERR_SHORT, ERR_TRAILING, ERR_NOT_CANONICAL (not sorted and unique),
 * ERR_RANGE (rows). */
MUST_USE enum err counter_read(struct span bytes, struct counter_set *ret);

/* Reserves for transfer id, whose set is stored as STORE_PERSONS. Within a transaction. Again with
 * the same transfer: the reservation moves to that year. ERR_AGAIN: too many are under way.
 * ERR_FULL: room is too small. ERR_NOT_FOUND: no set is stored. */
MUST_USE enum err counter_reserve(struct store *s, const uint8_t id[static 16],
                                  const char *exporter, uint64_t year, struct room *room,
                                  struct counter_value *ret);
/* The value as it stands for a transfer that holds a reservation. Errors as counter_reserve. */
MUST_USE enum err counter_value(struct store *s, const uint8_t id[static 16], const char *exporter,
                                uint64_t year, struct room *room, struct counter_value *ret);
/* The persons that crossed under an approval of exporter in all years, with those of transfer id,
 * which holds a reservation of year, and of the others that do and debit the same approval. Errors
 * as counter_reserve. */
MUST_USE enum err counter_debit(struct store *s, const uint8_t id[static 16], const char *exporter,
                                uint64_t year, const uint8_t approval[static 32], struct room *room,
                                uint64_t *ret_after);
/* Committed and reserved together, for preflight. */
MUST_USE enum err counter_present(struct store *s, const char *exporter, uint64_t year,
                                  struct room *room, struct counter_value *ret);
/* Committed, with operators' adjustments, never below 0. */
MUST_USE enum err counter_base(struct store *s, const char *exporter, uint64_t year,
                               uint64_t ret[static COUNTER_KINDS]);
/* Errors as counter_present. */
MUST_USE enum err counter_stand(struct store *s, const char *exporter, uint64_t year,
                                struct room *room, struct counter_standing *ret);
/* Merges the transfer's set into the year it was reserved for and into every approval of its
 * STORE_DEBITS, and deletes set and reservation.
 * Within the transaction that stores RELEASE. ERR_NOT_FOUND: it holds none. */
MUST_USE enum err counter_commit(struct store *s, const uint8_t id[static 16], const char *exporter,
                                 struct room *room);
/* Gives the reservation back and deletes the set. None: fine. */
MUST_USE enum err counter_drop(struct store *s, const uint8_t id[static 16]);

#endif
