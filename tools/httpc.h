/* SPDX-License-Identifier: Apache-2.0 */
/* HTTPS for the tools: one gateway, one client certificate, one request at a time over a kept
 * connection. TLS 1.3, HTTP/2 where the gateway offers it. Only the profile's authority is trusted,
 * no proxy and no environment variable is looked at, redirects are not followed. The only file that
 * includes curl is httpc.c. Allocates; not for the data path of the gateway. */
#ifndef TDZ_TOOLS_HTTPC_H
#define TDZ_TOOLS_HTTPC_H

#include "schemas/error.h"
#include "schemas/span.h"

#include <stdbool.h>

/* A problem or a transfer is a few KiB, a list of 500 transfers or an evidence file a few MiB. */
enum { HTTPC_BODY_MAX = 16 << 20 };
enum { HTTPC_HEADERS_MAX = 64 };

/* Who we are and whom we trust: paths of PEM files, and "https://host:port" without a path. */
struct httpc_profile {
    const char *url;
    const char *cert;
    const char *key;
    const char *ca;
};

struct httpc;

/* Called now and then with bytes moved and the expected total (0: not known). */
typedef void (*httpc_progress_fn)(void *ctx, uint64_t done, uint64_t total);

/* Takes bytes of a 2xx body in order; an error ends the request and is its result. */
typedef enum err (*httpc_sink_fn)(void *ctx, struct span bytes);

struct httpc_request {
    const char *method;
    const char *path;           /* from the root, escaped */
    const char *const *headers; /* "Name: value" lines */
    size_t header_count;
    struct span body;   /* sent when body_fd is -1 and it is not empty */
    int body_fd;        /* -1, or a file sent from its start */
    uint64_t body_len;  /* of body_fd */
    long timeout_s;     /* of the whole request; 0: only a stall of a minute ends it */
    httpc_sink_fn sink; /* NULL: the body is kept in the response */
    void *sink_ctx;
    httpc_progress_fn progress; /* may be NULL */
    void *progress_ctx;
};

struct httpc_response {
    long status;
    char *body; /* NUL terminated, never NULL; of any status when there was no sink */
    size_t body_len;
    char *headers[HTTPC_HEADERS_MAX]; /* "name: value" of the final response, names lower-case */
    size_t header_count;
};

/* The profile's strings are copied. ERR_NOMEM; ERR_CONFIG when url is not https://. */
MUST_USE enum err httpc_new(const struct httpc_profile *profile, struct httpc **ret);
void httpc_free(struct httpc *c);

/* Runs one request. The caller ends *ret with httpc_finish, also after an error (a response may
 * have come before it). Errors: ERR_CLOSED (cannot connect, or the connection broke), ERR_TIMEOUT,
 * ERR_AUTH (a certificate was refused, here or there), ERR_IO (body_fd), ERR_TOO_LARGE (body over
 * HTTPC_BODY_MAX), ERR_CONFIG (certificate or key cannot be used), ERR_PROTOCOL (not HTTP), or the
 * sink's. */
MUST_USE enum err httpc_do(struct httpc *c, const struct httpc_request *request,
                           struct httpc_response *ret);
void httpc_finish(struct httpc_response *response);

/* What went wrong in the last httpc_do, for people; valid until the next one: in a few words; the
 * library's own words; what to do ("" when there is nothing to say). */
const char *httpc_what(const struct httpc *c);
const char *httpc_detail(const struct httpc *c);
const char *httpc_next(const struct httpc *c);

/* The gateway's address, without a slash at its end. */
const char *httpc_url(const struct httpc *c);

/* False when the last httpc_do failed before the gateway can have seen the whole request. */
bool httpc_was_asked(const struct httpc *c);

/* The value of header name (lower-case), or NULL. */
const char *httpc_header(const struct httpc_response *response, const char *name);

#endif
