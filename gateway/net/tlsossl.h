/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL's headers for gateway/net/tls*.c. <openssl/types.h> declares a type ERR_STATE, which is
 * the name of one of our error codes; it is renamed while the headers are read. */
#ifndef TDZ_GATEWAY_NET_TLSOSSL_H
#define TDZ_GATEWAY_NET_TLSOSSL_H

#define ERR_STATE openssl_err_state_type
#include <openssl/bio.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

#endif
