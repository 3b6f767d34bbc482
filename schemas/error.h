/* SPDX-License-Identifier: Apache-2.0 */
/* The one error type. 0 is success; every other value is negative and listed in error.def. */
#ifndef TDZ_SCHEMAS_ERROR_H
#define TDZ_SCHEMAS_ERROR_H

#include <stddef.h>
#include <stdint.h>

enum err {
    ERR_OK = 0,
#define ERR(name, value, sentence) name = (value),
#include "schemas/error.def"
#undef ERR
};

/* Put before every function that returns enum err: an ignored error does not compile. */
#define MUST_USE __attribute__((warn_unused_result))

/* Return the error of expr to the caller, if it is one: the only macro that returns. */
#define TRY(expr)                         \
    do {                                  \
        const enum err try_err_ = (expr); \
        if (try_err_ != ERR_OK)           \
            return try_err_;              \
    } while (0)

/* Where an input was wrong, filled at the boundary that read it. line and column count from 1;
 * column counts bytes. where points to static text that names the field or construct. */
struct fault {
    enum err code;
    uint32_t line;
    uint32_t column;
    size_t offset;
    char where[96];
};

/* The operator's sentence for e, static text; "unknown error" for a value not in error.def. */
const char *error_text(enum err e);

/* The name of e as written in error.def ("ERR_SHORT"), static text. */
const char *error_name(enum err e);

#endif
