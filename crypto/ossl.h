/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSSL's headers for the files that may use them. <openssl/types.h> declares a type ERR_STATE,
 * which is the name of one of our error codes; it is renamed while the headers are read. Include
 * this instead of <openssl/...>; only .c files do. */
#ifndef TDZ_CRYPTO_OSSL_H
#define TDZ_CRYPTO_OSSL_H

#define ERR_STATE openssl_err_state_type
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#undef ERR_STATE

#endif
