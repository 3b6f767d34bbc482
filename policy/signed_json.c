/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/signed_json.h"

#include <stdio.h>

enum err
signed_json_stop(uint32_t line, enum err code, const char *where, struct fault *ret_fault)
{
    if (ret_fault != NULL) {
        *ret_fault = (struct fault){.code = code, .line = line, .column = 1};
        (void)snprintf(ret_fault->where, sizeof(ret_fault->where), "%s", where);
    }
    return code;
}

enum err
signed_json_read(const struct signed_json *kind, struct span bytes, struct json_doc *doc,
                 char *canon, void *value, struct note *ret_note, struct fault *ret_fault)
{
    const struct span format = span_str(kind->format);
    struct fault fault = {.code = ERR_OK};
    size_t len = 0;
    enum err err = note_parse(bytes, ret_note);
    if (err != ERR_OK)
        return signed_json_stop(1, err, kind->when_no_note, ret_fault);
    const struct span text = ret_note->text;
    if (!span_starts(text, format))
        return signed_json_stop(1, ERR_VERSION, kind->when_no_format, ret_fault);
    if (text.len > kind->text_max || text.len < format.len + 1)
        return signed_json_stop(2, ERR_TOO_LARGE, kind->when_too_large, ret_fault);
    err = json_read(doc, span_of(text.ptr + format.len, text.len - format.len - 1), &fault);
    if (err == ERR_OK)
        err = kind->members(doc, value, &fault);
    if (err != ERR_OK) {
        fault.line += 1; /* the first line is the format */
        if (ret_fault != NULL)
            *ret_fault = fault;
        return err;
    }
    if (kind->text(value, canon, &len) != ERR_OK || !span_eq(text, span_of(canon, len)))
        return signed_json_stop(2, ERR_NOT_CANONICAL, "not in canonical form", ret_fault);
    return ERR_OK;
}
