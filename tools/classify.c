/* SPDX-License-Identifier: Apache-2.0 */
/* tdz classify: what the gateway would see in a file, and (here only) where. With --findings the
 * file is read twice: what a column is, is known only at its end. Spec: cli.md. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "crypto/digest.h"
#include "crypto/key.h"
#include "crypto/mac.h"
#include "inspect/findings.h"
#include "inspect/persons.h"
#include "tools/cli.h"
#include "tools/commands.h"

enum { CLASSIFY_BLOCK = 256 * 1024 };

struct classify {
    const struct cli *cli;
    struct inspection *inspection;
    struct fieldset fields;
    bool has_fields;
    bool json;
    FILE *findings; /* NULL without --findings */
    const char *file;
    const char *findings_file;
    struct secret32 key; /* counting only: random, forgotten at the end */

    /* The second reading. */
    bool is_table;
    uint8_t need[INSPECTION_COLUMNS_MAX + 1][IDENT_FOUND_COUNT];
    uint8_t winner[INSPECTION_COLUMNS_MAX + 1];
    uint64_t cell; /* of the held finding, 0: none */
    enum ident held;
    uint64_t held_offset;
    uint64_t held_len;

    uint8_t block[CLASSIFY_BLOCK];
    char text[FINDINGS_JSON_MAX];
};

static int
classify_fail(const struct classify *t, enum err err)
{
    cli_say(t->cli, "%s: %s", t->file, error_text(err));
    return CLI_UNREACHABLE;
}

/* Runs the file through an inspection. */
static int
classify_read(struct classify *t, inspection_sink *sink)
{
    const struct inspection_config config = {
        .stage = INSPECTION_IN,
        .fields = t->has_fields ? &t->fields : NULL,
        .counting_key = t->key.bytes,
        .sink = sink,
        .sink_ctx = t,
    };
    FILE *file = fopen(t->file, "rbe");
    if (file == NULL) {
        cli_say(t->cli, "%s: %s", t->file, strerrordesc_np(errno));
        return CLI_UNREACHABLE;
    }
    enum err err = inspection_start(t->inspection, &config);
    size_t used = 0;
    size_t out_len = 0;
    while (err == ERR_OK) {
        const size_t len = fread(t->block, 1, sizeof(t->block), file);
        if (len == 0)
            break;
        err = inspection_feed(t->inspection, span_of(t->block, len), &used, NULL, 0, &out_len);
    }
    const bool failed = ferror(file) != 0;
    const int why = errno;
    (void)fclose(file);
    if (err == ERR_OK && failed) {
        cli_say(t->cli, "%s: %s", t->file, strerrordesc_np(why));
        return CLI_UNREACHABLE;
    }
    if (err == ERR_OK)
        err = inspection_finish(t->inspection, NULL, 0, &out_len);
    return err == ERR_OK ? CLI_DONE : classify_fail(t, err);
}

static void
classify_write_held(struct classify *t)
{
    if (t->cell != 0)
        fprintf(t->findings, "%s\t%llu\t%llu\t%s\n", t->file, (unsigned long long)t->held_offset,
                (unsigned long long)t->held_len, ident_name(t->held));
    t->cell = 0;
}

/* The type a token is reported as: the column's winner if it passes for it, else the first type
 * that counts. IDENT_NONE: it does not count in this column. */
static enum ident
classify_type(const struct classify *t, size_t column, const struct token *token)
{
    enum ident type = IDENT_NONE;
    for (unsigned i = IDENT_FOUND_COUNT; i-- > 0;) {
        const bool counts =
            (token->pass & IDENT_BIT(i)) != 0 && (unsigned)token->strength >= t->need[column][i];
        if (counts && type != (enum ident)t->winner[column])
            type = (enum ident)i;
    }
    return type;
}

/* One line a cell of a table; every finding of a text. */
static void
classify_sink(void *ctx, size_t column, uint64_t cell, const struct token *token)
{
    struct classify *t = ctx;
    const enum ident type = classify_type(t, column, token);
    if (type == IDENT_NONE)
        return;
    const bool same = t->is_table && t->cell == cell;
    const bool better = type == (enum ident)t->winner[column] && t->held != type;
    if (same && !better)
        return;
    if (!same)
        classify_write_held(t);
    t->cell = cell;
    t->held = type;
    t->held_offset = token->offset;
    t->held_len = token->len;
}

/* Reads again, with what the first reading found out about the columns. */
static int
classify_where(struct classify *t, const struct findings *f)
{
    t->is_table = f->kind == FINDINGS_TABLE;
    for (size_t k = 0; k < f->column_count; k++) {
        memcpy(t->need[k], f->columns[k].need, sizeof(t->need[k]));
        t->winner[k] = f->columns[k].ident;
    }
    t->cell = 0;
    const int code = classify_read(t, classify_sink);
    classify_write_held(t);
    if (code == CLI_DONE && ferror(t->findings) != 0) {
        cli_say(t->cli, "%s: %s", t->findings_file, error_text(ERR_IO));
        return CLI_UNREACHABLE;
    }
    return code;
}

/* What a name from the command line or a schema may hold is not for the terminal: control bytes
 * become question marks. */
static void
classify_put(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        (void)putchar(text.ptr[i] < 0x20 || text.ptr[i] == 0x7f ? '?' : text.ptr[i]);
}

static void
classify_print_columns(const struct findings *f)
{
    char scratch[8];
    if (f->kind != FINDINGS_TABLE)
        return;
    printf("  columns   name, declared, observed, type, cells, passes\n");
    for (size_t k = 0; k < f->column_count; k++) {
        const struct findings_column *c = &f->columns[k];
        printf("    ");
        classify_put(findings_column_name(f, c, scratch));
        printf(", %s, %s, %s, %llu, %llu",
               c->declared < LABEL_COUNT ? label_name((enum label)c->declared) : "-",
               label_name((enum label)c->observed),
               c->ident < IDENT_COUNT ? ident_name((enum ident)c->ident) : "-",
               (unsigned long long)c->cells, (unsigned long long)c->passes);
        for (unsigned rule = 0; rule < FINDINGS_RULE_COUNT; rule++)
            if (((unsigned)c->rules & 1U << rule) != 0)
                printf(" [contradicts: %s]", findings_rule_name(rule));
        printf("\n");
    }
}

static void
classify_print(const struct classify *t, const struct findings *f)
{
    const char *gap = "";
    classify_put(span_str(t->file));
    printf("\n  labels    ");
    for (unsigned i = 0; i < LABEL_COUNT; i++) {
        if ((f->labels & LABEL_BIT(i)) == 0)
            continue;
        printf("%s%s", gap, label_name((enum label)i));
        gap = ", ";
    }
    printf("%s\n  coverage  %s", f->labels == 0 ? "-" : "", findings_coverage_name(f->coverage));
    gap = " (";
    for (unsigned i = 0; i < FINDINGS_REASON_COUNT; i++) {
        if ((f->reasons >> i & 1U) == 0)
            continue;
        printf("%s%s", gap, findings_reason_name(i));
        gap = ", ";
    }
    printf("%s\n  rows      %llu\n  persons   %llu to %llu\n", f->reasons == 0 ? "" : ")",
           (unsigned long long)f->rows, (unsigned long long)f->persons_lower,
           (unsigned long long)f->persons_upper);
    classify_print_columns(f);
}

/* The object "observed" of a transfer with two members more, on a line of its own. */
static int
classify_print_json(struct classify *t, const struct findings *f)
{
    struct canon w;
    struct span observed;
    struct span name;
    char quoted[6 * 4096];
    canon_init(&w, quoted, sizeof(quoted));
    canon_str(&w, t->file);
    enum err err = canon_finish(&w, &name);
    if (err != ERR_OK)
        return classify_fail(t, err);
    canon_init(&w, t->text, sizeof(t->text));
    findings_observed(f, &w);
    err = canon_finish(&w, &observed);
    if (err != ERR_OK)
        return classify_fail(t, err);
    printf("{\"file\":%.*s,\"contradicted\":%s,%.*s\n", (int)name.len, (const char *)name.ptr,
           f->rules != 0 ? "true" : "false", (int)observed.len - 1, (const char *)observed.ptr + 1);
    return CLI_DONE;
}

static int
classify_file(struct classify *t, const char *file)
{
    t->file = file;
    int code = classify_read(t, NULL);
    if (code != CLI_DONE)
        return code;
    const struct findings *f = findings_of(t->inspection);
    if (t->json)
        code = classify_print_json(t, f);
    else
        classify_print(t, f);
    return code == CLI_DONE && t->findings != NULL ? classify_where(t, f) : code;
}

static int
classify_schema(struct classify *t, const char *file)
{
    char *bytes = NULL;
    size_t len = 0;
    struct fault fault = {0};
    if (file == NULL)
        return CLI_DONE;
    if (!cli_must_read(t->cli, file, JSON_BYTES_MAX, &bytes, &len))
        return CLI_UNREACHABLE;
    const enum err err = fieldset_load(&t->fields, span_of(bytes, len), &fault);
    free(bytes);
    t->has_fields = err == ERR_OK;
    if (err == ERR_OK)
        return CLI_DONE;
    if (fault.code != ERR_OK)
        cli_fault(file, &fault);
    else
        cli_say(t->cli, "%s: %s", file, error_text(err));
    return CLI_USAGE;
}

/* True when the two names lead to one file, which writing the one would destroy. */
static bool
classify_same_file(const char *a, const char *b)
{
    struct stat of_a;
    struct stat of_b;
    return stat(a, &of_a) == 0 && stat(b, &of_b) == 0 && S_ISREG(of_a.st_mode) &&
           of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
}

static int
classify_findings(struct classify *t)
{
    t->findings_file = cli_value(t->cli, "--findings");
    if (t->findings_file == NULL)
        return CLI_DONE;
    int at = 0;
    const char *schema = cli_value(t->cli, "--schema");
    bool same = schema != NULL && classify_same_file(schema, t->findings_file);
    for (const char *file = cli_next_operand(t->cli, &at); file != NULL && !same;
         file = cli_next_operand(t->cli, &at))
        same = classify_same_file(file, t->findings_file);
    if (same)
        return cli_usage(t->cli, "--findings %s is a file that is read: name another",
                         t->findings_file);
    t->findings = fopen(t->findings_file, "we");
    if (t->findings != NULL)
        return CLI_DONE;
    cli_say(t->cli, "%s: %s", t->findings_file, strerrordesc_np(errno));
    return CLI_UNREACHABLE;
}

static int
classify_all(struct classify *t)
{
    int at = 0;
    int code = classify_schema(t, cli_value(t->cli, "--schema"));
    if (code != CLI_DONE)
        return code;
    code = classify_findings(t);
    if (code != CLI_DONE)
        return code;
    for (const char *file = cli_next_operand(t->cli, &at); file != NULL;
         file = cli_next_operand(t->cli, &at)) {
        const int one = classify_file(t, file);
        code = one > code ? one : code;
    }
    if (t->findings != NULL && fclose(t->findings) != 0) {
        cli_say(t->cli, "%s: %s", t->findings_file, strerrordesc_np(errno));
        return CLI_UNREACHABLE;
    }
    return code;
}

int
classify_main(int argc, char **argv)
{
    struct cli cli;
    if (!cli_parse(argc, argv, "classify", &cli))
        return CLI_USAGE;
    if (cli_operand_count(&cli) == 0)
        return cli_usage(&cli, "name at least one file");
    struct classify *t = calloc(1, sizeof(*t));
    enum err err = t == NULL ? ERR_NOMEM : digest_init();
    if (err == ERR_OK)
        err = key_init();
    if (err == ERR_OK)
        err = mac_init();
    if (err == ERR_OK)
        err = inspection_new(PERSONS_MAX, &t->inspection);
    int code = CLI_UNREACHABLE;
    if (err == ERR_OK) {
        t->cli = &cli;
        t->json = cli_has(&cli, "--json");
        key_random(t->key.bytes, sizeof(t->key.bytes));
        code = classify_all(t);
    } else {
        cli_say(&cli, "%s", error_text(err));
    }
    if (t != NULL) {
        inspection_free(t->inspection);
        key_wipe(t, sizeof(*t));
    }
    free(t);
    return code;
}
