/* SPDX-License-Identifier: Apache-2.0 */
/* tdz policy activate: checks a signed policy against everything the gateway has, exactly as judge
 * will, and only then puts it into the policies folder and its archive. Spec: docs/adr/0008. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "crypto/crypto.h"
#include "crypto/digest.h"
#include "schemas/canon.h"
#include "schemas/text.h"
#include "tools/commands.h"
#include "tools/policy_archive.h"
#include "tools/policy_files.h"
#include "tools/zonebook.h"

struct activate_tool {
    const struct cli *cli;
    struct zonebook book;
    struct register_set before;
    struct register_set after;
    const char *path;
    struct register_file file;
    int64_t now_ms;
    char placed[OUTDIR_PATH_MAX];
};

static bool
activate_is_json(const char *name)
{
    const size_t len = strlen(name);
    return name[0] != '.' && len > 5 && strcmp(name + len - 5, ".json") == 0;
}

/* The activation first: a policy without one beside it would stop a reload. */
static enum err
activate_place(struct activate_tool *t)
{
    char note[OUTDIR_PATH_MAX + 16];
    (void)snprintf(note, sizeof(note), "%s.activation", t->placed);
    TRY(outdir_write(note, 0644, t->file.note));
    return outdir_write(t->placed, 0644, t->file.bytes);
}

/* SIGHUP to the gateway of the pid file. */
static int
activate_reload(const struct activate_tool *t)
{
    char *text = NULL;
    size_t len = 0;
    uint64_t pid = 0;
    if (t->book.pid_file[0] == '\0')
        return cli_usage(t->cli, "--reload: the configuration names no pid_file");
    if (!cli_must_read(t->cli, t->book.pid_file, 32, &text, &len))
        return CLI_UNREACHABLE;
    while (len > 0 && text[len - 1] == '\n')
        len--;
    const enum err err = text_parse_u64(span_of(text, len), 1 << 22, &pid);
    free(text);
    if (err == ERR_OK && pid > 1 && kill((pid_t)pid, SIGHUP) == 0)
        return CLI_DONE;
    cli_say(t->cli, "%s: the gateway could not be told to reload: %s", t->book.pid_file,
            err == ERR_OK ? strerrordesc_np(errno) : error_text(err));
    return CLI_UNREACHABLE;
}

static int
activate_report(const struct activate_tool *t)
{
    const size_t at = t->after.policy_count - 1;
    const struct source *s = t->after.policies[at];
    const bool reload = cli_has(t->cli, "--reload");
    char sha256[65];
    char from[21];
    char out[OUTDIR_PATH_MAX + 1024];
    struct canon w;
    struct span text;
    const int64_t from_ms =
        s->from_ms > t->after.activate_ms[at] ? s->from_ms : t->after.activate_ms[at];
    if (text_hex(span_of(s->sha256, 32), sha256, sizeof(sha256)) != ERR_OK ||
        text_time_s(from_ms / 1000, from) != ERR_OK)
        return CLI_USAGE;
    if (!cli_has(t->cli, "--json")) {
        (void)printf("%s: %.*s revision %lld is activated, in force from %s%s\n", t->placed,
                     (int)s->id.len, (const char *)s->id.ptr, (long long)s->revision, from,
                     reload ? "" : "; send SIGHUP to the gateway");
        return CLI_DONE;
    }
    canon_init(&w, out, sizeof(out));
    canon_object(&w);
    canon_member_bool(&w, "emergency", t->after.emergency[at]);
    canon_member_str(&w, "file", t->placed);
    canon_member_str(&w, "from", from);
    canon_member_span(&w, "id", s->id);
    canon_member_bool(&w, "reloaded", reload);
    canon_member_int(&w, "revision", s->revision);
    canon_member_str(&w, "sha256", sha256);
    canon_end(&w);
    if (canon_finish(&w, &text) != ERR_OK)
        return CLI_USAGE;
    (void)printf("%.*s\n", (int)text.len, (const char *)text.ptr);
    return CLI_DONE;
}

/* The file and what stands beside it. */
static int
activate_read(struct activate_tool *t)
{
    char note[OUTDIR_PATH_MAX + 16];
    t->file.name = span_str(t->path);
    int code = zonebook_read(&t->book, t->path, &t->file.bytes);
    (void)snprintf(note, sizeof(note), "%s.activation", t->path);
    if (code == CLI_DONE && outdir_exists(note))
        code = zonebook_read(&t->book, note, &t->file.note);
    return code;
}

static int
activate_check(struct activate_tool *t)
{
    int code = zonebook_register(&t->book, NULL, t->now_ms, &t->before);
    if (code == CLI_DONE)
        code = zonebook_register(&t->book, &t->file, t->now_ms, &t->after);
    if (code != CLI_DONE)
        return code;
    const struct source *s = t->after.policies[t->after.policy_count - 1];
    for (size_t i = 0; i + 1 < t->after.policy_count; i++) {
        const struct source *have = t->after.policies[i];
        if (span_eq(have->id, s->id) && have->revision > s->revision) {
            cli_say(t->cli, "%s: revision %lld is activated already: a rollback is a new revision",
                    t->path, (long long)have->revision);
            return CLI_REFUSED;
        }
    }
    const enum err err = outdir_path(t->placed, t->book.policies, "%.*s-%lld.json", (int)s->id.len,
                                     (const char *)s->id.ptr, (long long)s->revision);
    if (err == ERR_OK && !outdir_exists(t->placed))
        return CLI_DONE;
    cli_say(t->cli, "%s: %s", t->placed, error_text(err == ERR_OK ? ERR_EXISTS : err));
    return CLI_REFUSED;
}

static int
activate_run(struct activate_tool *t)
{
    const char *config = cli_value(t->cli, "--config");
    struct timespec now;
    if (config == NULL || t->path == NULL || cli_operand_count(t->cli) != 1)
        return cli_usage(t->cli, "--config CONFIG and one FILE are needed");
    if (!activate_is_json(strrchr(t->path, '/') == NULL ? t->path : strrchr(t->path, '/') + 1))
        return cli_usage(t->cli, "%s: a policy is a *.json", t->path);
    (void)clock_gettime(CLOCK_REALTIME, &now);
    t->now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    int code = zonebook_open(&t->book, config);
    if (code == CLI_DONE)
        code = activate_read(t);
    if (code == CLI_DONE)
        code = activate_check(t);
    if (code != CLI_DONE)
        return code;
    enum err err = policy_archive_fill(&t->book, &t->after);
    if (err == ERR_OK)
        err = activate_place(t);
    if (err != ERR_OK) {
        cli_say(t->cli, "%s: %s", t->book.policies, error_text(err));
        return CLI_UNREACHABLE;
    }
    code = cli_has(t->cli, "--reload") ? activate_reload(t) : CLI_DONE;
    return code == CLI_DONE ? activate_report(t) : code;
}

int
policy_activate_main(int argc, char **argv)
{
    struct cli cli;
    int at = 0;
    if (!cli_parse(argc, argv, "policy activate", &cli))
        return CLI_USAGE;
    struct activate_tool *t = zonebook_room(&cli, sizeof(*t));
    if (t == NULL)
        return CLI_UNREACHABLE;
    t->cli = &cli;
    t->book.cli = &cli;
    t->path = cli_next_operand(&cli, &at);
    const int code = activate_run(t);
    register_finish(&t->before);
    register_finish(&t->after);
    zonebook_finish(&t->book);
    free(t);
    return code;
}
