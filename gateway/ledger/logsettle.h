/* SPDX-License-Identifier: Apache-2.0 */
/* Full tiles and bundles of a log are written here, off the way of an acknowledgement. They never
 * change again. */
#ifndef TDZ_GATEWAY_LEDGER_LOGSETTLE_H
#define TDZ_GATEWAY_LEDGER_LOGSETTLE_H

#include "crypto/tile.h"
#include "gateway/ledger/logstore.h"

/* Writes the tiles and bundles that became full. Call it when idle; an append does it when it must.
 * ERR_NO_SPACE, ERR_IO (the log ends). */
MUST_USE enum err logsettle_run(struct logstore *log);

/* Writes one tile or bundle; when it is a full one its partial forms are removed. As above. */
MUST_USE enum err logsettle_tile(struct logstore *log, const struct tile *tile, struct span bytes);

/* The bundle of the entries from first on; a view of log's memory until the next call. ERR_IO,
 * ERR_NOT_FOUND. */
MUST_USE enum err logsettle_bundle(struct logstore *log, uint64_t first, unsigned width,
                                   struct span *ret);

#endif
