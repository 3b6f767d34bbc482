/* SPDX-License-Identifier: Apache-2.0 */
/* The interface description served at /openapi.json: the bytes of openapi.json in this folder,
 * which embed.py turns into openapi.c when the gateway is built. */
#ifndef TDZ_GATEWAY_EDGE_OPENAPI_H
#define TDZ_GATEWAY_EDGE_OPENAPI_H

#include "schemas/span.h"

/* Static text, canonical JSON. */
struct span openapi_text(void);

#endif
