/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/web/route.h"

/* The next segment of path (after its slash) and what follows it. */
static struct span
route_segment(struct span path, struct span *ret_rest)
{
    size_t len = 1;
    while (len < path.len && path.ptr[len] != '/')
        len++;
    *ret_rest = span_from(path, len);
    return span_of(path.ptr + 1, len - 1);
}

static bool
route_matches(const char *pattern, struct span path, struct span params[ROUTE_PARAMS_MAX])
{
    struct span left = span_str(pattern);
    size_t count = 0;
    while (left.len > 0 && path.len > 0) {
        struct span rest;
        const struct span want = route_segment(left, &left);
        const struct span have = route_segment(path, &rest);
        const bool is_param = want.len > 0 && want.ptr[0] == '{';
        if (is_param && (have.len == 0 || count == ROUTE_PARAMS_MAX))
            return false;
        if (is_param && want.len > 2 && want.ptr[want.len - 2] == '*') {
            params[count] = span_from(path, 1);
            return true;
        }
        if (is_param)
            params[count++] = have;
        else if (!span_eq(want, have))
            return false;
        path = rest;
    }
    return left.len == 0 && path.len == 0;
}

enum err
route_find(const struct route *routes, size_t count, enum http_method method, struct span path,
           struct route_match *ret_match)
{
    struct route_match match = {0};
    bool found = false;
    if (path.len == 0 || path.ptr[0] != '/')
        return ERR_NOT_FOUND;
    for (size_t i = 0; i < count; i++) {
        struct span params[ROUTE_PARAMS_MAX] = {{0}};
        if (!route_matches(routes[i].pattern, path, params))
            continue;
        match.allowed |= routes[i].methods;
        if (found || (routes[i].methods & ROUTE_METHOD(method)) == 0)
            continue;
        found = true;
        match.index = i;
        memcpy(match.params, params, sizeof(params));
    }
    if (match.allowed == 0)
        return ERR_NOT_FOUND;
    *ret_match = match;
    return found ? ERR_OK : ERR_UNSUPPORTED;
}

struct span
route_allow(unsigned methods, char out[static ROUTE_ALLOW_MAX])
{
    size_t len = 0;
    for (unsigned m = HTTP_GET; m <= (unsigned)HTTP_OPTIONS; m++) {
        if ((methods & ROUTE_METHOD(m)) == 0)
            continue;
        const struct span text = span_str(http_method_text((enum http_method)m));
        if (len + text.len + 2 > ROUTE_ALLOW_MAX)
            break;
        if (len > 0) {
            memcpy(out + len, ", ", 2);
            len += 2;
        }
        memcpy(out + len, text.ptr, text.len);
        len += text.len;
    }
    return span_of(out, len);
}
