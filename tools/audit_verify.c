/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/audit_verify.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "crypto/digest.h"
#include "crypto/sign.h"
#include "tools/audit_evidence.h"
#include "tools/audit_log.h"
#include "tools/audit_origin.h"
#include "tools/audit_walk.h"
#include "tools/cli.h"

/* Everything a run needs, allocated once. */
struct run {
    struct cli cli;
    struct audit_report report;
    struct audit_keys keys;
    struct audit_log log;
    struct audit_evidence evidence;
    struct audit_origins origins;
    char *trust;
};

static bool
is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static void
verify_file(struct run *run, const char *path)
{
    char *bytes = NULL;
    size_t len = 0;
    if (!cli_must_read(&run->cli, path, JSON_BYTES_MAX, &bytes, &len)) {
        run->report.unreadable = true;
        return;
    }
    audit_evidence_verify(&run->evidence, path, span_of(bytes, len), &run->keys, &run->report);
    free(bytes);
}

/* Without a trust file each log is verified under its own keys only. */
static void
forget_keys(struct run *run)
{
    if (!run->keys.pinned)
        run->keys.count = 0;
}

/* A bundle: logs and evidence files, one level deep. */
static void
verify_folder(struct run *run, const char *path)
{
    size_t found = 0;
    DIR *dir = opendir(path);
    if (dir == NULL) {
        cli_say(&run->cli, "%s: %s", path, strerrordesc_np(errno));
        run->report.unreadable = true;
        return;
    }
    for (const struct dirent *d = readdir(dir); d != NULL; d = readdir(dir)) {
        char name[AUDIT_PATH_MAX];
        const size_t len = strlen(d->d_name);
        if (d->d_name[0] == '.')
            continue;
        (void)snprintf(name, sizeof(name), "%s/%s", path, d->d_name);
        if (is_folder(name) && audit_walk_is_log(name)) {
            audit_log_verify(&run->log, name, &run->keys, &run->report);
        } else if (len > 5 && strcmp(d->d_name + len - 5, ".json") == 0 &&
                   strncmp(d->d_name, "trust", 5) != 0) {
            verify_file(run, name);
        } else {
            continue;
        }
        forget_keys(run);
        found++;
    }
    (void)closedir(dir);
    if (found == 0)
        audit_report_fail(&run->report, path, AUDIT_NO_INDEX, "missing",
                          "neither a log nor a bundle of logs and evidence");
}

static void
verify_path(struct run *run, const char *path)
{
    if (is_folder(path) && audit_walk_is_log(path))
        audit_log_verify(&run->log, path, &run->keys, &run->report);
    else if (is_folder(path))
        verify_folder(run, path);
    else
        verify_file(run, path);
    forget_keys(run);
}

/* Pins the keys of the trust file. Returns an exit code. */
static int
read_trust(struct run *run, const char *path)
{
    struct fault fault;
    size_t len = 0;
    if (!cli_must_read(&run->cli, path, JSON_BYTES_MAX + 4096, &run->trust, &len))
        return CLI_UNREACHABLE;
    if (trust_load(span_of(run->trust, len), &run->keys.trust, &fault) != ERR_OK) {
        cli_fault(path, &fault);
        return CLI_USAGE;
    }
    const enum err err = audit_keys_pin(&run->keys);
    if (err == ERR_OK)
        return CLI_DONE;
    cli_say(&run->cli, "%s: a key in it is wrong: %s", path, error_text(err));
    return CLI_USAGE;
}

static void
verify_more(const void *ctx, FILE *out, bool json)
{
    audit_origin_print(ctx, out, json);
}

static int
verify(struct run *run)
{
    const char *trust = cli_value(&run->cli, "--trust");
    int at = 0;
    if (trust != NULL) {
        const int code = read_trust(run, trust);
        if (code != CLI_DONE)
            return code;
    }
    audit_report_init(&run->report, stdout, cli_has(&run->cli, "--json"), trust != NULL);
    if (trust == NULL)
        cli_say(&run->cli, "not pinned: keys are those found beside the logs (give --trust FILE)");
    run->evidence.scratch = &run->log.scratch;
    run->log.origins = &run->origins;
    run->report.more = verify_more;
    run->report.more_ctx = &run->origins;
    const char *path = cli_next_operand(&run->cli, &at);
    for (; path != NULL; path = cli_next_operand(&run->cli, &at))
        verify_path(run, path);
    audit_origin_end(&run->log);
    return audit_report_end(&run->report);
}

int
audit_verify_main(int argc, char **argv)
{
    struct cli cli;
    if (!cli_parse(argc, argv, "verify", &cli))
        return CLI_USAGE;
    if (cli_operand_count(&cli) == 0)
        return cli_usage(&cli, "no PATH given");
    struct run *run = calloc(1, sizeof(*run));
    if (run == NULL || digest_init() != ERR_OK || sign_init() != ERR_OK) {
        cli_say(&cli, "no memory");
        free(run);
        return CLI_UNREACHABLE;
    }
    run->cli = cli;
    const int code = verify(run);
    trust_free(&run->keys.trust);
    free(run->trust);
    free(run);
    return code;
}
