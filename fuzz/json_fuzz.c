/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: json_read canon_node canon_check */
/* Whatever json_read accepts has a canonical form that reads back to itself, byte for byte. */
#include "fuzz/fuzz.h"
#include "schemas/canon.h"
#include "schemas/json.h"
#include "schemas/text.h"

enum { INPUT_MAX = 64 * 1024 };
/* A control character grows from two bytes of input at most to six of output. */
enum { CANON_MAX = 6 * INPUT_MAX };

static struct json_node nodes[INPUT_MAX + 1];
static uint8_t text[CANON_MAX];
static char first[CANON_MAX];
static char second[CANON_MAX];
static char scratch[CANON_MAX];

static struct json_doc
doc_of(void)
{
    return (struct json_doc){
        .nodes = nodes, .node_cap = INPUT_MAX + 1, .text = text, .text_cap = sizeof(text)};
}

static struct span
canonical(const struct json_doc *doc, char *buf)
{
    struct canon w;
    struct span out;
    canon_init(&w, buf, CANON_MAX);
    canon_node(&w, doc, doc->nodes);
    FUZZ_MUST(canon_finish(&w, &out) == ERR_OK);
    return out;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct json_doc doc = doc_of();
    struct fault fault = {0};
    if (len > INPUT_MAX)
        return 0;
    const struct span input = span_of(data, len);
    const enum err err = json_read(&doc, input, &fault);
    if (err != ERR_OK) {
        FUZZ_MUST(fault.code == err && fault.offset <= len && fault.line > 0);
        return 0;
    }
    FUZZ_MUST(text_is_utf8(input));
    FUZZ_MUST(doc.nodes[0].next == doc.node_count);
    const struct span once = canonical(&doc, first);
    const bool was_canonical = span_eq(once, input);
    FUZZ_MUST((canon_check(&doc, scratch, sizeof(scratch)) == ERR_OK) == was_canonical);

    doc = doc_of();
    FUZZ_MUST(json_read(&doc, once, NULL) == ERR_OK);
    FUZZ_MUST(span_eq(canonical(&doc, second), once));
    FUZZ_MUST(canon_check(&doc, scratch, sizeof(scratch)) == ERR_OK);
    return 0;
}
