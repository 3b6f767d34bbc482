/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/ledger/addreq.h"

#include "schemas/text.h"

enum err
addreq_parse(struct span in, uint64_t *ret_old, struct tlog_proof *ret_proof, struct span *ret_note)
{
    bool first = true;
    ret_proof->count = 0;
    while (in.len > 0) {
        size_t len = 0;
        const uint8_t *end = memchr(in.ptr, '\n', in.len);
        if (end == NULL)
            return ERR_SYNTAX;
        const struct span line = span_of(in.ptr, (size_t)(end - in.ptr));
        in = span_of(end + 1, in.len - line.len - 1);
        if (first) {
            if (line.len < 5 || memcmp(line.ptr, "old ", 4) != 0)
                return ERR_SYNTAX;
            TRY(text_parse_u64(span_of(line.ptr + 4, line.len - 4), TLOG_SIZE_MAX, ret_old));
            first = false;
            continue;
        }
        if (line.len == 0) {
            *ret_note = in;
            return ERR_OK;
        }
        if (ret_proof->count == TLOG_PROOF_MAX)
            return ERR_SYNTAX;
        TRY(text_unbase64(line, false, ret_proof->hash[ret_proof->count].b, TLOG_HASH_LEN, &len));
        if (len != TLOG_HASH_LEN)
            return ERR_SYNTAX;
        ret_proof->count++;
    }
    return ERR_SYNTAX;
}
