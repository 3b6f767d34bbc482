/* SPDX-License-Identifier: Apache-2.0 */
/* A progress bar on stderr, drawn only when stderr is a terminal. */
#ifndef TDZ_TOOLS_PROGRESS_H
#define TDZ_TOOLS_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *label; /* the caller's, until progress_end */
    uint64_t total;    /* bytes expected; 0: not known */
    bool is_terminal;
    bool is_drawn;
    int64_t start_ms;
    int64_t drawn_ms;
};

void progress_init(struct progress *p, const char *label, uint64_t total);

/* done bytes are moved; total is used when progress_init knew none. ctx is a struct progress: the
 * type is httpc_progress_fn. */
void progress_draw(void *ctx, uint64_t done, uint64_t total);

/* Removes the bar. */
void progress_end(struct progress *p);

#endif
