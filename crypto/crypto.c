/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/crypto.h"

#include "crypto/aead.h"
#include "crypto/digest.h"
#include "crypto/key.h"
#include "crypto/mac.h"
#include "crypto/sign.h"

enum err
crypto_init(void)
{
    TRY(key_init());
    TRY(digest_init());
    TRY(sign_init());
    TRY(mac_init());
    return aead_init();
}
