/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/cosign.h"

#include <inttypes.h>
#include <stdio.h>

#include "crypto/sign.h"
#include "schemas/wire.h"

enum err
cosign_message(uint64_t time, struct span text, uint8_t out[static COSIGN_MESSAGE_MAX],
               struct span *ret)
{
    char head[64];
    struct wire_writer w;
    if (time > INT64_MAX)
        return ERR_RANGE;
    if (text.len > COSIGN_TEXT_MAX)
        return ERR_TOO_LARGE;
    const int n = snprintf(head, sizeof(head), "cosignature/v1\ntime %" PRIu64 "\n", time);
    wire_writer_init(&w, out, COSIGN_MESSAGE_MAX);
    wire_put_bytes(&w, span_of(head, (size_t)n));
    wire_put_bytes(&w, text);
    return wire_writer_finish(&w, ret);
}

enum err
cosign_verify(const uint8_t pub[static NOTE_PUB_LEN], struct span text, struct span sig,
              uint64_t *ret_time)
{
    uint8_t buf[COSIGN_MESSAGE_MAX];
    struct span message;
    struct wire_reader r;
    wire_reader_init(&r, sig);
    const uint64_t time = wire_get_u64(&r);
    const struct span signature = wire_get_bytes(&r, 64);
    if (wire_reader_finish(&r) != ERR_OK || time > INT64_MAX)
        return ERR_SIGNATURE;
    TRY(cosign_message(time, text, buf, &message));
    TRY(sign_ed25519_verify(pub, message, signature));
    *ret_time = time;
    return ERR_OK;
}

enum err
cosign_line(const struct note_key *key, uint64_t time, const uint8_t sig[64],
            char out[static NOTE_LINE_MAX], size_t *ret_len)
{
    uint8_t raw[COSIGN_SIG_LEN];
    struct wire_writer w;
    struct span body;
    if (key->type != NOTE_COSIGNATURE)
        return ERR_TYPE;
    wire_writer_init(&w, raw, sizeof(raw));
    wire_put_u64(&w, time);
    wire_put_bytes(&w, span_of(sig, 64));
    TRY(wire_writer_finish(&w, &body));
    return note_line(key, body, out, ret_len);
}
