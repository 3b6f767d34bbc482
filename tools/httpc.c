/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl behind httpc.h. */
#include "tools/httpc.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CONNECT_TIMEOUT_S = 15 };
enum { STALL_S = 60 };

struct httpc {
    CURL *curl;
    char *url;
    char detail[CURL_ERROR_SIZE];
    CURLcode code; /* of the last request */
    /* Of the request that runs. */
    const struct httpc_request *request;
    struct httpc_response *response;
    struct span unsent;
    uint64_t left;      /* of the file: what is still to be sent */
    const char *reason; /* why the file could not be sent; NULL: it could */
    enum err fault;     /* of a callback, kept over curl's own code */
};

static bool
set_profile(struct httpc *c, const struct httpc_profile *profile)
{
    CURL *const h = c->curl;
    return curl_easy_setopt(h, CURLOPT_ERRORBUFFER, c->detail) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_SSLCERT, profile->cert) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_SSLKEY, profile->key) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_CAINFO, profile->ca) == CURLE_OK &&
           /* The system's authorities must not speak for a gateway. */
           curl_easy_setopt(h, CURLOPT_CAPATH, NULL) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "https") == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_LOW_SPEED_LIMIT, 1L) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_LOW_SPEED_TIME, (long)STALL_S) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_UPLOAD_BUFFERSIZE, 512L * 1024) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_BUFFERSIZE, 256L * 1024) == CURLE_OK;
}

enum err
httpc_new(const struct httpc_profile *profile, struct httpc **ret)
{
    if (strncmp(profile->url, "https://", 8) != 0)
        return ERR_CONFIG;
    /* libcurl would write TLS secrets to the file this names. */
    (void)unsetenv("SSLKEYLOGFILE");
    struct httpc *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return ERR_NOMEM;
    c->url = strdup(profile->url);
    c->curl = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? curl_easy_init() : NULL;
    if (c->url == NULL || c->curl == NULL || !set_profile(c, profile)) {
        httpc_free(c);
        return ERR_NOMEM;
    }
    size_t len = strlen(c->url);
    while (len > 0 && c->url[len - 1] == '/')
        c->url[--len] = '\0';
    *ret = c;
    return ERR_OK;
}

void
httpc_free(struct httpc *c)
{
    if (c == NULL)
        return;
    curl_easy_cleanup(c->curl);
    free(c->url);
    free(c);
}

/* What was announced is what is sent: a file that is written to meanwhile is not half old, half new
 * in the other zone. */
static size_t
read_file(struct httpc *c, char *buf, size_t room)
{
    struct stat st;
    ssize_t got = -1;
    if (c->left == 0)
        return 0;
    if (room > c->left)
        room = (size_t)c->left;
    do
        got = read(c->request->body_fd, buf, room);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        c->reason = strerrordesc_np(errno);
    else if (got == 0)
        c->reason = "it became shorter";
    else if ((uint64_t)got == c->left &&
             (fstat(c->request->body_fd, &st) != 0 || (uint64_t)st.st_size != c->request->body_len))
        c->reason = "its length changed";
    if (c->reason != NULL) {
        c->fault = ERR_IO;
        return CURL_READFUNC_ABORT;
    }
    c->left -= (uint64_t)got;
    return (size_t)got;
}

static size_t
on_read(char *buf, size_t size, size_t count, void *ctx)
{
    struct httpc *c = ctx;
    const size_t room = size * count;
    if (c->request->body_fd < 0) {
        const size_t take = c->unsent.len < room ? c->unsent.len : room;
        if (take > 0)
            memcpy(buf, c->unsent.ptr, take);
        c->unsent = span_from(c->unsent, take);
        return take;
    }
    return read_file(c, buf, room);
}

/* libcurl sends a body twice when a kept connection turned out to be closed. */
static int
on_seek(void *ctx, curl_off_t offset, int origin)
{
    struct httpc *c = ctx;
    if (origin != SEEK_SET)
        return CURL_SEEKFUNC_CANTSEEK;
    if (c->request->body_fd < 0) {
        c->unsent = span_from(c->request->body, (size_t)offset);
        return CURL_SEEKFUNC_OK;
    }
    if (lseek(c->request->body_fd, offset, SEEK_SET) != offset)
        return CURL_SEEKFUNC_FAIL;
    c->left = c->request->body_len - (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

static size_t
keep_body(struct httpc *c, const char *bytes, size_t len)
{
    struct httpc_response *const r = c->response;
    if (r->body_len + len > HTTPC_BODY_MAX) {
        c->fault = ERR_TOO_LARGE;
        return 0;
    }
    char *grown = realloc(r->body, r->body_len + len + 1);
    if (grown == NULL) {
        c->fault = ERR_NOMEM;
        return 0;
    }
    memcpy(grown + r->body_len, bytes, len);
    r->body = grown;
    r->body_len += len;
    r->body[r->body_len] = '\0';
    return len;
}

static size_t
on_write(char *bytes, size_t size, size_t count, void *ctx)
{
    struct httpc *c = ctx;
    const size_t len = size * count;
    const bool good = c->response->status >= 200 && c->response->status < 300;
    if (c->request->sink == NULL || !good)
        return keep_body(c, bytes, len);
    c->fault = c->request->sink(c->request->sink_ctx, span_of(bytes, len));
    return c->fault == ERR_OK ? len : 0;
}

static void
drop_headers(struct httpc_response *r)
{
    for (size_t i = 0; i < r->header_count; i++)
        free(r->headers[i]);
    r->header_count = 0;
}

/* One header line, or the status line of an interim or final response. */
static size_t
on_header(char *bytes, size_t size, size_t count, void *ctx)
{
    struct httpc *c = ctx;
    struct httpc_response *const r = c->response;
    const size_t len = size * count;
    const struct span line = span_of(bytes, len);
    if (span_starts(line, SPAN_LIT("HTTP/"))) {
        drop_headers(r);
        (void)curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &r->status);
        return len;
    }
    size_t end = len;
    while (end > 0 && (bytes[end - 1] == '\r' || bytes[end - 1] == '\n' || bytes[end - 1] == ' '))
        end--;
    if (end == 0 || r->header_count == HTTPC_HEADERS_MAX)
        return len;
    char *copy = strndup(bytes, end);
    if (copy == NULL)
        return 0;
    for (char *at = copy; *at != '\0' && *at != ':'; at++)
        *at = (char)tolower((unsigned char)*at);
    r->headers[r->header_count++] = copy;
    return len;
}

static int
on_progress(void *ctx, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    struct httpc *c = ctx;
    const bool is_upload = c->request->body_fd >= 0;
    const curl_off_t done = is_upload ? up : down;
    const curl_off_t total = is_upload ? up_total : down_total;
    c->request->progress(c->request->progress_ctx, (uint64_t)done, (uint64_t)total);
    return 0;
}

static bool
set_body(struct httpc *c, const struct httpc_request *request)
{
    CURL *const h = c->curl;
    const bool has_body = request->body_fd >= 0 || request->body.len > 0;
    const curl_off_t len =
        (curl_off_t)(request->body_fd >= 0 ? request->body_len : request->body.len);
    c->unsent = request->body;
    c->left = request->body_len;
    if (!has_body)
        return curl_easy_setopt(h, CURLOPT_UPLOAD, 0L) == CURLE_OK &&
               curl_easy_setopt(h, CURLOPT_HTTPGET, 1L) == CURLE_OK;
    return curl_easy_setopt(h, CURLOPT_UPLOAD, 1L) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_INFILESIZE_LARGE, len) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_READFUNCTION, on_read) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_READDATA, c) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_SEEKFUNCTION, on_seek) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_SEEKDATA, c) == CURLE_OK;
}

static bool
set_request(struct httpc *c, const struct httpc_request *request, const char *url,
            struct curl_slist *headers)
{
    CURL *const h = c->curl;
    const long silent = request->progress == NULL ? 1L : 0L;
    return set_body(c, request) && curl_easy_setopt(h, CURLOPT_URL, url) == CURLE_OK &&
           /* A dataset's name may be "..": the gateway has a word on that, not libcurl. */
           curl_easy_setopt(h, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_CUSTOMREQUEST, request->method) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_write) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_WRITEDATA, c) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_HEADERDATA, c) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_NOPROGRESS, silent) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, on_progress) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_XFERINFODATA, c) == CURLE_OK &&
           curl_easy_setopt(h, CURLOPT_TIMEOUT, request->timeout_s) == CURLE_OK;
}

static enum err
err_of(CURLcode code)
{
    if (code == CURLE_OK)
        return ERR_OK;
    if (code == CURLE_OPERATION_TIMEDOUT)
        return ERR_TIMEOUT;
    if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CONNECT_ERROR)
        return ERR_AUTH;
    if (code == CURLE_SSL_CERTPROBLEM || code == CURLE_SSL_CACERT_BADFILE)
        return ERR_CONFIG;
    if (code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_HTTP2 || code == CURLE_HTTP2_STREAM)
        return ERR_PROTOCOL;
    return code == CURLE_OUT_OF_MEMORY ? ERR_NOMEM : ERR_CLOSED;
}

enum err
httpc_do(struct httpc *c, const struct httpc_request *request, struct httpc_response *ret)
{
    char url[8192];
    struct curl_slist *headers = NULL;
    *ret = (struct httpc_response){.body = calloc(1, 1)};
    if (ret->body == NULL)
        return ERR_NOMEM;
    if (snprintf(url, sizeof(url), "%s%s", c->url, request->path) >= (int)sizeof(url))
        return ERR_TOO_LARGE;
    c->detail[0] = '\0';
    c->request = request;
    c->response = ret;
    c->fault = ERR_OK;
    c->reason = NULL;
    c->code = CURLE_OK;
    for (size_t i = 0; i < request->header_count; i++) {
        struct curl_slist *longer = curl_slist_append(headers, request->headers[i]);
        if (longer == NULL) {
            curl_slist_free_all(headers);
            return ERR_NOMEM;
        }
        headers = longer;
    }
    enum err err = ERR_NOMEM;
    if (set_request(c, request, url, headers)) {
        const CURLcode code = curl_easy_perform(c->curl);
        c->code = code;
        /* An answer that came while we were still sending is an answer, also when the gateway then
         * stopped our body by RST_STREAM (RFC 9113 8.1). */
        const bool answered =
            ret->status >= 400 && request->body_fd >= 0 &&
            (code == CURLE_SEND_ERROR || code == CURLE_HTTP2_STREAM || code == CURLE_HTTP2);
        err = c->fault != ERR_OK ? c->fault : (answered ? ERR_OK : err_of(code));
        if (c->reason != NULL) /* libcurl only says that it was stopped */
            (void)snprintf(c->detail, sizeof(c->detail), "%s", c->reason);
        else if (err != ERR_OK && c->detail[0] == '\0')
            (void)snprintf(c->detail, sizeof(c->detail), "%s", curl_easy_strerror(code));
    }
    curl_slist_free_all(headers);
    return err;
}

void
httpc_finish(struct httpc_response *response)
{
    drop_headers(response);
    free(response->body);
    *response = (struct httpc_response){0};
}

const char *
httpc_detail(const struct httpc *c)
{
    return c->detail;
}

/* What is said of a failure to a person: what it is, and what to do. */
struct httpc_trouble {
    CURLcode code;
    const char *what;
    const char *next;
};

static const struct httpc_trouble httpc_troubles[] = {
    {CURLE_ABORTED_BY_CALLBACK, "the file could not be sent whole",
     "push it when nothing writes to it"},
    {CURLE_COULDNT_RESOLVE_HOST, "the name of the host is not known",
     "check the address, and this machine's name service"},
    {CURLE_COULDNT_CONNECT, "nothing answers there",
     "check the address, and that the gateway runs (of a sandbox: tdz sandbox status DIR)"},
    {CURLE_OPERATION_TIMEDOUT, "no answer in time", "try again later, or ask the zone's operator"},
    {CURLE_PEER_FAILED_VERIFICATION, "the gateway's certificate is not to be trusted",
     "the address and ca.pem must be of the same zone and host; do not go on without that"},
    {CURLE_SSL_CONNECT_ERROR, "no TLS connection",
     "check that the address is the gateway's, which speaks TLS 1.3 only"},
    {CURLE_SSL_CERTPROBLEM, "the client certificate or its key cannot be used",
     "cert.pem and key.pem are PEM files that belong together; key.pem has no pass phrase"},
    {CURLE_SSL_CACERT_BADFILE, "the authority's certificate cannot be used",
     "ca.pem is the PEM file that the zone's operator handed out"},
    {CURLE_SEND_ERROR, "the gateway ended the connection",
     "it refuses a client certificate that has expired or is of another zone's authority "
     "(openssl x509 -in cert.pem -noout -enddate -issuer); else try again"},
    {CURLE_RECV_ERROR, "the gateway ended the connection",
     "it refuses a client certificate that has expired or is of another zone's authority "
     "(openssl x509 -in cert.pem -noout -enddate -issuer); else try again"},
    {CURLE_GOT_NOTHING, "the gateway ended the connection", "try again"},
};

static const struct httpc_trouble *
httpc_trouble(const struct httpc *c)
{
    static const struct httpc_trouble other = {CURLE_OK, "the request failed", "try again"};
    for (size_t i = 0; i < sizeof(httpc_troubles) / sizeof(httpc_troubles[0]); i++)
        if (httpc_troubles[i].code == c->code)
            return &httpc_troubles[i];
    return &other;
}

/* A fault of a callback that has no row above. */
static bool
httpc_is_ours(const struct httpc *c)
{
    return c->fault != ERR_OK && c->reason == NULL;
}

const char *
httpc_what(const struct httpc *c)
{
    return httpc_is_ours(c) ? error_text(c->fault) : httpc_trouble(c)->what;
}

const char *
httpc_next(const struct httpc *c)
{
    return httpc_is_ours(c) ? "" : httpc_trouble(c)->next;
}

const char *
httpc_url(const struct httpc *c)
{
    return c->url;
}

bool
httpc_was_asked(const struct httpc *c)
{
    switch ((unsigned)c->code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_ABORTED_BY_CALLBACK: /* we stopped our own body: it is whole nowhere */
        return false;
    default:
        return true;
    }
}

const char *
httpc_header(const struct httpc_response *response, const char *name)
{
    const size_t len = strlen(name);
    for (size_t i = 0; i < response->header_count; i++) {
        const char *line = response->headers[i];
        if (strncmp(line, name, len) == 0 && line[len] == ':')
            return line + len + 1 + strspn(line + len + 1, " ");
    }
    return NULL;
}
