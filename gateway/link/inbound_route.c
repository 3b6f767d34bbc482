/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/link/inbound_route.h"

#include "schemas/text.h"

enum { INBOUND_ROUTE_ID = 32, INBOUND_ROUTE_ORIGIN = 64 };

/* Takes prefix off the front of *path. */
static bool
inbound_route_eat(struct span *path, struct span prefix)
{
    if (!span_starts(*path, prefix))
        return false;
    *path = span_from(*path, prefix.len);
    return true;
}

static enum err
inbound_route_method(enum http_method have, enum http_method want)
{
    return have == want ? ERR_OK : ERR_UNSUPPORTED;
}

static enum err
inbound_route_transfer(enum http_method method, struct span rest, struct inbound_route *ret)
{
    static const struct {
        const char *name;
        enum inbound_kind kind;
    } steps[] = {{"/offer", INBOUND_OFFER},
                 {"/seal", INBOUND_SEAL},
                 {"/release", INBOUND_RELEASE},
                 {"/receipt", INBOUND_RECEIPT}};
    if (rest.len < INBOUND_ROUTE_ID || text_unhex(span_of(rest.ptr, INBOUND_ROUTE_ID), false,
                                                  ret->transfer, sizeof(ret->transfer)) != ERR_OK)
        return ERR_NOT_FOUND;
    rest = span_from(rest, INBOUND_ROUTE_ID);
    if (rest.len == 0) {
        ret->kind = INBOUND_STATE;
        return inbound_route_method(method, HTTP_GET);
    }
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (!span_eq_str(rest, steps[i].name))
            continue;
        ret->kind = steps[i].kind;
        return inbound_route_method(method, HTTP_PUT);
    }
    if (!inbound_route_eat(&rest, SPAN_LIT("/body/")) ||
        text_parse_u64(rest, UINT32_MAX, &ret->first) != ERR_OK)
        return ERR_NOT_FOUND;
    ret->kind = INBOUND_BODY;
    return inbound_route_method(method, HTTP_PUT);
}

static enum err
inbound_route_corridor(enum http_method method, struct span rest, struct inbound_route *ret)
{
    if (!inbound_route_eat(&rest, SPAN_LIT("v1/")))
        return rest.len > 0 && rest.ptr[0] == 'v' ? ERR_VERSION : ERR_NOT_FOUND;
    if (span_eq(rest, SPAN_LIT("hello"))) {
        ret->kind = INBOUND_HELLO;
        return inbound_route_method(method, HTTP_GET);
    }
    if (!inbound_route_eat(&rest, SPAN_LIT("transfers/")))
        return ERR_NOT_FOUND;
    return inbound_route_transfer(method, rest, ret);
}

static enum err
inbound_route_witness(enum http_method method, struct span rest, struct inbound_route *ret)
{
    uint8_t origin[INBOUND_ROUTE_ORIGIN / 2];
    if (span_eq(rest, SPAN_LIT("add-checkpoint"))) {
        ret->kind = INBOUND_WITNESS_ADD;
        return inbound_route_method(method, HTTP_POST);
    }
    if (rest.len < INBOUND_ROUTE_ORIGIN ||
        text_unhex(span_of(rest.ptr, INBOUND_ROUTE_ORIGIN), false, origin, sizeof(origin)) !=
            ERR_OK ||
        !span_eq(span_from(rest, INBOUND_ROUTE_ORIGIN), SPAN_LIT("/checkpoint")))
        return ERR_NOT_FOUND;
    ret->kind = INBOUND_WITNESS_LATEST;
    return inbound_route_method(method, HTTP_GET);
}

/* Checkpoint and hash tiles; entry tiles carry what other organisations sent. */
static enum err
inbound_route_log(enum http_method method, struct span rest, struct inbound_route *ret)
{
    struct span tile = rest;
    const bool is_checkpoint = span_eq(rest, SPAN_LIT("checkpoint"));
    if (!is_checkpoint && (!inbound_route_eat(&tile, SPAN_LIT("tile/")) || tile.len == 0 ||
                           tile.ptr[0] < '0' || tile.ptr[0] > '9'))
        return ERR_NOT_FOUND;
    for (size_t i = 0; !is_checkpoint && i < tile.len; i++) {
        const uint8_t c = tile.ptr[i];
        const bool is_dots = c == '.' && i + 1 < tile.len && tile.ptr[i + 1] == '.';
        const bool in_path = (c >= '0' && c <= '9') || c == 'x' || c == 'p' || c == '/' || c == '.';
        if (is_dots || !in_path)
            return ERR_NOT_FOUND;
    }
    ret->kind = INBOUND_LOG;
    ret->path = rest;
    return inbound_route_method(method, HTTP_GET);
}

enum err
inbound_route_find(enum http_method method, struct span path, struct inbound_route *ret)
{
    struct inbound_route route = {.path = path};
    enum err err = ERR_NOT_FOUND;
    if (inbound_route_eat(&path, SPAN_LIT("/corridor/")))
        err = inbound_route_corridor(method, path, &route);
    else if (inbound_route_eat(&path, SPAN_LIT("/tlog/witness/")))
        err = inbound_route_witness(method, path, &route);
    else if (inbound_route_eat(&path, SPAN_LIT("/log/")))
        err = inbound_route_log(method, path, &route);
    if (err == ERR_OK)
        *ret = route;
    return err;
}
