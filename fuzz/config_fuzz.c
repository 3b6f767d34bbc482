/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: config_read config_slice config_from_slice config_address */
/* A configuration that is read gives every role a slice that reads back to the same slice; one that
 * is not has a fault inside the file. */
#include "fuzz/fuzz.h"
#include "gateway/core/config.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct config config;
    static struct config back;
    static uint8_t slice[CONFIG_SLICE_MAX];
    static uint8_t again[CONFIG_SLICE_MAX];
    struct fault fault = {.code = ERR_OK};
    char host[256];
    uint16_t port = 0;
    size_t slice_len = 0;
    size_t again_len = 0;
    if (len > CONFIG_FILE_MAX)
        return 0;
    if (config_address(span_of(data, len), false, host, &port) == ERR_OK)
        FUZZ_MUST(port > 0 && memchr(host, 0, sizeof(host)) != NULL && host[0] != '\0');
    if (config_from_slice(span_of(data, len), &back) == ERR_OK)
        FUZZ_MUST(back.peer_count <= CONFIG_PEERS_MAX && back.text_len <= CONFIG_TEXT_MAX);
    const enum err err = config_read(span_of(data, len), &config, &fault);
    if (err != ERR_OK) {
        FUZZ_MUST(fault.code != ERR_OK && memchr(fault.where, 0, sizeof(fault.where)) != NULL);
        return 0;
    }
    for (enum role_id role = 0; role < ROLE_COUNT; role++) {
        if (config_slice(&config, role, slice, sizeof(slice), &slice_len) != ERR_OK)
            continue;
        FUZZ_MUST(config_from_slice(span_of(slice, slice_len), &back) == ERR_OK);
        FUZZ_MUST(config_slice(&back, role, again, sizeof(again), &again_len) == ERR_OK);
        FUZZ_MUST(span_eq(span_of(slice, slice_len), span_of(again, again_len)));
    }
    return 0;
}
