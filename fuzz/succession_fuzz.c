/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: succession_read succession_text */
/* What is read is written back as the text that was signed. */
#include "fuzz/fuzz.h"
#include "policy/succession.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct succession_scratch scratch;
    struct succession s;
    struct note note;
    struct fault fault = {0};
    char text[SUCCESSION_TEXT_MAX];
    size_t text_len = 0;
    const enum err err = succession_read(span_of(data, len), &scratch, &s, &note, &fault);
    if (err != ERR_OK) {
        FUZZ_MUST(fault.code == err && fault.line > 0 && fault.column > 0);
        return 0;
    }
    FUZZ_MUST(succession_text(&s, text, &text_len) == ERR_OK);
    FUZZ_MUST(span_eq(note.text, span_of(text, text_len)));
    return 0;
}
