/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: vocab_read */
#include "fuzz/fuzz.h"
#include "policy/vocab.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t sha256[32];
    struct vocab v;
    struct fault fault = {0};
    const enum err err = vocab_read(&v, span_of(data, len), sha256, &fault);
    if (err != ERR_OK) {
        FUZZ_MUST(err == ERR_NOMEM || (fault.code == err && fault.line > 0 && fault.column > 0));
        return 0;
    }
    /* What was accepted has a finite forest and the two attributes that decisions read. */
    for (uint32_t i = 0; i < v.class_count; i++)
        FUZZ_MUST(vocab_class_under(&v, i, i) && vocab_class(&v, v.classes[i].name) == i);
    FUZZ_MUST(vocab_attr(&v, SPAN_LIT("to")) != NULL && vocab_attr(&v, SPAN_LIT("labels")) != NULL);
    vocab_finish(&v);
    return 0;
}
