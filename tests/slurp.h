/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files for tests: vectors, corpora, files made by the code under test. */
#ifndef TDZ_TESTS_SLURP_H
#define TDZ_TESTS_SLURP_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include "schemas/span.h"

/* The file base/format... in buf; a span with ptr NULL when it cannot be read or is larger than
 * cap. */
__attribute__((unused, format(printf, 4, 5))) static struct span
slurp(uint8_t *buf, size_t cap, const char *base, const char *format, ...)
{
    char name[512];
    char path[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(name, sizeof(name), format, args);
    va_end(args);
    (void)snprintf(path, sizeof(path), "%s%s%s", base, base[0] == '\0' ? "" : "/", name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return (struct span){NULL, 0};
    const size_t len = fread(buf, 1, cap, file);
    const int more = fgetc(file);
    (void)fclose(file);
    return more == EOF ? span_of(buf, len) : (struct span){NULL, 0};
}

#endif
