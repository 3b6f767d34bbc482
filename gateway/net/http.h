/* SPDX-License-Identifier: Apache-2.0 */
/* The one model of requests and responses that HTTP/1.1 and HTTP/2 both feed. The consumer gets
 * events, grants credit for the bytes of a body it has room for, and answers by stream number. */
#ifndef TDZ_GATEWAY_NET_HTTP_H
#define TDZ_GATEWAY_NET_HTTP_H

#include "schemas/error.h"
#include "schemas/problem.h"
#include "schemas/span.h"

enum {
    HTTP_HEADERS_MAX = 64,
    HTTP_HEAD_BYTES_MAX = 16 * 1024, /* names, values and 32 a field, as RFC 9113 6.5.2 counts */
    HTTP_TARGET_MAX = 8 * 1024,
    HTTP_RESPONSE_HEADERS_MAX = 32,
};

/* Grants an unlimited body, for a consumer that discards it. */
#define HTTP_CREDIT_ALL UINT64_MAX

enum http_method {
    HTTP_GET,
    HTTP_HEAD,
    HTTP_POST,
    HTTP_PUT,
    HTTP_PATCH,
    HTTP_DELETE,
    HTTP_OPTIONS,
};

struct http_header {
    struct span name; /* lower case */
    struct span value;
};

/* The head of a request. Its bytes belong to the engine and stay until DONE or ABORT returns. */
struct http_request {
    enum http_method method;
    struct span target; /* path and query as sent; "*" for OPTIONS * */
    struct span path;   /* before '?', escapes as sent */
    struct span query;  /* after '?', empty if none */
    struct span authority;
    size_t header_count;
    struct http_header headers[HTTP_HEADERS_MAX]; /* without host and pseudo headers */
    bool has_body;                                /* false: END follows at once */
    bool has_length; /* false with has_body: ends where the sender ends it */
    uint64_t length;
    bool expect_continue; /* the client waits for 100 before it sends the body */
};

/* length is used with has_length; a body of unknown length is chunked (1.1) or simply ended. The
 * writer adds content-length and connection itself; they may not be among headers. */
struct http_response {
    uint16_t status;
    const struct http_header *headers; /* lower-case names */
    size_t header_count;
    bool has_length;
    uint64_t length;
};

enum http_event_type {
    HTTP_EVENT_HEAD,     /* a request begins: head */
    HTTP_EVENT_DATA,     /* bytes of its body, never more than was granted: data */
    HTTP_EVENT_END,      /* its body is complete */
    HTTP_EVENT_WRITABLE, /* a response that was refused room can go on */
    HTTP_EVENT_DONE,     /* last: the response is complete and handed to the transport */
    HTTP_EVENT_ABORT,    /* last: request or response was cut short: reason */
};

/* Every stream that had HEAD gets exactly one DONE or ABORT, and nothing after it. */
struct http_event {
    enum http_event_type type;
    uint32_t stream; /* HTTP/2 stream; in HTTP/1.1 the request's number from 1 */
    const struct http_request *head;
    struct span data;
    enum err reason; /* ERR_CLOSED, ERR_SHORT, ERR_TIMEOUT, ERR_PROTOCOL, ERR_CANCELLED */
};

/* The consumer may call grant, inform, respond, write, finish and reset from inside event. */
struct http_sink {
    void (*event)(void *ctx, const struct http_event *event);
    void *ctx;
};

/* What a listener allows; every field is a configuration key. Rates in bytes a second. */
struct http_limits {
    uint32_t head_ms;        /* from the first byte of a head to its last */
    uint32_t idle_ms;        /* without any request open */
    uint32_t rate_ms;        /* window over which the least rates are measured */
    uint32_t min_in_rate;    /* of a body, while credit is open */
    uint32_t min_out_rate;   /* of a response, while bytes wait */
    uint32_t headers_max;    /* <= HTTP_HEADERS_MAX */
    uint32_t head_bytes_max; /* <= HTTP_HEAD_BYTES_MAX */
};

/* 10 s, 60 s, 10 s, 128 B/s, 128 B/s, 64 and 16 KiB. */
struct http_limits http_limits_default(void);

/* ERR_UNSUPPORTED for a method we do not serve. */
MUST_USE enum err http_method_of(struct span text, enum http_method *ret_method);
const char *http_method_text(enum http_method method);

/* Splits an origin-form target (or "*" for OPTIONS) into path and query. ERR_SYNTAX: not printable
 * ASCII, a fragment, or no leading slash; ERR_TOO_LARGE. */
MUST_USE enum err http_target(struct http_request *head, struct span target);

/* True for a host[:port] of letters, digits, '-', '.', or a bracketed IPv6 literal. */
bool http_is_authority(struct span s);

/* RFC 9110 5.1 and 5.5: a token; a value without control characters but tab, without outer blanks.
 * http_is_name accepts lower case only. */
bool http_is_token(struct span s);
bool http_is_name(struct span s);
bool http_is_value(struct span s);

/* The value of the only header of that name. ERR_NOT_FOUND; ERR_DUPLICATE. */
MUST_USE enum err http_header_get(const struct http_request *head, const char *name,
                                  struct span *ret_value);

/* ERR_SYNTAX: a name or value that would break the message, or a header that is the writer's;
 * ERR_RANGE: a status outside 100-599; ERR_FULL: too many headers. */
MUST_USE enum err http_response_check(const struct http_response *response);

/* Whether an informational status may be sent for this request: 100 only if it was expected, 104
 * only to a client that sent upload-draft-interop-version (others take it for the answer). */
bool http_may_inform(const struct http_request *head, uint16_t status);

/* "Not Found"; "Unknown" for a status not in use. */
const char *http_status_text(uint16_t status);

/* False for HEAD, 204 and 304, whose responses have no body. */
bool http_response_has_body(enum http_method method, uint16_t status);

#endif
