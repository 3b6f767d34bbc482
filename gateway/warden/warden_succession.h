/* SPDX-License-Identifier: Apache-2.0 */
/* The note of files.succession, looked at before ledger does. */
#ifndef TDZ_GATEWAY_WARDEN_WARDEN_SUCCESSION_H
#define TDZ_GATEWAY_WARDEN_WARDEN_SUCCESSION_H

#include "gateway/warden/warden_files.h"

/* ERR_CONFIG with files->problem: the note does not count for this zone and origin (docs/adr/0009);
 * whether the log folder fits it ledger finds out. ERR_OK also without a note. ERR_NOMEM, ERR_IO.
 */
MUST_USE enum err warden_succession_check(struct warden_files *files, const struct config *c);

#endif
