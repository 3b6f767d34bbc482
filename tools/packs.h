/* SPDX-License-Identifier: Apache-2.0 */
/* The data files that come with the product (policy/packs), compiled in: tools/packs.py makes the
 * table when the tree is built. */
#ifndef TDZ_TOOLS_PACKS_H
#define TDZ_TOOLS_PACKS_H

#include "schemas/span.h"

struct pack {
    const char *name;   /* file name */
    const char *format; /* format name of its signed note */
    const char *folder; /* below the zone's folder: policies, agreements, partners, lists, "." */
    const char *zone;   /* "" = every zone */
    const uint8_t *bytes;
    size_t len;
};

/* All of them, static. */
const struct pack *packs_all(size_t *ret_count);

#endif
