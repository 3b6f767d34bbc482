/* SPDX-License-Identifier: Apache-2.0 */
/* One call that readies the whole layer in a process, before its sandbox. */
#ifndef TDZ_CRYPTO_CRYPTO_H
#define TDZ_CRYPTO_CRYPTO_H

#include "schemas/error.h"

/* digest_init, key_init, sign_init, mac_init and aead_init. Again does nothing. ERR_CRYPTO. */
MUST_USE enum err crypto_init(void);

#endif
