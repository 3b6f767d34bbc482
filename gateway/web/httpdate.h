/* SPDX-License-Identifier: Apache-2.0 */
/* The time as HTTP writes it. */
#ifndef TDZ_GATEWAY_WEB_HTTPDATE_H
#define TDZ_GATEWAY_WEB_HTTPDATE_H

#include <stdint.h>

#include "schemas/span.h"

enum { HTTPDATE_BYTES = 29 };

/* Writes unix_s (seconds since 1970, UTC; below the year 10000) as an IMF-fixdate,
 * "Sun, 06 Nov 1994 08:49:37 GMT", without a NUL; the result points into ret. Spec: RFC 9110
 * 5.6.7. */
struct span httpdate_put(uint64_t unix_s, char ret[static HTTPDATE_BYTES]);

#endif
