/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { BAR_WIDTH = 30 };
enum { REDRAW_MS = 100 };

/* Only the drawing of a bar hangs on this clock. */
static int64_t
now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
progress_init(struct progress *p, const char *label, uint64_t total)
{
    *p = (struct progress){.label = label, .total = total};
    p->is_terminal = isatty(STDERR_FILENO) == 1;
    p->start_ms = now_ms();
}

void
progress_draw(void *ctx, uint64_t done, uint64_t total)
{
    struct progress *p = ctx;
    const int64_t now = now_ms();
    const uint64_t all = p->total > 0 ? p->total : total;
    if (!p->is_terminal || (p->is_drawn && now - p->drawn_ms < REDRAW_MS && done != all))
        return;
    const double seconds = (double)(now - p->start_ms + 1) / 1000.0;
    const double rate = (double)done / seconds / 1e6;
    char bar[BAR_WIDTH + 1];
    const double share = all == 0 ? 0 : (double)done / (double)all;
    for (int i = 0; i < BAR_WIDTH; i++)
        bar[i] = (double)i < share * BAR_WIDTH ? '#' : '.';
    bar[BAR_WIDTH] = '\0';
    if (all > 0)
        fprintf(stderr, "\r\033[K%.40s [%s] %3.0f %%  %.1f MB  %.1f MB/s", p->label, bar,
                share * 100, (double)done / 1e6, rate);
    else
        fprintf(stderr, "\r\033[K%.40s  %.1f MB  %.1f MB/s", p->label, (double)done / 1e6, rate);
    (void)fflush(stderr);
    p->is_drawn = true;
    p->drawn_ms = now;
}

void
progress_end(struct progress *p)
{
    if (p->is_drawn)
        fputs("\r\033[K", stderr);
    p->is_drawn = false;
}
