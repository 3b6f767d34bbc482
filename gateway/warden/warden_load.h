/* SPDX-License-Identifier: Apache-2.0 */
/* What a warden reads before it starts anything. */
#ifndef TDZ_GATEWAY_WARDEN_WARDEN_LOAD_H
#define TDZ_GATEWAY_WARDEN_WARDEN_LOAD_H

#include "gateway/warden/warden.h"

/* Reads w->config_path into w->config, opens its files (no listener) and finds the account. What is
 * wrong goes to stderr as file:line:column. Exit status: 0, 1 (memory), 2 (wrong), 3 (unreadable).
 */
int warden_load_run(struct warden *w);

/* What a test of the configuration looks at beyond that: the certificate counts today, the note
 * that begins a new log does, and judge would take the register. Exit status: 0, 1 after saying on
 * stderr what is wrong. */
int warden_load_valid(struct warden *w);

/* Of a warden that started nothing: everything warden_load_run made, and w itself. */
void warden_load_free(struct warden *w);

/* Writes the pid file, if one is configured; a failure is a log line. */
void warden_load_pid_file(struct warden *w);

#endif
