/* SPDX-License-Identifier: Apache-2.0 */
/* tdz policy sign: an operator's line under the activation of a policy. The first one is its
 * author and says from when it counts; the others add their lines. Spec: cli.md; docs/adr/0008. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "crypto/crypto.h"
#include "crypto/digest.h"
#include "crypto/sign.h"
#include "schemas/canon.h"
#include "schemas/text.h"
#include "tools/commands.h"
#include "tools/container_io.h"
#include "tools/notesign.h"
#include "tools/policy_files.h"
#include "tools/zonebook.h"

enum { SIGN_NOTE_MAX = ACTIVATION_TEXT_MAX + NOTE_SIGS_MAX * NOTE_LINE_MAX };

struct sign_tool {
    const struct cli *cli;
    struct zonebook book;
    const char *who;
    struct sign_key key;
    struct note_key note_key;
    const char *path;
    char note_path[OUTDIR_PATH_MAX];
    struct source doc;
    struct activation a;
    struct activation_scratch scratch;
    char text[ACTIVATION_TEXT_MAX];
    size_t text_len;
    struct span lines; /* that are there */
    char note[SIGN_NOTE_MAX];
    size_t note_len;
    struct note parsed;
};

static int
sign_refuse(const struct sign_tool *t, const char *why)
{
    cli_say(t->cli, "%s: %s", t->path, why);
    return CLI_REFUSED;
}

/* The seed file belongs to that operator, who is of the document's zone or of its corridor. */
static int
sign_read_key(struct sign_tool *t)
{
    const char *path = cli_value(t->cli, "--key");
    struct secret32 SECRET32_CLEAN seed;
    const int code = container_io_key(t->cli, path, &seed);
    if (code != CLI_DONE)
        return code;
    const enum err err = sign_key_init(&t->key, seed.bytes);
    if (err != ERR_OK) {
        cli_say(t->cli, "%s: %s", path, error_text(err));
        return CLI_USAGE;
    }
    for (size_t i = 0; i < t->book.key_count; i++) {
        const struct activation_key *key = &t->book.keys[i];
        if (strcmp(key->key.name, t->who) != 0 ||
            memcmp(key->key.pub, t->key.pub.pub, NOTE_PUB_LEN) != 0)
            continue;
        if (!span_eq(key->zone, t->doc.zone) && !span_eq(key->zone, t->doc.corridor))
            return sign_refuse(t, "you are an operator of another zone than the document's");
        t->note_key = key->key;
        return CLI_DONE;
    }
    cli_say(t->cli, "%s: not a key of operator %s that the trust file knows", path, t->who);
    return CLI_REFUSED;
}

static int
sign_read_policy(struct sign_tool *t)
{
    struct fault fault = {.code = ERR_OK};
    struct span bytes;
    uint8_t sha256[32];
    const int code = zonebook_read(&t->book, t->path, &bytes);
    if (code != CLI_DONE)
        return code;
    enum err err = digest_sha256(bytes, sha256);
    if (err == ERR_OK)
        err = source_read(&t->doc, &t->book.vocab, bytes, sha256, &fault);
    if (err != ERR_OK)
        return policy_files_bad(t->cli, t->path, err, &fault);
    return source_is_complete(&t->doc)
               ? CLI_DONE
               : sign_refuse(t, "a list without a hash: such a document is never activated");
}

/* What the author says. */
static int
sign_author(struct sign_tool *t)
{
    const char *at = cli_value(t->cli, "--activate-at");
    const char *reason = cli_value(t->cli, "--reason");
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    t->a = (struct activation){.activate_ms = (int64_t)now.tv_sec * 1000,
                               .author = span_str(t->who),
                               .emergency = cli_has(t->cli, "--emergency"),
                               .id = t->doc.id,
                               .reason = reason == NULL ? (struct span){NULL, 0} : span_str(reason),
                               .revision = t->doc.revision,
                               .zone = t->doc.zone};
    memcpy(t->a.policy, t->doc.sha256, 32);
    memcpy(t->a.vocabulary, t->book.vocab.sha256, 32);
    if (at != NULL && (text_parse_time(span_str(at), false, &t->a.activate_ms) != ERR_OK ||
                       t->a.activate_ms % 1000 != 0))
        return cli_usage(t->cli, "--activate-at takes a time as 2026-11-22T02:19:00Z, not '%s'",
                         at);
    if (t->a.emergency && (reason == NULL || reason[0] == '\0'))
        return cli_usage(t->cli, "--emergency needs --reason");
    if (activation_text(&t->a, t->text, &t->text_len) != ERR_OK)
        return cli_usage(t->cli, "a reason is text of at most %d bytes", ACTIVATION_REASON_MAX);
    return CLI_DONE;
}

/* What is there already is what the next one signs. */
static int
sign_joins(struct sign_tool *t)
{
    struct fault fault = {.code = ERR_OK};
    struct span bytes;
    const int code = zonebook_read(&t->book, t->note_path, &bytes);
    if (code != CLI_DONE)
        return code;
    if (cli_has(t->cli, "--emergency") || cli_value(t->cli, "--activate-at") != NULL ||
        cli_value(t->cli, "--reason") != NULL)
        return cli_usage(t->cli, "%s is there: its author has said when and why", t->note_path);
    const enum err err = activation_read(bytes, &t->scratch, &t->a, &t->parsed, &fault);
    if (err != ERR_OK)
        return policy_files_bad(t->cli, t->note_path, err, &fault);
    if (memcmp(t->a.policy, t->doc.sha256, 32) != 0 ||
        memcmp(t->a.vocabulary, t->book.vocab.sha256, 32) != 0)
        return sign_refuse(t, "the activation beside it is for other bytes of the document or the "
                              "vocabulary; remove it to begin anew");
    t->text_len = t->parsed.text.len;
    memcpy(t->text, t->parsed.text.ptr, t->text_len);
    t->lines = span_from(bytes, t->text_len + 1);
    if (note_has_line(&t->parsed, &t->note_key))
        return sign_refuse(t, "you have signed it already");
    return CLI_DONE;
}

/* Says who has signed and what is missing still. */
static int
sign_report(struct sign_tool *t)
{
    struct fault fault = {.code = ERR_OK};
    struct activation a;
    struct note note;
    char out[8192];
    char time[21];
    struct canon w;
    struct span text;
    if (activation_read(span_of(t->note, t->note_len), &t->scratch, &a, &note, &fault) != ERR_OK ||
        text_time_s(a.activate_ms / 1000, time) != ERR_OK)
        return CLI_USAGE;
    const enum err err =
        activation_check(&a, &note, &t->doc, t->book.keys, t->book.key_count, &fault);
    if (!cli_has(t->cli, "--json")) {
        (void)printf("%s: %.*s revision %lld from %s: %s\n", t->note_path, (int)a.id.len,
                     (const char *)a.id.ptr, (long long)a.revision, time,
                     err == ERR_OK ? "signed by all it needs" : fault.where);
        return CLI_DONE;
    }
    canon_init(&w, out, sizeof(out));
    canon_object(&w);
    canon_member_str(&w, "activate_at", time);
    canon_member_span(&w, "author", a.author);
    canon_member_bool(&w, "complete", err == ERR_OK);
    canon_member_span(&w, "id", a.id);
    if (err != ERR_OK)
        canon_member_str(&w, "missing", fault.where);
    canon_member_int(&w, "revision", a.revision);
    canon_key(&w, "signed");
    canon_array(&w);
    for (size_t i = 0; i < note.sig_count; i++)
        canon_string(&w, note.sig[i].name);
    canon_end(&w);
    canon_end(&w);
    if (canon_finish(&w, &text) != ERR_OK)
        return CLI_USAGE;
    (void)printf("%.*s\n", (int)text.len, (const char *)text.ptr);
    return CLI_DONE;
}

static int
sign_run(struct sign_tool *t)
{
    const char *config = cli_value(t->cli, "--config");
    const char *trust = cli_value(t->cli, "--trust");
    const char *vocab = cli_value(t->cli, "--vocab");
    if (cli_value(t->cli, "--key") == NULL || t->who == NULL || t->path == NULL ||
        cli_operand_count(t->cli) != 1)
        return cli_usage(t->cli, "one FILE, --as NAME and --key KEY are needed");
    if (config == NULL && (trust == NULL || vocab == NULL))
        return cli_usage(t->cli, "--config, or --trust and --vocab, are needed");
    int code =
        config != NULL ? zonebook_open(&t->book, config) : zonebook_keys(&t->book, trust, vocab);
    if (code == CLI_DONE)
        code = sign_read_policy(t);
    if (code == CLI_DONE)
        code = sign_read_key(t);
    const int n = snprintf(t->note_path, sizeof(t->note_path), "%s.activation", t->path);
    if (code == CLI_DONE && (n < 0 || (size_t)n >= sizeof(t->note_path)))
        code = cli_usage(t->cli, "%s: %s", t->path, error_text(ERR_TOO_LARGE));
    if (code == CLI_DONE)
        code = outdir_exists(t->note_path) ? sign_joins(t) : sign_author(t);
    if (code != CLI_DONE)
        return code;
    enum err err = notesign_join(&t->key, &t->note_key, span_of(t->text, t->text_len), t->lines,
                                 t->parsed.sig_count, t->note, sizeof(t->note), &t->note_len);
    if (err == ERR_OK)
        err = outdir_write(t->note_path, 0644, span_of(t->note, t->note_len));
    if (err != ERR_OK) {
        cli_say(t->cli, "%s: %s", t->note_path, error_text(err));
        return CLI_UNREACHABLE;
    }
    return sign_report(t);
}

int
policy_sign_main(int argc, char **argv)
{
    struct cli cli;
    int at = 0;
    if (!cli_parse(argc, argv, "policy sign", &cli))
        return CLI_USAGE;
    struct sign_tool *t = zonebook_room(&cli, sizeof(*t));
    if (t == NULL)
        return CLI_UNREACHABLE;
    t->cli = &cli;
    t->book.cli = &cli;
    t->who = cli_value(&cli, "--as");
    t->path = cli_next_operand(&cli, &at);
    const int code = sign_run(t);
    source_finish(&t->doc);
    zonebook_finish(&t->book);
    sign_key_wipe(&t->key);
    free(t);
    return code;
}
