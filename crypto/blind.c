/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/blind.h"

#include <assert.h>
#include <sodium.h>

uint64_t
blind_u64(const uint8_t key[static 32], uint8_t domain, struct span value)
{
    uint8_t message[BLIND_VALUE_MAX + 1];
    uint8_t hash[16]; /* the least length of the library; the first half is used */
    assert(value.len <= BLIND_VALUE_MAX);
    message[0] = domain;
    memcpy(message + 1, value.ptr, value.len);
    const int failed =
        crypto_generichash_blake2b(hash, sizeof(hash), message, value.len + 1, key, 32);
    assert(failed == 0);
    uint64_t pseudonym = 0;
    for (size_t i = 0; i < 8; i++)
        pseudonym = pseudonym << 8 | hash[i];
    return pseudonym;
}
