/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: activation_read activation_text */
/* What is read is written back as the text that was signed. */
#include "fuzz/fuzz.h"
#include "policy/activation.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct activation_scratch scratch;
    struct activation a;
    struct note note;
    struct fault fault = {0};
    char text[ACTIVATION_TEXT_MAX];
    size_t text_len = 0;
    const enum err err = activation_read(span_of(data, len), &scratch, &a, &note, &fault);
    if (err != ERR_OK) {
        FUZZ_MUST(fault.code == err && fault.line > 0 && fault.column > 0);
        return 0;
    }
    FUZZ_MUST(activation_text(&a, text, &text_len) == ERR_OK);
    FUZZ_MUST(span_eq(note.text, span_of(text, text_len)));
    return 0;
}
