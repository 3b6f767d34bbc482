/* SPDX-License-Identifier: Apache-2.0 */
/* The program under tests/oracle/csv_tokenise.py: transform_run SCHEMA TRANSFORM=SELECTOR... reads
 * a table from standard input, writes what leaves to standard output and "performed" or "not
 * performed" for both stages to standard error. The token key is 32 bytes 0x07. */
#include "tests/unit/inspect/inspected.h"

static struct fieldset fields;
static uint8_t actions[FIELDSET_MAX];
static char schema[1 << 16];
static uint8_t input[1 << 20];
static uint8_t copy[INSPECTED_OUT_MAX];

static bool
select_actions(int argc, char **argv)
{
    for (int i = 2; i < argc; i++) {
        const char *mark = strchr(argv[i], '=');
        enum transform transform = TRANSFORM_NONE;
        if (mark == NULL ||
            transform_find(span_of(argv[i], (size_t)(mark - argv[i])), &transform) != ERR_OK)
            return false;
        if (transform_select(&fields, transform, span_str(mark + 1), actions) != ERR_OK)
            return false;
    }
    return true;
}

int
main(int argc, char **argv)
{
    uint8_t key[TRANSFORM_KEY_BYTES];
    struct fault fault;
    memset(key, 7, sizeof(key));
    FILE *file = argc < 2 ? NULL : fopen(argv[1], "rbe");
    if (file == NULL || !inspected_setup())
        return 2;
    const size_t schema_len = fread(schema, 1, sizeof(schema), file);
    (void)fclose(file);
    if (fieldset_load(&fields, span_of(schema, schema_len), &fault) != ERR_OK ||
        !select_actions(argc, argv))
        return 2;
    const size_t len = fread(input, 1, sizeof(input), stdin);
    struct inspection_config config = {
        .fields = &fields, .actions = actions, .token_key = key, .counting_key = inspected_key};
    const struct findings *f = inspected_run(&config, span_of(input, len), 1000, 512);
    if (f == NULL || fwrite(inspected_out, 1, inspected_out_len, stdout) != inspected_out_len)
        return 2;
    fprintf(stderr, "%s", f->performed ? "performed" : "not performed");
    config.stage = INSPECTION_OUT;
    memcpy(copy, inspected_out, inspected_out_len);
    f = inspected_run(&config, span_of(copy, inspected_out_len), 1000, 512);
    fprintf(stderr, " %s\n", f != NULL && f->performed ? "performed" : "not performed");
    inspection_free(inspected);
    return 0;
}
