/* SPDX-License-Identifier: Apache-2.0 */
/* One inspector over real rings, and what the test, playing edge, sealer, keeper, clerk and judge,
 * says to it and hears from it. */
#ifndef TDZ_TESTS_UNIT_INSPECTOR_INSPECTORKIT_H
#define TDZ_TESTS_UNIT_INSPECTOR_INSPECTORKIT_H

#include "gateway/inspector/inspector.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "crypto/digest.h"
#include "gateway/core/attest.h"
#include "gateway/core/personset.h"
#include "inspect/report.h"
#include "tests/test.h"

enum { FILE_MAX = 1 << 20 };

static struct inspector engine;
static uint8_t scratch[MSG_PAYLOAD_MAX];
static const uint8_t transfer[16] = {0xaa, 1};
static const uint8_t offer[32] = {0x0f};
static uint8_t ring_astray; /* not 0: edge brings its ring to another container */

static struct {
    bool retired;
    unsigned again;
    int inspected;
    struct p_inspected told;
    char code[64];
    int findings;
    bool judge_first;
    uint8_t report[FILE_MAX];
    size_t report_len;
    struct personset persons;
    struct ring *out;
    enum err sealer_err;
} seen;

static const char spec_table[] =
    "{\"actions\":{},\"ceilings\":{\"persons\":100},\"direction\":\"export\",\"format\":"
    "\"tdz.inspect/1\",\"schema\":{\"additional\":\"refuse\",\"fields\":[{\"name\":\"email\","
    "\"type\":\"string\",\"x-class\":\"personal\",\"x-identifier\":\"email\"},{\"name\":\"n\","
    "\"type\":\"string\",\"x-class\":\"business\"}],\"format\":\"csv\"}}";
static const char spec_token[] =
    "{\"actions\":{\"encrypt\":{},\"tokenise\":{\"fields\":[\"email\"]}},\"ceilings\":"
    "{\"persons\":100},\"direction\":\"export\",\"format\":"
    "\"tdz.inspect/1\",\"schema\":{\"additional\":\"refuse\",\"fields\":[{\"name\":\"email\","
    "\"type\":\"string\",\"x-class\":\"personal\",\"x-identifier\":\"email\"},{\"name\":\"n\","
    "\"type\":\"string\",\"x-class\":\"business\"}],\"format\":\"csv\"}}";

static size_t
read_all(int fd, uint8_t *buf)
{
    const ssize_t n = pread(fd, buf, FILE_MAX, 0);
    CHECK(n >= 0);
    return n < 0 ? 0 : (size_t)n;
}

static void
on_inspected(struct span body, const int *fds, size_t fd_count)
{
    seen.inspected++;
    CHECK_EQ(payload_inspected_get(body, &seen.told), ERR_OK);
    (void)snprintf(seen.code, sizeof(seen.code), "%.*s", (int)seen.told.code.len,
                   (const char *)seen.told.code.ptr);
    CHECK_EQ(fd_count, seen.told.err == 0 ? 2 : 0);
    if (fd_count == 2) {
        personset_free(&seen.persons);
        CHECK_EQ(personset_load(fds[1], &seen.persons), ERR_OK);
    }
}

static enum err
on_send(void *ctx, enum role_id role, unsigned index, uint32_t generation, enum msg_type type,
        const uint8_t id[static 16], struct span body, const int *fds, size_t fd_count)
{
    (void)ctx;
    CHECK(memcmp(id, transfer, 16) == 0);
    if (type == MSG_RING_SEAL) {
        int mine[RING_FDS];
        if (seen.sealer_err != ERR_OK)
            return seen.sealer_err;
        CHECK(role == ROLE_SEALER && index == 3 && generation == 9 && fd_count == RING_FDS);
        for (size_t k = 0; k < RING_FDS; k++)
            mine[k] = dup(fds[k]);
        CHECK_EQ(ring_attach(mine, RING_SLOTS_MAX, &seen.out), ERR_OK);
    }
    if (type == MSG_FINDINGS) {
        struct p_findings p;
        uint8_t hash[32];
        CHECK_EQ(payload_findings_get(body, &p), ERR_OK);
        CHECK(role == ROLE_JUDGE && fd_count == 1);
        seen.findings++;
        seen.judge_first = seen.inspected == 0;
        seen.report_len = read_all(fds[0], seen.report);
        CHECK(pwrite(fds[0], "x", 1, 0) == -1);
        CHECK_EQ(digest_sha256(span_of(seen.report, seen.report_len), hash), ERR_OK);
        CHECK(memcmp(hash, p.findings_hash, 32) == 0);
    }
    if (type == MSG_INSPECTED)
        on_inspected(body, fds, fd_count);
    return ERR_OK;
}

static enum err
on_watch(void *ctx, size_t slot, enum inspector_ring which, int fd)
{
    return ctx == NULL && slot < 4 && which < INSPECTOR_RINGS && fd >= -1 ? ERR_OK : ERR_BUG;
}

static void
on_again(void *ctx, size_t slot)
{
    (void)ctx;
    seen.again |= 1U << (slot & 31U);
}

static void
on_retire(void *ctx)
{
    (void)ctx;
    seen.retired = true;
}

static void
restart(void)
{
    inspector_finish(&engine);
    engine = (struct inspector){.out = {NULL, on_send, on_watch, on_again, on_retire}};
    CHECK_EQ(inspector_init(&engine, 4, 2), ERR_OK);
    ring_free(seen.out);
    personset_free(&seen.persons);
    memset(&seen, 0, sizeof(seen));
}

static enum err
tell_as(enum role_id from, unsigned index, uint32_t gen, enum msg_type type, struct span body,
        int *fds, size_t fd_count)
{
    struct inspector_in in = {.type = type,
                              .from = from,
                              .from_index = index,
                              .from_generation = gen,
                              .body = body,
                              .fds = fds,
                              .fd_count = fd_count};
    memcpy(in.transfer, transfer, 16);
    return inspector_handle(&engine, &in);
}

#define BODY(name, p)                                                              \
    __extension__({                                                                \
        struct span body_ = {NULL, 0};                                             \
        if (payload_##name##_put((p), scratch, sizeof(scratch), &body_) != ERR_OK) \
            exit(1);                                                               \
        body_;                                                                     \
    })

static enum err
tell_open(const char *spec, const char *partner, enum direction direction)
{
    struct p_inspect_open p = {.direction = (uint8_t)direction,
                               .partner = span_str(partner),
                               .source = 2,
                               .source_gen = 5,
                               .sealer = 3,
                               .sealer_gen = 9,
                               .spec = span_str(spec)};
    memcpy(p.offer_hash, offer, 32);
    return tell_as(ROLE_CLERK, 0, 1, MSG_INSPECT_OPEN, BODY(inspect_open, &p), NULL, 0);
}

static enum err
tell_keys(uint8_t first)
{
    struct p_inspect_keys p = {.counting_key = {first}, .token_key = {2}, .evidence_key = {3}};
    memcpy(p.offer_hash, offer, 32);
    return tell_as(ROLE_KEEPER, 0, 1, MSG_INSPECT_KEYS, BODY(inspect_keys, &p), NULL, 0);
}

static enum err
tell_ring(struct ring *ring, enum role_id from, unsigned index, uint32_t gen)
{
    struct p_ring_upload p;
    int fds[RING_FDS];
    int mine[RING_FDS];
    memcpy(p.offer_hash, offer, 32);
    p.offer_hash[0] ^= ring_astray;
    ring_fds(ring, fds);
    for (size_t k = 0; k < RING_FDS; k++)
        mine[k] = dup(fds[k]);
    const enum err err =
        tell_as(from, index, gen, from == ROLE_EDGE ? MSG_RING_UPLOAD : MSG_RING_OPEN,
                BODY(ring_upload, &p), mine, RING_FDS);
    for (size_t k = 0; k < RING_FDS; k++)
        if (mine[k] >= 0)
            (void)close(mine[k]);
    return err;
}

#endif
