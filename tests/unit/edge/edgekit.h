/* SPDX-License-Identifier: Apache-2.0 */
/* An edge without sockets: real channels, rings and loop, other roles played by the test, and a
 * connection that writes down what it is told. */
#ifndef TDZ_TESTS_UNIT_EDGE_EDGEKIT_H
#define TDZ_TESTS_UNIT_EDGE_EDGEKIT_H

#include "gateway/core/ring.h"
#include "gateway/edge/edge.h"

enum { KIT_STREAMS = 8, KIT_BODY_MAX = 512 * 1024 };

/* What one stream of the connection was told. */
struct edgekit_stream {
    bool open;
    struct http_request head;
    uint64_t granted;
    unsigned informs;
    uint16_t status;
    bool has_length;
    uint64_t length;
    char headers[4096]; /* "name: value\n" */
    uint8_t *body;
    size_t body_len;
    bool finished;
    bool reset;
    size_t room; /* the connection takes that much more; SIZE_MAX: everything */
};

/* The last messages another role got. */
struct edgekit_heard {
    unsigned count;
    enum msg_type type;
    uint8_t transfer[16];
    uint8_t body[MSG_PAYLOAD_MAX];
    size_t len;
    int fds[MSG_FDS_MAX];
    size_t fd_count;
    struct chan_ticket ticket;
};

struct edgekit {
    struct loop *loop;
    struct edge *edge;
    struct edge_config config;
    struct identity who;
    int64_t now_ms;
    struct chan_host *edge_host;
    struct chan_host *hosts[ROLE_COUNT];
    struct chan *to[ROLE_COUNT];   /* edge's ends */
    struct chan *from[ROLE_COUNT]; /* the other roles' ends */
    struct edgekit_heard heard[ROLE_COUNT];
    unsigned violations; /* of the other roles, as edge saw them */
    struct edgekit_stream streams[KIT_STREAMS];
    uint32_t generation;
};

void edgekit_start(struct edgekit *k);
void edgekit_finish(struct edgekit *k);
/* Runs what is ready. */
void edgekit_run(struct edgekit *k);
/* Runs until role hears one message more; a timer may have to pass for it. */
void edgekit_hear(struct edgekit *k, enum role_id role);

/* A request on stream n (1..KIT_STREAMS-1); headers: "name: value\n" lines. Gives HEAD, and END for
 * one without body. */
void edgekit_request(struct edgekit *k, uint32_t n, enum http_method method, const char *target,
                     const char *headers);
/* One with a body that still comes; length UINT64_MAX: unknown. */
void edgekit_upload(struct edgekit *k, uint32_t n, enum http_method method, const char *target,
                    const char *headers, uint64_t length);
void edgekit_data(struct edgekit *k, uint32_t n, struct span data);
void edgekit_event(struct edgekit *k, uint32_t n, enum http_event_type type, enum err reason);

/* The other role's answer to the last thing it heard, or a message of its own. */
void edgekit_answer(struct edgekit *k, enum role_id role, enum msg_type type, const char *transfer,
                    struct span body, int fd);
void edgekit_tell(struct edgekit *k, enum role_id role, enum msg_type type, const char *transfer,
                  struct span body, const int *fds, size_t fd_count);
/* The inspector's end of the ring it was last sent. */
struct ring *edgekit_ring(struct edgekit *k);
/* What clerk was last told with UPLOAD_END. */
struct p_upload_end edgekit_end(const struct edgekit *k);
/* Clerk lets the last UPLOAD_OPEN go on, as transfer. */
void edgekit_go(struct edgekit *k, const char *transfer, uint64_t bytes_max);
/* An ANSWER of clerk. */
void edgekit_says(struct edgekit *k, const char *transfer, uint16_t status, const char *code,
                  const char *body, uint8_t flags);
/* The process of role dies, and a new one comes. */
void edgekit_replace(struct edgekit *k, enum role_id role);

/* Header of the answer on stream n contains "name: value". */
bool edgekit_has(const struct edgekit *k, uint32_t n, const char *line);
bool edgekit_body_has(const struct edgekit *k, uint32_t n, const char *text);

#endif
