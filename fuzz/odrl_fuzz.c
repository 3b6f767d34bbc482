/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: policy_import_write policy_import_condition policy_fmt_write */
/* A partner's ODRL. Whatever becomes an overlay that a gateway reads permits nothing, and is
 * printed in the layout of policy fmt; what does not has a fault inside the file. */
#include "fuzz/policyfix.h"
#include "tools/policy_fmt.h"
#include "tools/policy_import.h"

const struct cli_program cli_program = {"fuzz", "", NULL, 0};

static void
overlay(struct span text)
{
    static const uint8_t sha256[32];
    struct source doc;
    struct json_doc json;
    struct fault fault = {0};
    char *out = NULL;
    size_t len = 0;
    if (source_read(&doc, policyfix_vocab(), text, sha256, &fault) != ERR_OK)
        return;
    FUZZ_MUST(!doc.is_closed);
    for (size_t i = 0; i < doc.rule_count; i++)
        FUZZ_MUST(doc.rules[i].effect != SOURCE_PERMIT);
    source_finish(&doc);
    FUZZ_MUST(json_load(&json, text, &fault) == ERR_OK);
    FUZZ_MUST(policy_fmt_write(&json, &out, &len) == ERR_OK);
    free(out);
    json_free(&json);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct policy_import t;
    struct span text;
    memset(&t, 0, offsetof(struct policy_import, out));
    t.id = "overlay";
    t.revision = 1;
    if (json_load(&t.json, span_of(data, len), &t.fault) != ERR_OK)
        return 0;
    const enum err err = policy_import_write(&t, &text);
    if (err == ERR_OK)
        overlay(text);
    else
        FUZZ_MUST(err == ERR_FULL || (t.fault.code != ERR_OK && t.fault.line > 0));
    json_free(&t.json);
    return 0;
}
