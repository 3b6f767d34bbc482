/* SPDX-License-Identifier: Apache-2.0 */
/* Who may release what a rule holds. The `release` of a hold rule is one to four roles joined by
 * '+', spaces around a role do not count: "zone-authority" asks for one person in that role,
 * "zone-authority+data-owner" for two persons, "zone-authority+zone-authority" for two persons in
 * the same role. One person fills one place only. "operator" is a role that every operator of the
 * zone has. Pure, no allocation. Spec: formats.md Policy (release), docs/OPERATIONS.md. */
#ifndef TDZ_POLICY_APPROVERS_H
#define TDZ_POLICY_APPROVERS_H

#include "schemas/error.h"
#include "schemas/span.h"

enum { APPROVERS_ROLES_MAX = 4, APPROVERS_PERSONS_MAX = 32 };

/* The places to fill: views into the rule's text. */
struct approvers {
    size_t count;
    struct span role[APPROVERS_ROLES_MAX];
};

/* ERR_SYNTAX: an empty role; ERR_FULL: more than APPROVERS_ROLES_MAX. */
MUST_USE enum err approvers_parse(struct span release, struct approvers *ret);

MUST_USE enum err approvers_check(struct span release);

/* True if person number `person` of the caller's may act in role. */
typedef bool approvers_may(const void *ctx, size_t person, struct span role);

/* The places that stay empty when persons 0..count fill as many as they can, each person one: bit i
 * for role[i]; 0 = all are filled. Persons beyond APPROVERS_PERSONS_MAX are not looked at. */
unsigned approvers_missing(const struct approvers *a, size_t count, approvers_may *may,
                           const void *ctx);

#endif
