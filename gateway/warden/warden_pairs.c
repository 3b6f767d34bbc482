/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/warden/warden_pairs.h"

#include <sys/socket.h>
#include <unistd.h>

#include "gateway/warden/warden_child.h"
#include "schemas/wire.h"

/* Gives one end of a pair to child; the end is closed here. */
static enum err
warden_pairs_give(struct warden_child *child, const struct warden_child *peer, bool blocking,
                  uint32_t generation, int end)
{
    uint8_t buf[16];
    struct wire_writer w;
    struct msg m = {.type = MSG_CHANNEL, .fds = {end}, .fd_count = 1};
    wire_writer_init(&w, buf, sizeof(buf));
    wire_put_u8(&w, (uint8_t)peer->role);
    wire_put_u8(&w, (uint8_t)peer->index);
    wire_put_u8(&w, blocking ? 1 : 0);
    wire_put_u32(&w, generation);
    wire_put_u32(&w, peer->incarnation);
    enum err err = wire_writer_finish(&w, &m.body);
    if (err == ERR_OK)
        err = chan_send(child->chan, &m);
    if (err == ERR_OK)
        child->generation[blocking ? 1 : 0][peer->role][peer->index] = generation;
    (void)close(end);
    return err;
}

static enum err
warden_pairs_join(struct warden_child *child, struct warden_child *peer, bool blocking)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
        return ERR_SYS;
    const uint32_t generation = ++child->warden->generation;
    const enum err err = warden_pairs_give(child, peer, blocking, generation, ends[0]);
    /* A peer that cannot take it is on its way out: its successor gets a new pair. */
    if (warden_pairs_give(peer, child, blocking, generation, ends[1]) != ERR_OK)
        warden_child_kill(peer);
    return err;
}

enum err
warden_pairs_make(struct warden_child *child)
{
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        for (unsigned i = 0; i < ROLE_INDEX_MAX; i++) {
            struct warden_child *peer = child->warden->children[role][i];
            if (peer == NULL || peer == child || peer->pid == 0 || !chan_is_open(peer->chan))
                continue;
            for (unsigned kind = 0; kind < 2; kind++) {
                if (msg_pair_allowed(child->role, peer->role, kind == 1))
                    TRY(warden_pairs_join(child, peer, kind == 1));
            }
        }
    }
    return ERR_OK;
}
