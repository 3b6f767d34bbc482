/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration test's look at the register: every policy, list, agreement and partner is read
 * and its note verified exactly as judge will do it. */
#ifndef TDZ_GATEWAY_WARDEN_WARDEN_REGISTER_H
#define TDZ_GATEWAY_WARDEN_WARDEN_REGISTER_H

#include "gateway/warden/warden_files.h"

/* files as warden_files_open filled it. On error ret_fault says which document, line, column and
 * why. Errors of judge_book_new; ERR_IO, ERR_NOMEM. */
MUST_USE enum err warden_register_check(const struct warden_files *files, const struct config *c,
                                        struct fault *ret_fault);

/* Says on stderr what warden_register_check found, with its place if it has one. */
void warden_register_say(const char *config_path, enum err err, const struct fault *fault);

#endif
