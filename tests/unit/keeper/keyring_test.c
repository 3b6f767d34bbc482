/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/keeper/keyring.h"

#include "tests/test.h"

static struct keyring ring;
static struct keyring back;
static uint8_t buf[KEYRING_BYTES_MAX];

int
main(void)
{
    struct span bytes;
    struct keyring_key key = {.zone = "cn-lingang",
                              .role = KEYRING_KEM,
                              .active = true,
                              .keyid = {1},
                              .pub_len = 32,
                              .not_before = 100,
                              .not_after = 200};

    TEST("a ring is read back as it was written")
    {
        CHECK_EQ(keyring_add(&ring, &key), ERR_OK);
        CHECK_EQ(keyring_encode(&ring, buf, sizeof(buf), &bytes), ERR_OK);
        CHECK_EQ(keyring_decode(bytes, &back), ERR_OK);
        CHECK_EQ(back.count, 1);
        CHECK(strcmp(back.keys[0].zone, "cn-lingang") == 0);
        CHECK_EQ(back.keys[0].not_after, 200);
    }
    TEST("a key counts only in its zone, role and dates and while it is active")
    {
        const struct span zone = SPAN_LIT("cn-lingang");
        CHECK(keyring_find(&ring, zone, KEYRING_KEM, key.keyid, 100, true) != NULL);
        CHECK(keyring_find(&ring, zone, KEYRING_KEM, key.keyid, 99, true) == NULL);
        CHECK(keyring_find(&ring, zone, KEYRING_KEM, key.keyid, 200, true) == NULL);
        CHECK(keyring_find(&ring, zone, KEYRING_RELEASE, key.keyid, 100, true) == NULL);
        CHECK(keyring_find(&ring, SPAN_LIT("cn"), KEYRING_KEM, key.keyid, 100, true) == NULL);
        ring.keys[0].active = false;
        CHECK(keyring_find(&ring, zone, KEYRING_KEM, key.keyid, 100, true) == NULL);
        CHECK(keyring_find(&ring, zone, KEYRING_KEM, key.keyid, 100, false) != NULL);
        ring.keys[0].active = true;
    }
    TEST("bytes that are no ring are refused")
    {
        CHECK_EQ(keyring_decode(SPAN_LIT(""), &back), ERR_SHORT);
        CHECK_EQ(keyring_decode(SPAN_LIT("\x02\x00\x00"), &back), ERR_VERSION);
        CHECK_EQ(keyring_decode(SPAN_LIT("\x01\x02\x00"), &back), ERR_FULL);
        CHECK_EQ(keyring_decode(SPAN_LIT("\x01\x00\x00x"), &back), ERR_TRAILING);
        CHECK_EQ(keyring_decode(span_of(bytes.ptr, bytes.len - 1), &back), ERR_SHORT);
        buf[3 + 2 + 10] = 9; /* the role */
        CHECK_EQ(keyring_decode(bytes, &back), ERR_RANGE);
    }
    TEST("a ring that is full says so")
    {
        while (ring.count < KEYRING_KEYS_MAX)
            CHECK_EQ(keyring_add(&ring, &key), ERR_OK);
        CHECK_EQ(keyring_add(&ring, &key), ERR_FULL);
        CHECK_EQ(keyring_encode(&ring, buf, 64, &bytes), ERR_FULL);
    }
    return test_end();
}
