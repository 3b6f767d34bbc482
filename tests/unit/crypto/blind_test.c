/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/blind.h"

#include "crypto/key.h"
#include "tests/test.h"

static uint8_t values[BLIND_LANES][BLIND_SHORT_MAX];

int
main(void)
{
    uint8_t key[32];
    TEST("set-up") CHECK(key_init() == ERR_OK);
    TEST("four values at once are the library's keyed BLAKE2b of each, at every length")
    {
        for (size_t len = 0; len <= BLIND_SHORT_MAX; len++) {
            struct blind_state state;
            struct span spans[BLIND_LANES];
            uint8_t domains[BLIND_LANES];
            uint64_t got[BLIND_LANES];
            key_random(key, sizeof(key));
            key_random(values[0], sizeof(values));
            blind_begin(key, &state);
            for (size_t k = 0; k < BLIND_LANES; k++) {
                spans[k] = span_of(values[k], (len + k * 31) % (BLIND_SHORT_MAX + 1));
                domains[k] = (uint8_t)(len * 7 + k);
            }
            blind_lanes(&state, domains, spans, got);
            for (size_t k = 0; k < BLIND_LANES; k++)
                CHECK(got[k] == blind_u64(key, domains[k], spans[k]));
        }
    }
    TEST("a published value: Python's hashlib.blake2b")
    {
        const uint8_t one[32] = {1};
        const uint8_t domains[BLIND_LANES] = {1, 1, 2, 1};
        const struct span spans[BLIND_LANES] = {SPAN_LIT("900101145678"), SPAN_LIT("900101145679"),
                                                SPAN_LIT("900101145678"), SPAN_LIT("")};
        struct blind_state state;
        uint64_t got[BLIND_LANES];
        blind_begin(one, &state);
        blind_lanes(&state, domains, spans, got);
        CHECK(got[0] == UINT64_C(0x89aeac56bc242f1c));
        CHECK(got[0] != got[1] && got[0] != got[2] && got[0] != got[3]);
    }
    return test_end();
}
