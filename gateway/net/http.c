/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/net/http.h"

static const char *const http_methods[] = {"GET",   "HEAD",   "POST",   "PUT",
                                           "PATCH", "DELETE", "OPTIONS"};

struct http_limits
http_limits_default(void)
{
    return (struct http_limits){.head_ms = 10000,
                                .idle_ms = 60000,
                                .rate_ms = 10000,
                                .min_in_rate = 128,
                                .min_out_rate = 128,
                                .headers_max = HTTP_HEADERS_MAX,
                                .head_bytes_max = HTTP_HEAD_BYTES_MAX};
}

enum err
http_method_of(struct span text, enum http_method *ret_method)
{
    for (unsigned i = 0; i < sizeof(http_methods) / sizeof(http_methods[0]); i++) {
        if (span_eq_str(text, http_methods[i])) {
            *ret_method = (enum http_method)i;
            return ERR_OK;
        }
    }
    return ERR_UNSUPPORTED;
}

const char *
http_method_text(enum http_method method)
{
    return http_methods[method];
}

enum err
http_target(struct http_request *head, struct span target)
{
    if (target.len > HTTP_TARGET_MAX)
        return ERR_TOO_LARGE;
    const bool is_star = span_eq_str(target, "*") && head->method == HTTP_OPTIONS;
    if (!is_star && (target.len == 0 || target.ptr[0] != '/'))
        return ERR_SYNTAX;
    for (size_t i = 0; i < target.len; i++) {
        const uint8_t c = target.ptr[i];
        if (c <= 0x20 || c >= 0x7f || c == '#' || c == '"' || c == '<' || c == '>' || c == '\\')
            return ERR_SYNTAX;
    }
    const uint8_t *mark = memchr(target.ptr, '?', target.len);
    const size_t path_len = mark == NULL ? target.len : (size_t)(mark - target.ptr);
    head->target = target;
    head->path = span_of(target.ptr, path_len);
    head->query = mark == NULL ? span_of(NULL, 0) : span_from(target, path_len + 1);
    return ERR_OK;
}

static bool
http_is_alnum(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool
http_is_authority(struct span s)
{
    if (s.len == 0 || s.len > 255)
        return false;
    size_t at = 0;
    if (s.ptr[0] == '[') {
        const uint8_t *end = memchr(s.ptr, ']', s.len);
        if (end == NULL || end == s.ptr + 1)
            return false;
        for (const uint8_t *p = s.ptr + 1; p < end; p++) {
            const bool is_hex =
                (*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'f') || (*p >= 'A' && *p <= 'F');
            if (!is_hex && *p != ':' && *p != '.')
                return false;
        }
        at = (size_t)(end - s.ptr) + 1;
    } else {
        while (at < s.len && (http_is_alnum(s.ptr[at]) || s.ptr[at] == '-' || s.ptr[at] == '.'))
            at++;
        if (at == 0)
            return false;
    }
    if (at == s.len)
        return true;
    if (s.ptr[at] != ':' || s.len - at - 1 == 0 || s.len - at - 1 > 5)
        return false;
    for (size_t i = at + 1; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
    }
    return true;
}

static bool
http_is_token_byte(uint8_t c)
{
    return http_is_alnum(c) || (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

bool
http_is_token(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!http_is_token_byte(s.ptr[i]))
            return false;
    }
    return s.len > 0;
}

bool
http_is_name(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!http_is_token_byte(s.ptr[i]) || (s.ptr[i] >= 'A' && s.ptr[i] <= 'Z'))
            return false;
    }
    return s.len > 0;
}

bool
http_is_value(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((s.ptr[i] < 0x20 && s.ptr[i] != '\t') || s.ptr[i] == 0x7f)
            return false;
    }
    return s.len == 0 || (s.ptr[0] != ' ' && s.ptr[0] != '\t' && s.ptr[s.len - 1] != ' ' &&
                          s.ptr[s.len - 1] != '\t');
}

enum err
http_header_get(const struct http_request *head, const char *name, struct span *ret_value)
{
    const struct http_header *found = NULL;
    for (size_t i = 0; i < head->header_count; i++) {
        if (!span_eq_str(head->headers[i].name, name))
            continue;
        if (found != NULL)
            return ERR_DUPLICATE;
        found = &head->headers[i];
    }
    if (found == NULL)
        return ERR_NOT_FOUND;
    *ret_value = found->value;
    return ERR_OK;
}

enum err
http_response_check(const struct http_response *response)
{
    static const char *const ours[] = {"content-length", "transfer-encoding", "connection",
                                       "keep-alive",     "upgrade",           "proxy-connection"};
    if (response->status < 100 || response->status > 599)
        return ERR_RANGE;
    if (response->header_count > HTTP_RESPONSE_HEADERS_MAX)
        return ERR_FULL;
    for (size_t i = 0; i < response->header_count; i++) {
        const struct http_header *h = &response->headers[i];
        if (!http_is_name(h->name) || !http_is_value(h->value))
            return ERR_SYNTAX;
        for (size_t j = 0; j < sizeof(ours) / sizeof(ours[0]); j++) {
            if (span_eq_str(h->name, ours[j]))
                return ERR_SYNTAX;
        }
    }
    return ERR_OK;
}

bool
http_may_inform(const struct http_request *head, uint16_t status)
{
    struct span version;
    if (status == 100)
        return head->expect_continue;
    return status == 104 &&
           http_header_get(head, "upload-draft-interop-version", &version) == ERR_OK;
}

const char *
http_status_text(uint16_t status)
{
    static const struct {
        uint16_t status;
        const char *text;
    } texts[] = {{100, "Continue"},
                 {104, "Upload Resumption Supported"},
                 {200, "OK"},
                 {201, "Created"},
                 {202, "Accepted"},
                 {204, "No Content"},
                 {206, "Partial Content"},
                 {304, "Not Modified"},
                 {400, "Bad Request"},
                 {403, "Forbidden"},
                 {404, "Not Found"},
                 {405, "Method Not Allowed"},
                 {408, "Request Timeout"},
                 {409, "Conflict"},
                 {410, "Gone"},
                 {411, "Length Required"},
                 {412, "Precondition Failed"},
                 {413, "Content Too Large"},
                 {414, "URI Too Long"},
                 {415, "Unsupported Media Type"},
                 {416, "Range Not Satisfiable"},
                 {422, "Unprocessable Content"},
                 {423, "Locked"},
                 {429, "Too Many Requests"},
                 {431, "Request Header Fields Too Large"},
                 {460, "Checksum Mismatch"},
                 {500, "Internal Server Error"},
                 {501, "Not Implemented"},
                 {503, "Service Unavailable"},
                 {507, "Insufficient Storage"}};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (texts[i].status == status)
            return texts[i].text;
    }
    return "Unknown";
}

bool
http_response_has_body(enum http_method method, uint16_t status)
{
    return method != HTTP_HEAD && status >= 200 && status != 204 && status != 304;
}
