/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold of every history. */
#include "crypto/body.h"
#include "crypto/crypto.h"
#include "crypto/receipt.h"
#include "crypto/release.h"
#include "gateway/clerk/counter.h"
#include "gateway/clerk/spool.h"
#include "gateway/core/parcel.h"
#include "gateway/net/identity.h"
#include "schemas/entry.h"
#include "tests/unit/clerk/world.h"
#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* -- running */

void
world_check(struct world *w)
{
    for (size_t i = 0; i < w->item_count; i++) {
        struct world_item *item = &w->items[i];
        struct store_row row;
        if (!item->known || store_row_get(w->store, item->id, &row) != ERR_OK)
            continue;
        if (row.shown < item->shown ||
            (flow_state_is_final(item->shown) && row.shown != item->shown &&
             !(item->shown == FLOW_SHOWN_SETTLED && row.shown == FLOW_SHOWN_DELIVERED)))
            world_broke(w, "a public state went back");
        item->shown = row.shown;
    }
}

void
world_lose_log(struct world *w, const char *origin, uint64_t size, uint8_t succeeds)
{
    for (size_t i = 0; i < w->log_count; i++)
        free(w->log[i].bytes);
    w->log_count = 0;
    w->former = w->origin;
    w->former_size = size;
    w->origin = origin;
    w->succeeds = succeeds;
    w->came_over = false;
}

unsigned
world_logged(const struct world *w, size_t number, uint8_t kind)
{
    unsigned count = 0;
    for (size_t i = 0; i < w->log_count; i++)
        count += w->log[i].kind == kind && memcmp(w->log[i].transfer, w->items[number].id, 16) == 0
                     ? 1
                     : 0;
    return count;
}

bool
world_has_part(struct world *w, size_t number, enum store_part what, uint64_t n)
{
    static uint8_t memory[1 << 20];
    struct room room = {memory, sizeof(memory), 0};
    struct span bytes;
    return store_part_get(w->store, w->items[number].id, what, n, &room, &bytes) == ERR_OK;
}

size_t
world_spool_files(const struct world *w)
{
    size_t count = 0;
    char path[96];
    (void)snprintf(path, sizeof(path), "%s/spool", w->folder);
    DIR *dir = opendir(path);
    for (const struct dirent *e = dir == NULL ? NULL : readdir(dir); e != NULL; e = readdir(dir))
        count += e->d_name[0] == '.' ? 0 : 1;
    if (dir != NULL)
        (void)closedir(dir);
    return count;
}

uint64_t
world_counted(struct world *w)
{
    static uint8_t memory[1 << 24];
    struct room room = {memory, sizeof(memory), 0};
    struct counter_value value = {0};
    const enum err err = counter_present(w->store, "acme", counter_year(w->wall_ms), &room, &value);
    assert(err == ERR_OK);
    return value.after[COUNTER_PI];
}

struct store_row
world_row(struct world *w, size_t number)
{
    struct store_row row = {.state = FLOW_STATE_COUNT};
    if (store_row_get(w->store, w->items[number].id, &row) != ERR_OK)
        row.state = FLOW_STATE_COUNT;
    return row;
}
