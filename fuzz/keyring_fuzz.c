/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: keyring_decode keyring_encode keyring_find */
/* What is read is written back the same, and no key is found outside its zone, role and dates. */
#include "fuzz/fuzz.h"
#include "gateway/keeper/keyring.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct keyring ring;
    static uint8_t buf[KEYRING_BYTES_MAX];
    struct span back;
    if (keyring_decode(span_of(data, len), &ring) != ERR_OK)
        return 0;
    FUZZ_MUST(ring.count <= KEYRING_KEYS_MAX);
    FUZZ_MUST(keyring_encode(&ring, buf, sizeof(buf), &back) == ERR_OK);
    FUZZ_MUST(span_eq(back, span_of(data, len)));
    for (size_t i = 0; i < ring.count; i++) {
        const struct keyring_key *key = &ring.keys[i];
        FUZZ_MUST(memchr(key->zone, 0, sizeof(key->zone)) != NULL);
        FUZZ_MUST(key->pub_len <= sizeof(key->pub));
        const struct keyring_key *found =
            keyring_find(&ring, span_str(key->zone), key->role, key->keyid, key->not_before, true);
        if (found != NULL)
            FUZZ_MUST(found->active && found->role == key->role &&
                      found->not_before <= key->not_before && found->not_after > key->not_before);
        FUZZ_MUST(keyring_find(&ring, SPAN_LIT("no such zone"), key->role, key->keyid,
                               key->not_before, false) == NULL ||
                  strcmp(key->zone, "no such zone") == 0);
    }
    return 0;
}
