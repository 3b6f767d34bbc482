/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP/2 server connection over nghttp2: bytes in, events out, responses in, bytes out. Windows
 * open only as bytes leave towards the consumer; everything a peer can make us do for nothing is
 * counted, and a peer that overdoes it gets GOAWAY and the end of the connection. */
#ifndef TDZ_GATEWAY_NET_H2SERVER_H
#define TDZ_GATEWAY_NET_H2SERVER_H

#include "gateway/net/http.h"

/* Bytes promised to peers as windows, over all connections of a process. */
struct h2server_budget {
    uint64_t limit;
    uint64_t used;
};

struct h2server_config {
    struct http_limits limits;
    struct http_sink sink;
    /* Called when something must be sent although no byte came: the owner then calls run. May be
     * NULL if the owner runs after every call. */
    void (*wake)(void *ctx);
    void *wake_ctx;
    struct h2server_budget *budget; /* outlives the connection */
    uint32_t streams_max;           /* concurrent */
    uint32_t stream_window;         /* at first, bytes */
    uint32_t connection_window;     /* at first */
    uint32_t window_max;            /* up to which either grows while its peer fills it */
    uint32_t reset_burst;           /* resets, the peer's and those it provokes */
    uint32_t reset_per_s;
    uint32_t glitch_burst; /* PING, SETTINGS, PRIORITY, empty DATA, tiny WINDOW_UPDATE, unknown */
    uint32_t glitch_per_s;
};

/* 100 streams, 256 KiB, 1 MiB, 32 MiB; 1000 + 33/s; 100 + 10/s; http_limits_default. */
struct h2server_config h2server_config_default(void);

struct h2server;

/* Copies config. ERR_NOMEM. */
MUST_USE enum err h2server_new(const struct h2server_config *config, int64_t now_ms,
                               struct h2server **ret_server);
/* Gives ABORT with ERR_CLOSED for every open stream. NULL is accepted. */
void h2server_free(struct h2server *s);

/* Takes all of in. ERR_PROTOCOL: the peer broke the protocol or a limit; GOAWAY waits in out and
 * the connection is closing. */
MUST_USE enum err h2server_feed(struct h2server *s, struct span in, int64_t now_ms);
/* The peer sent its last byte: open streams are aborted with ERR_SHORT. */
void h2server_eof(struct h2server *s);
/* Hands on what was granted, and fills out. Call after feed, after any call of the consumer, and
 * when out was taken. */
void h2server_run(struct h2server *s, int64_t now_ms);
struct span h2server_out(const struct h2server *s);
void h2server_out_taken(struct h2server *s, size_t len);
/* True when run would do something: a test of the owner's scheduling. */
bool h2server_wants_run(const struct h2server *s);

bool h2server_is_closing(const struct h2server *s);
void h2server_drain(struct h2server *s);
bool h2server_is_idle(const struct h2server *s);
void h2server_tick(struct h2server *s, int64_t now_ms);
int64_t h2server_deadline(const struct h2server *s);

/* The consumer's side, as in h1.h. A stream that is over gives ERR_NOT_FOUND. */
MUST_USE enum err h2server_grant(struct h2server *s, uint32_t stream, uint64_t bytes);
MUST_USE enum err h2server_inform(struct h2server *s, uint32_t stream,
                                  const struct http_response *response);
MUST_USE enum err h2server_respond(struct h2server *s, uint32_t stream,
                                   const struct http_response *response);
MUST_USE enum err h2server_write(struct h2server *s, uint32_t stream, struct span bytes,
                                 size_t *ret_len);
MUST_USE enum err h2server_finish(struct h2server *s, uint32_t stream);
MUST_USE enum err h2server_reset(struct h2server *s, uint32_t stream);

#endif
