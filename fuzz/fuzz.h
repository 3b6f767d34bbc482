/* SPDX-License-Identifier: Apache-2.0 */
/* The entry every fuzz target defines, and its way to say that a property does not hold. */
#ifndef TDZ_FUZZ_FUZZ_H
#define TDZ_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Runs the target on len bytes, which are not NUL terminated and must not be kept. Returns 0;
 * whatever is wrong ends the process. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define FUZZ_MUST(cond)                                                               \
    do {                                                                              \
        if (!(cond)) {                                                                \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #cond); \
            abort();                                                                  \
        }                                                                             \
    } while (0)

#endif
