/* SPDX-License-Identifier: Apache-2.0 */
/* The body of one import on its way into two files of clerk's: body (prefix, then sealed chunks)
 * and groups (the list of group roots, then a bitmap of the groups that are durable). The list must
 * fold to the root of the SEAL, and each group must hash to its root in the list before it counts.
 * A group that counts is never written again. Nothing here decides what is genuine: SEAL and root
 * come from keeper by way of clerk.
 *
 * One intake a transfer; lists and writers are the requests that feed it, a later request takes the
 * place of an earlier one over the same bytes. Allocates when made, not per byte.
 * Spec: docs/PROCESSES.md Corridor, container-and-keys.md 2.4. */
#ifndef TDZ_GATEWAY_LINK_INTAKE_H
#define TDZ_GATEWAY_LINK_INTAKE_H

#include "crypto/body.h"
#include "crypto/leafhash.h"
#include "crypto/leaftree.h"
#include "crypto/seal.h"

enum {
    INTAKE_RUN_GROUPS_MAX = 16, /* groups in one request */
    INTAKE_WRITERS_MAX = 32,    /* requests that write to one intake at a time */
    INTAKE_BATCH_BYTES = LEAFHASH_LANES * BODY_SEALED_BYTES,
};

struct intake;

/* A SEAL's list of group roots coming in. Plain data, owned by the request. */
struct intake_list {
    struct intake *intake;
    uint32_t token;
    uint64_t at; /* roots taken */
    size_t part_len;
    uint8_t part[32];
    struct leaftree tree;
};

/* A run of groups coming in: 256 KiB, owned by the request. */
struct intake_writer {
    struct intake *intake;
    uint32_t token;
    uint64_t first;
    uint64_t end;   /* group after the last */
    uint64_t group; /* the one under way */
    uint64_t chunk; /* of it, taken */
    uint64_t fresh; /* bit i: group first+i is verified and written by this writer */
    struct leaftree tree;
    size_t fill;
    uint8_t buf[INTAKE_BATCH_BYTES];
};

/* seal: the SEAL record that clerk accepted, with the root and body length clerk was told by
 * keeper. The descriptors are owned by the intake from now on, also on error. ERR_RANGE: SEAL, root
 * and length do not agree; errors of seal_decode; ERR_NOMEM. */
MUST_USE enum err intake_new(struct span seal, const uint8_t root[static 32], uint64_t body_len,
                             int body_fd, int groups_fd, struct intake **ret);
/* No list or writer of it may be used afterwards. NULL is fine. */
void intake_free(struct intake *in);

/* Whether the list of group roots is there and folds to the root. */
bool intake_is_listed(const struct intake *in);
uint64_t intake_groups(const struct intake *in);
/* Durable groups from 0 on without a gap. */
uint64_t intake_held(const struct intake *in);
bool intake_is_complete(const struct intake *in);
const uint8_t *intake_root(const struct intake *in);
/* Bytes of the list for a SEAL of so many plaintext bytes. */
uint64_t intake_list_bytes(uint64_t plain_len);
/* Groups in a request of length bytes that begins at group first. ERR_RANGE: not whole groups of
 * this body, or too many. */
MUST_USE enum err intake_run(const struct intake *in, uint64_t first, uint64_t length,
                             uint64_t *ret_count);

void intake_list_init(struct intake_list *list, struct intake *in);
/* ERR_TRAILING: more than the body's groups; ERR_CANCELLED: a later list took its place; ERR_IO. */
MUST_USE enum err intake_list_feed(struct intake_list *list, struct span bytes);
/* Then writers may come; what the bitmap says is held already. ERR_SHORT; ERR_PROOF: it does not
 * fold to the root; ERR_CANCELLED; ERR_IO. */
MUST_USE enum err intake_list_end(struct intake_list *list);

/* ERR_STATE: no list yet; ERR_RANGE; ERR_FULL: too many writers. */
MUST_USE enum err intake_writer_init(struct intake_writer *w, struct intake *in, uint64_t first,
                                     uint64_t count);
/* ERR_AUTH: a group does not hash to its root, nothing of it is kept; ERR_TRAILING;
 * ERR_CANCELLED: a later writer took its place; ERR_IO; ERR_NO_SPACE. */
MUST_USE enum err intake_writer_feed(struct intake_writer *w, struct span bytes);
/* Makes the groups durable and counts them. ERR_SHORT, ERR_CANCELLED, ERR_IO. */
MUST_USE enum err intake_writer_end(struct intake_writer *w);
/* Gives its place up; after end or any error too. */
void intake_writer_finish(struct intake_writer *w);

#endif
