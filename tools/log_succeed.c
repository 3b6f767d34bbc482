/* SPDX-License-Identifier: Apache-2.0 */
/* tdz log succeed: an operator's line under the note that begins a log after one that is lost. The
 * first one makes it, from the largest cosigned checkpoint of the old log that can be found; the
 * second checks it and adds a line. Spec: docs/adr/0009, docs/OPERATIONS.md. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "crypto/crypto.h"
#include "crypto/digest.h"
#include "crypto/sign.h"
#include "policy/succession.h"
#include "schemas/canon.h"
#include "schemas/text.h"
#include "tools/commands.h"
#include "tools/container_io.h"
#include "tools/logconfig.h"
#include "tools/notesign.h"
#include "tools/outdir.h"

struct succeed_tool {
    const struct cli *cli;
    struct logconfig config;
    const char *who;
    const char *path; /* of the note */
    struct sign_key key;
    struct note_key note_key;
    /* the best checkpoint found */
    struct succession_old best;
    char checkpoint[CHECKPOINT_MAX];
    size_t checkpoint_len;
    const char *last_reason; /* why the last one that was looked at does not count */
    char reason_text[160];
    /* the note */
    struct succession s;
    struct succession_scratch scratch;
    char vkey[NOTE_VKEY_MAX];
    char text[SUCCESSION_TEXT_MAX];
    size_t text_len;
    struct span lines; /* that are there */
    size_t line_count;
    char read[SUCCESSION_NOTE_MAX + 1];
    char note[SUCCESSION_NOTE_MAX];
    size_t note_len;
};

static int
succeed_refuse(const struct succeed_tool *t, const char *where, const char *why)
{
    cli_say(t->cli, "%s: %s", where, why);
    return CLI_REFUSED;
}

/* -- the old log's last checkpoint -------------------------------------------------------------*/

/* One that verifies and is the largest so far is kept. Two of one size that differ: CLI_REFUSED. */
static int
succeed_weigh(struct succeed_tool *t, const char *path, struct span bytes)
{
    const char *only = cli_value(t->cli, "--previous");
    struct succession_old old;
    struct fault fault = {.code = ERR_OK};
    struct checkpoint c;
    struct note note;
    if (bytes.len >= sizeof(t->checkpoint) || note_parse(bytes, &note) != ERR_OK ||
        checkpoint_parse(note.text, &c) != ERR_OK || span_eq_str(c.origin, t->config.origin) ||
        (only != NULL && !span_eq_str(c.origin, only)))
        return CLI_DONE;
    const enum err err = succession_checkpoint(&t->config.trust, span_str(t->config.zone), c.origin,
                                               bytes, &old, &fault);
    if (err != ERR_OK) {
        (void)snprintf(t->reason_text, sizeof(t->reason_text), "%s", fault.where);
        t->last_reason = t->reason_text;
        return CLI_DONE;
    }
    if (t->best.size > 0 && strcmp(old.key.name, t->best.key.name) != 0)
        return cli_usage(t->cli, "%s is of %s, another one of %s: say which with --previous", path,
                         old.key.name, t->best.key.name);
    if (old.size == t->best.size && !tlog_hash_eq(&old.root, &t->best.root))
        return succeed_refuse(t, path,
                              "a checkpoint of the same size has another root: the old log was "
                              "forked, and no succession hides that");
    if (old.size <= t->best.size)
        return CLI_DONE;
    t->best = old;
    memcpy(t->checkpoint, bytes.ptr, bytes.len);
    t->checkpoint_len = bytes.len;
    return CLI_DONE;
}

static int
succeed_file(struct succeed_tool *t, const char *path, bool must)
{
    char *bytes = NULL;
    size_t len = 0;
    const enum err err = cli_read(path, CHECKPOINT_MAX, &bytes, &len);
    if (err != ERR_OK) {
        if (!must && (err == ERR_NOT_FOUND || err == ERR_TOO_LARGE))
            return CLI_DONE;
        cli_say(t->cli, "%s: %s", path, error_text(err));
        return CLI_UNREACHABLE;
    }
    const int code = succeed_weigh(t, path, span_of(bytes, len));
    free(bytes);
    return code;
}

/* "ours" of each peer, as ledger keeps what was cosigned last. */
static int
succeed_private(struct succeed_tool *t, const char *folder)
{
    char path[OUTDIR_PATH_MAX];
    char name[OUTDIR_PATH_MAX];
    int code = CLI_DONE;
    if (outdir_path(path, folder, "private") != ERR_OK)
        return CLI_USAGE;
    DIR *dir = opendir(path);
    for (const struct dirent *d = dir == NULL ? NULL : readdir(dir); d != NULL && code == CLI_DONE;
         d = readdir(dir)) {
        const size_t len = strlen(d->d_name);
        if (len < 5 || strcmp(d->d_name + len - 5, ".ours") != 0 ||
            outdir_path(name, path, "%s", d->d_name) != ERR_OK)
            continue;
        code = succeed_file(t, name, false);
    }
    if (dir != NULL)
        (void)closedir(dir);
    return code;
}

/* A log folder: the old one, a copy of it, or that of the gateway that witnessed it. */
static int
succeed_folder(struct succeed_tool *t, const char *folder)
{
    const struct trust_zone *own = trust_find(&t->config.trust, span_str(t->config.zone));
    char path[OUTDIR_PATH_MAX];
    if (outdir_path(path, folder, "checkpoint") != ERR_OK)
        return CLI_USAGE;
    int code = succeed_file(t, path, false);
    if (code == CLI_DONE)
        code = succeed_private(t, folder);
    for (size_t i = 0; own != NULL && i < own->log_count && code == CLI_DONE; i++) {
        struct note_key key;
        uint8_t hash[32];
        char hex[65];
        if (note_key_parse(own->logs[i], &key) != ERR_OK ||
            digest_sha256(span_str(key.name), hash) != ERR_OK ||
            text_hex(span_of(hash, 32), hex, sizeof(hex)) != ERR_OK ||
            outdir_path(path, folder, "witness/%s/checkpoint", hex) != ERR_OK)
            continue;
        code = succeed_file(t, path, false);
    }
    return code;
}

static int
succeed_find(struct succeed_tool *t)
{
    const char *from = NULL;
    int at = 0;
    while ((from = cli_next_value(t->cli, "--from", &at)) != NULL) {
        struct stat st;
        if (stat(from, &st) != 0) {
            cli_say(t->cli, "%s: %s", from, strerrordesc_np(errno));
            return CLI_UNREACHABLE;
        }
        const int code =
            S_ISDIR(st.st_mode) ? succeed_folder(t, from) : succeed_file(t, from, true);
        if (code != CLI_DONE)
            return code;
    }
    return CLI_DONE;
}

/* -- who signs ---------------------------------------------------------------------------------*/

static int
succeed_key(struct succeed_tool *t)
{
    const struct trust_zone *own = trust_find(&t->config.trust, span_str(t->config.zone));
    const char *path = cli_value(t->cli, "--key");
    struct secret32 SECRET32_CLEAN seed;
    const int code = container_io_key(t->cli, path, &seed);
    if (code != CLI_DONE)
        return code;
    if (sign_key_init(&t->key, seed.bytes) != ERR_OK)
        return succeed_refuse(t, path, error_text(ERR_CRYPTO));
    for (size_t i = 0; own != NULL && i < own->key_count; i++) {
        const struct trust_key *key = &own->keys[i];
        uint8_t pub[NOTE_PUB_LEN];
        if (key->role != TRUST_OPERATOR || !span_eq_str(key->name, t->who) ||
            key->status == TRUST_REVOKED ||
            text_unhex(key->pub, false, pub, sizeof(pub)) != ERR_OK ||
            memcmp(pub, t->key.pub.pub, sizeof(pub)) != 0)
            continue;
        return note_key_init(key->name, NOTE_ED25519, pub, &t->note_key) == ERR_OK ? CLI_DONE
                                                                                   : CLI_REFUSED;
    }
    return succeed_refuse(t, path, "not a key of that operator of the zone in the trust file");
}

/* -- the note ----------------------------------------------------------------------------------*/

static int
succeed_make(struct succeed_tool *t)
{
    const char *reason = cli_value(t->cli, "--reason");
    struct fault fault = {.code = ERR_OK};
    struct succession_old old;
    struct timespec now;
    if (reason == NULL || cli_value(t->cli, "--from") == NULL)
        return cli_usage(t->cli, "%s is not there yet: --from and --reason are needed to make it",
                         t->path);
    if (t->best.size == 0)
        return succeed_refuse(t, "--from",
                              t->last_reason != NULL
                                  ? t->last_reason
                                  : "no checkpoint of an earlier log of this zone was found");
    const int code = logconfig_vkey(&t->config, t->cli, t->vkey);
    if (code != CLI_DONE)
        return code;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    t->s = (struct succession){.checkpoint = span_of(t->checkpoint, t->checkpoint_len),
                               .key = span_str(t->vkey),
                               .origin = span_str(t->config.origin),
                               .previous = span_str(t->best.key.name),
                               .reason = span_str(reason),
                               .time_s = now.tv_sec,
                               .zone = span_str(t->config.zone)};
    if (succession_text(&t->s, t->text, &t->text_len) != ERR_OK)
        return cli_usage(t->cli, "a reason is text of at most %d bytes", SUCCESSION_REASON_MAX);
    /* Everything but who has signed it, which is nobody yet. */
    const struct note unsigned_note = {.text = span_of(t->text, t->text_len)};
    if (succession_check(&t->s, &unsigned_note, &t->config.trust, span_str(t->config.zone),
                         span_str(t->config.origin), &old, &fault) != ERR_OK &&
        fault.line != 4)
        return succeed_refuse(t, t->path, fault.where);
    return CLI_DONE;
}

static int
succeed_join(struct succeed_tool *t)
{
    struct fault fault = {.code = ERR_OK};
    struct succession_old old;
    struct note note;
    char *bytes = NULL;
    size_t len = 0;
    if (cli_value(t->cli, "--reason") != NULL)
        return cli_usage(t->cli, "%s is there: who made it has said why", t->path);
    if (!cli_must_read(t->cli, t->path, sizeof(t->read) - 1, &bytes, &len))
        return CLI_UNREACHABLE;
    memcpy(t->read, bytes, len);
    free(bytes);
    if (succession_read(span_of(t->read, len), &t->scratch, &t->s, &note, &fault) != ERR_OK) {
        cli_fault(t->path, &fault);
        return CLI_REFUSED;
    }
    if (t->best.size > 0) {
        struct succession_old said;
        if (succession_checkpoint(&t->config.trust, span_str(t->config.zone), t->s.previous,
                                  t->s.checkpoint, &said, &fault) == ERR_OK &&
            strcmp(said.key.name, t->best.key.name) == 0 && t->best.size > said.size)
            return succeed_refuse(t, t->path, "--from has a larger checkpoint than it names");
    }
    t->text_len = note.text.len;
    memcpy(t->text, note.text.ptr, t->text_len);
    t->lines = span_from(span_of(t->read, len), t->text_len + 1);
    t->line_count = note.sig_count;
    if (note_has_line(&note, &t->note_key))
        return succeed_refuse(t, t->path, "you have signed it already");
    /* Everything but who has signed it so far, which is on its fourth line. */
    if (succession_check(&t->s, &note, &t->config.trust, span_str(t->config.zone),
                         span_str(t->config.origin), &old, &fault) != ERR_OK &&
        (fault.line != 4 || fault.code == ERR_SIGNATURE)) {
        cli_fault(t->path, &fault);
        return CLI_REFUSED;
    }
    return CLI_DONE;
}

static int
succeed_report(struct succeed_tool *t)
{
    struct fault fault = {.code = ERR_OK};
    struct succession_old old;
    struct note note;
    char out[4096];
    char time[21] = "";
    struct canon w;
    struct span text;
    if (succession_read(span_of(t->note, t->note_len), &t->scratch, &t->s, &note, &fault) != ERR_OK)
        return CLI_USAGE;
    const enum err err = succession_check(&t->s, &note, &t->config.trust, span_str(t->config.zone),
                                          span_str(t->config.origin), &old, &fault);
    (void)!text_time_s((int64_t)old.cosigned_s, time);
    if (!cli_has(t->cli, "--json")) {
        (void)printf("%s: %.*s follows %s at %" PRIu64 " entries, cosigned by %s at %s: %s\n",
                     t->path, (int)t->s.origin.len, (const char *)t->s.origin.ptr, old.key.name,
                     old.size, old.cosigner, time,
                     err == ERR_OK ? "signed by all it needs" : fault.where);
        return CLI_DONE;
    }
    canon_init(&w, out, sizeof(out));
    canon_object(&w);
    canon_member_bool(&w, "complete", err == ERR_OK);
    canon_member_str(&w, "cosigned_at", time);
    canon_member_str(&w, "cosigner", old.cosigner);
    if (err != ERR_OK)
        canon_member_str(&w, "missing", fault.where);
    canon_member_span(&w, "origin", t->s.origin);
    canon_member_str(&w, "previous", old.key.name);
    canon_key(&w, "signed");
    canon_array(&w);
    for (size_t i = 0; i < note.sig_count; i++)
        canon_string(&w, note.sig[i].name);
    canon_end(&w);
    canon_member_int(&w, "size", old.size > INT64_MAX ? INT64_MAX : (int64_t)old.size);
    canon_end(&w);
    if (canon_finish(&w, &text) != ERR_OK)
        return CLI_USAGE;
    (void)printf("%.*s\n", (int)text.len, (const char *)text.ptr);
    return CLI_DONE;
}

static int
succeed_run(struct succeed_tool *t)
{
    const char *config = cli_value(t->cli, "--config");
    if (config == NULL || t->who == NULL || cli_value(t->cli, "--key") == NULL || t->path == NULL ||
        cli_operand_count(t->cli) != 1)
        return cli_usage(t->cli, "--config CONFIG, --as NAME, --key KEY and one NOTE are needed");
    int code = logconfig_open(&t->config, t->cli, config);
    if (code == CLI_DONE)
        code = succeed_key(t);
    if (code == CLI_DONE)
        code = succeed_find(t);
    if (code == CLI_DONE)
        code = outdir_exists(t->path) ? succeed_join(t) : succeed_make(t);
    if (code != CLI_DONE)
        return code;
    enum err err = notesign_join(&t->key, &t->note_key, span_of(t->text, t->text_len), t->lines,
                                 t->line_count, t->note, sizeof(t->note), &t->note_len);
    if (err == ERR_OK)
        err = outdir_write(t->path, 0644, span_of(t->note, t->note_len));
    if (err != ERR_OK) {
        cli_say(t->cli, "%s: %s", t->path, error_text(err));
        return CLI_UNREACHABLE;
    }
    return succeed_report(t);
}

int
log_succeed_main(int argc, char **argv)
{
    struct cli cli;
    int at = 0;
    if (!cli_parse(argc, argv, "log succeed", &cli))
        return CLI_USAGE;
    struct succeed_tool *t = calloc(1, sizeof(*t));
    if (t == NULL || crypto_init() != ERR_OK) {
        cli_say(&cli, "%s", error_text(ERR_NOMEM));
        free(t);
        return CLI_UNREACHABLE;
    }
    t->cli = &cli;
    t->who = cli_value(&cli, "--as");
    t->path = cli_next_operand(&cli, &at);
    const int code = succeed_run(t);
    logconfig_finish(&t->config);
    sign_key_wipe(&t->key);
    free(t);
    return code;
}
