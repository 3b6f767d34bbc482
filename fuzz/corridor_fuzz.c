/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: inbound_route_find corridor_json_hello_read corridor_json_state_read
 * corridor_json_receipt_read corridor_json_groups_read corridor_json_versions */
/* The first byte chooses the reader. What is read is in range, and what we write reads back. */
#include "fuzz/fuzz.h"
#include "gateway/link/corridor_json.h"
#include "gateway/link/inbound_route.h"

static void
on_route(struct span in)
{
    struct inbound_route route;
    if (inbound_route_find(HTTP_GET, in, &route) != ERR_OK &&
        inbound_route_find(HTTP_PUT, in, &route) != ERR_OK)
        return;
    FUZZ_MUST(route.path.ptr >= in.ptr && route.path.ptr + route.path.len <= in.ptr + in.len);
    FUZZ_MUST(route.kind != INBOUND_BODY || route.first <= UINT32_MAX);
    /* Nothing below the log folder but checkpoint and hash tiles is ever asked for. */
    FUZZ_MUST(route.kind != INBOUND_LOG ||
              (memmem(route.path.ptr, route.path.len, "..", 2) == NULL &&
               memmem(route.path.ptr, route.path.len, "entries", 7) == NULL));
}

static void
on_hello(struct span in)
{
    struct corridor_json_hello hello;
    struct corridor_json_hello again;
    char text[2 * CORRIDOR_JSON_HELLO_MAX];
    struct span out;
    if (corridor_json_hello_read(in, &hello) != ERR_OK)
        return;
    FUZZ_MUST(hello.low <= hello.high && hello.zone[0] != 0 && hello.gateway[0] != 0);
    FUZZ_MUST(strlen(hello.zone) < sizeof(hello.zone));
    if (corridor_json_hello_write(hello.zone, hello.gateway, text, sizeof(text), &out) == ERR_OK &&
        out.len <= CORRIDOR_JSON_HELLO_MAX) {
        FUZZ_MUST(corridor_json_hello_read(out, &again) == ERR_OK);
        FUZZ_MUST(strcmp(again.zone, hello.zone) == 0);
    }
}

static void
on_state(struct span in)
{
    struct corridor_json_status status;
    struct corridor_json_status again;
    char text[128];
    struct span out;
    if (corridor_json_state_read(in, &status) != ERR_OK)
        return;
    FUZZ_MUST(status.state <= CORRIDOR_JSON_DONE);
    FUZZ_MUST(corridor_json_state_write(status.groups, status.state, text, sizeof(text), &out) ==
              ERR_OK);
    FUZZ_MUST(corridor_json_state_read(out, &again) == ERR_OK);
    FUZZ_MUST(again.groups == status.groups && again.state == status.state);
}

/* A receipt comes out of those documents only that are states with one. */
static void
on_receipt(struct span in)
{
    enum { RECEIPT_CAP = 2048 };
    static uint8_t out[RECEIPT_CAP];
    struct corridor_json_status status;
    struct span parcel = {NULL, 0};
    const enum err read = corridor_json_state_read(in, &status);
    const enum err err = corridor_json_receipt_read(in, out, sizeof(out), &parcel);
    if (read != ERR_OK) {
        FUZZ_MUST(err == read && parcel.ptr == NULL);
        return;
    }
    FUZZ_MUST((err == ERR_NOT_FOUND) == !status.has_receipt);
    FUZZ_MUST(err == ERR_OK || parcel.ptr == NULL);
    FUZZ_MUST(err != ERR_OK || (parcel.ptr == out && parcel.len <= sizeof(out)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint64_t groups = 0;
    uint32_t low = 0;
    uint32_t high = 0;
    if (len == 0)
        return 0;
    const struct span in = span_of(data + 1, len - 1);
    switch (data[0] % 5) {
    case 0:
        on_route(in);
        break;
    case 1:
        on_hello(in);
        break;
    case 2:
        on_state(in);
        on_receipt(in);
        break;
    case 3:
        (void)!corridor_json_groups_read(in, &groups);
        break;
    default:
        FUZZ_MUST(corridor_json_versions(in, &low, &high) != ERR_OK || low <= high);
        break;
    }
    return 0;
}
