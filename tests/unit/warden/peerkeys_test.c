/* SPDX-License-Identifier: Apache-2.0 */
/* The trust file as keeper gets to see it. */
#include "gateway/keeper/keyring.h"
#include "gateway/warden/warden_peerkeys.h"
#include "tests/test.h"

#define PUB "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29"
#define KEYID "%064x"

static uint8_t ring_bytes[KEYRING_BYTES_MAX];
static struct keyring ring;

/* A bundle of one zone with a key of that role, algorithm and status after a good one. */
static enum err
read_with(const char *role, const char *alg, const char *status)
{
    static char json[4096];
    struct span bytes;
    struct fault fault = {.code = ERR_OK};
    const int n = snprintf(
        json, sizeof(json),
        "{\"format\":\"tdz.trust/1\",\"quorum\":{},\"zones\":{\"cn-lingang\":{\"ca_pem\":\"PEM\","
        "\"logs\":[],\"witness\":[],\"keys\":["
        "{\"role\":\"gateway\",\"alg\":\"ed25519\",\"keyid\":\"" KEYID "\",\"pub\":\"" PUB
        "\",\"not_before\":100,\"not_after\":200,\"status\":\"active\"},"
        "{\"role\":\"%s\",\"alg\":\"%s\",\"keyid\":\"" KEYID "\",\"pub\":\"" PUB
        "\",\"not_before\":100,\"not_after\":200,\"status\":\"%s\"%s}]}}}",
        1U, role, alg, 2U, status,
        strcmp(role, "operator") == 0 ? ",\"name\":\"cn/op\",\"roles\":[\"operator\"]" : "");
    CHECK(n > 0 && (size_t)n < sizeof(json));
    const enum err err =
        warden_peerkeys(span_str(json), ring_bytes, sizeof(ring_bytes), &bytes, &fault);
    if (err != ERR_OK) {
        printf("# %s: %s at %u:%u\n", error_text(err), fault.where, fault.line, fault.column);
        return err;
    }
    CHECK_EQ(keyring_decode(bytes, &ring), ERR_OK);
    return ERR_OK;
}

int
main(void)
{
    struct span bytes;
    TEST("keys that other zones sign and are written to with are told, with zone, role and dates")
    {
        CHECK_EQ(read_with("release", "ed25519", "active"), ERR_OK);
        CHECK_EQ(ring.count, 2);
        CHECK(ring.keys[1].role == KEYRING_RELEASE && ring.keys[1].active);
        CHECK(strcmp(ring.keys[1].zone, "cn-lingang") == 0 && ring.keys[1].keyid[31] == 2);
        CHECK(ring.keys[1].not_before == 100 && ring.keys[1].not_after == 200);
        CHECK_EQ(read_with("kem", "x25519", "active"), ERR_OK);
        CHECK(ring.count == 2 && ring.keys[1].role == KEYRING_KEM);
    }
    TEST("a key that was replaced still verifies what it signed; it is written to no more")
    {
        CHECK_EQ(read_with("release", "ed25519", "retired"), ERR_OK);
        CHECK(ring.count == 2 && !ring.keys[1].active);
    }
    TEST("a revoked key is no key, whatever it signed and when")
    {
        CHECK_EQ(read_with("release", "ed25519", "revoked"), ERR_OK);
        CHECK(ring.count == 1 && ring.keys[0].role == KEYRING_GATEWAY);
        CHECK_EQ(read_with("gateway", "ed25519", "revoked"), ERR_OK);
        CHECK_EQ(ring.count, 1);
        CHECK_EQ(read_with("kem", "x25519", "revoked"), ERR_OK);
        CHECK_EQ(ring.count, 1);
    }
    TEST("operators' keys are none of keeper's business")
    {
        CHECK_EQ(read_with("operator", "ed25519", "active"), ERR_OK);
        CHECK_EQ(ring.count, 1);
    }
    TEST("what is no bundle, and what does not fit, is refused")
    {
        CHECK(warden_peerkeys(SPAN_LIT("{}"), ring_bytes, sizeof(ring_bytes), &bytes, NULL) !=
              ERR_OK);
        CHECK(warden_peerkeys(SPAN_LIT("no"), ring_bytes, sizeof(ring_bytes), &bytes, NULL) !=
              ERR_OK);
    }
    return test_end();
}
