/* SPDX-License-Identifier: Apache-2.0 */
/* The query string of a list. Unknown names are ignored, as HTTP clients expect. */
#ifndef TDZ_GATEWAY_CLERK_QUERY_ARGS_H
#define TDZ_GATEWAY_CLERK_QUERY_ARGS_H

#include "schemas/error.h"
#include "schemas/span.h"

enum { QUERY_ARGS_VALUE_MAX = 256 };

/* The value of name in args ("a=b&c=d", percent-encoded), decoded into buf. ERR_NOT_FOUND;
 * ERR_SYNTAX: a bad escape; ERR_FULL: longer than cap. */
MUST_USE enum err query_args_get(struct span args, const char *name, uint8_t *buf, size_t cap,
                                 struct span *ret);

#endif
