/* SPDX-License-Identifier: Apache-2.0 */
/* A consumer that writes every event into one text, so that two runs can be compared; it serves
 * both HTTP versions through a small table of calls. */
#ifndef TDZ_TESTS_UNIT_NET_HTTPREC_H
#define TDZ_TESTS_UNIT_NET_HTTPREC_H

#include "gateway/net/http.h"

enum { HTTPREC_TEXT_MAX = 64 * 1024 };

struct httprec_ops {
    enum err (*grant)(void *engine, uint32_t stream, uint64_t bytes);
    enum err (*respond)(void *engine, uint32_t stream, const struct http_response *response);
    enum err (*write)(void *engine, uint32_t stream, struct span bytes, size_t *ret_len);
    enum err (*finish)(void *engine, uint32_t stream);
};

struct httprec {
    const struct httprec_ops *ops;
    void *engine;
    uint64_t credit; /* granted at HEAD; 0: none */
    bool answers;    /* 200 with "ok" at END */
    bool early;      /* answers at HEAD instead */
    bool in_data;    /* the text ends in an unfinished run of data */
    unsigned heads;
    unsigned ends;
    unsigned dones;
    unsigned aborts;
    uint64_t data_bytes;
    uint32_t last_stream;
    enum err last_reason;
    size_t len;
    char text[HTTPREC_TEXT_MAX];
};

void httprec_reset(struct httprec *rec);
void httprec_event(void *ctx, const struct http_event *event);

#endif
