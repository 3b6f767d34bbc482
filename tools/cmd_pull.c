/* SPDX-License-Identifier: Apache-2.0 */
/* tdz pull: datasets that arrived, checked against their digest before they get their name, then
 * acknowledged. */
#include "crypto/digest.h"
#include "schemas/text.h"
#include "tools/cmd_inbox.h"
#include "tools/commands.h"
#include "tools/outfile.h"
#include "tools/progress.h"

#include <errno.h>
#include <stdlib.h>

enum { NAME_MAX_BYTES = 255 };

struct pull {
    const struct cli *cli;
    struct httpc *http;
    char id[PARTNER_ID_LEN + 1];
    struct digest *digest;
    struct outfile file;
    char name[NAME_MAX_BYTES + 1];
    uint64_t bytes;
};

struct ids {
    char (*list)[PARTNER_ID_LEN + 1];
    size_t count;
    size_t cap;
    bool is_full;
};

static void
collect(void *ctx, const struct json_doc *doc, const struct json_node *transfer)
{
    struct ids *ids = ctx;
    uint8_t raw[PARTNER_ID_LEN / 2];
    struct span id;
    struct span state;
    if (json_need_str(doc, transfer, "id", PARTNER_ID_LEN, &id, NULL) != ERR_OK ||
        json_need_str(doc, transfer, "state", NAME_MAX_BYTES, &state, NULL) != ERR_OK ||
        text_unhex(id, false, raw, sizeof(raw)) != ERR_OK || span_eq_str(state, "delivered"))
        return;
    if (ids->count == ids->cap) {
        const size_t cap = ids->cap * 2 + 64;
        void *grown = realloc(ids->list, cap * sizeof(ids->list[0]));
        if (grown == NULL) {
            ids->is_full = true;
            return;
        }
        ids->list = grown;
        ids->cap = cap;
    }
    (void)snprintf(ids->list[ids->count++], PARTNER_ID_LEN + 1, "%.*s", PARTNER_ID_LEN,
                   (const char *)id.ptr);
}

static enum err
on_bytes(void *ctx, struct span bytes)
{
    struct pull *p = ctx;
    TRY(digest_update(p->digest, bytes));
    return outfile_write(&p->file, bytes);
}

/* The dataset's name, if it can be a file of the working folder; the transfer's id otherwise. */
static void
choose_name(struct pull *p, struct span name)
{
    bool good = name.len > 0 && name.len <= NAME_MAX_BYTES && name.ptr[0] != '.' &&
                name.ptr[0] != '-' && text_is_utf8(name);
    for (size_t i = 0; good && i < name.len; i++)
        good = name.ptr[i] >= 0x20 && name.ptr[i] != 0x7f && name.ptr[i] != '/';
    const struct span chosen = good ? name : span_str(p->id);
    (void)snprintf(p->name, sizeof(p->name), "%.*s", (int)chosen.len, (const char *)chosen.ptr);
}

/* Asks for the entry of the inbox: name and size. */
static int
look(struct pull *p)
{
    char path[PARTNER_PATH_MAX];
    struct partner_answer answer;
    (void)snprintf(path, sizeof(path), "/v1/inbox/%s", p->id);
    int code = CLI_UNREACHABLE;
    if (partner_get(p->cli, p->http, path, NULL, &answer)) {
        code = answer.http.status == 200 && answer.is_json ? CLI_DONE
                                                           : partner_refused(p->cli, &answer);
        const struct json_node *bytes =
            code == CLI_DONE ? json_get(&answer.doc, answer.doc.nodes, "bytes") : NULL;
        p->bytes = bytes != NULL && bytes->type == JSON_INT ? (uint64_t)bytes->number : 0;
        choose_name(p, partner_member(&answer, "name"));
    }
    partner_done(&answer);
    return code;
}

/* True when Repr-Digest names what was received. Spec: RFC 9530 3. */
static bool
is_whole(struct pull *p, const struct partner_answer *answer)
{
    uint8_t seen[DIGEST_SHA256_BYTES];
    uint8_t said[DIGEST_SHA256_BYTES];
    size_t len = 0;
    const char *header = httpc_header(&answer->http, "repr-digest");
    const char *value = header == NULL ? NULL : strstr(header, "sha-256=:");
    if (value == NULL) {
        cli_say(p->cli, "%s: the gateway named no SHA-256 of the data", p->id);
        return false;
    }
    value += strlen("sha-256=:");
    if (text_unbase64(span_of(value, strcspn(value, ":")), false, said, sizeof(said), &len) !=
            ERR_OK ||
        len != sizeof(said) || digest_final(p->digest, seen, sizeof(seen)) != ERR_OK ||
        memcmp(seen, said, sizeof(said)) != 0) {
        cli_say(p->cli, "%s: what arrived does not have the digest the gateway names", p->id);
        return false;
    }
    return true;
}

static int
say_file(const struct pull *p, const char *path, enum err err)
{
    if (err == ERR_EXISTS)
        cli_say(p->cli, "%s exists and is not overwritten; give -o FILE", path);
    else
        cli_say(p->cli, "%s: %s", path, err == ERR_SYS ? strerrordesc_np(errno) : error_text(err));
    return err == ERR_EXISTS ? CLI_USAGE : CLI_UNREACHABLE;
}

/* Receives the data into p->file, which is open; commits or drops it. */
static int
receive(struct pull *p, const char *out)
{
    char path[PARTNER_PATH_MAX];
    struct progress bar;
    struct partner_answer answer;
    static const char *const headers[] = {"Want-Repr-Digest: sha-256=10"};
    (void)snprintf(path, sizeof(path), "/v1/inbox/%s/data", p->id);
    progress_init(&bar, p->name, p->bytes);
    const struct httpc_request request = {.method = "GET",
                                          .path = path,
                                          .headers = headers,
                                          .header_count = 1,
                                          .body_fd = -1,
                                          .sink = on_bytes,
                                          .sink_ctx = p,
                                          .progress = progress_draw,
                                          .progress_ctx = &bar};
    const bool came = partner_do(p->cli, p->http, &request, &answer);
    progress_end(&bar);
    int code = CLI_UNREACHABLE;
    if (came && answer.http.status != 200)
        code = partner_refused(p->cli, &answer);
    else if (came)
        code = is_whole(p, &answer) ? CLI_DONE : CLI_REFUSED;
    partner_done(&answer);
    if (code != CLI_DONE) {
        outfile_drop(&p->file);
        return code;
    }
    const enum err err = outfile_commit(&p->file);
    return err == ERR_OK ? CLI_DONE : say_file(p, out, err);
}

static int
acknowledge(struct pull *p)
{
    char path[PARTNER_PATH_MAX];
    struct partner_answer answer;
    static const char *const headers[] = {"Content-Length: 0"};
    (void)snprintf(path, sizeof(path), "/v1/inbox/%s/ack", p->id);
    const struct httpc_request request = {.method = "POST",
                                          .path = path,
                                          .headers = headers,
                                          .header_count = 1,
                                          .body_fd = -1,
                                          .timeout_s = 60};
    int code = CLI_UNREACHABLE;
    if (partner_do(p->cli, p->http, &request, &answer))
        code = answer.http.status == 204 ? CLI_DONE : partner_refused(p->cli, &answer);
    partner_done(&answer);
    return code;
}

static int
pull_one(struct pull *p, const char *id)
{
    (void)snprintf(p->id, sizeof(p->id), "%s", id);
    int code = look(p);
    if (code != CLI_DONE)
        return code;
    const char *given = cli_value(p->cli, "-o");
    const char *out = given == NULL ? p->name : given;
    enum err err = digest_reset(p->digest);
    if (err == ERR_OK)
        err = outfile_open(out, &p->file);
    if (err != ERR_OK)
        return say_file(p, out, err);
    code = receive(p, out);
    if (code == CLI_DONE && strcmp(out, "-") != 0) {
        partner_put(stdout, span_str(out));
        fputc('\n', stdout);
    }
    return code == CLI_DONE && !cli_has(p->cli, "--no-ack") ? acknowledge(p) : code;
}

static int
pull_all(struct pull *p)
{
    struct ids ids = {0};
    int code = cmd_inbox_walk(p->cli, p->http, collect, &ids);
    if (code == CLI_DONE && ids.is_full) {
        cli_say(p->cli, "%s", error_text(ERR_NOMEM));
        code = CLI_UNREACHABLE;
    }
    /* One that cannot be pulled does not keep the others; the first reason decides the code. */
    for (size_t i = 0; i < ids.count; i++) {
        const int one = pull_one(p, ids.list[i]);
        code = code == CLI_DONE ? one : code;
    }
    free(ids.list);
    return code;
}

int
cmd_pull_main(int argc, char **argv)
{
    struct cli cli;
    int at = 0;
    if (!cli_parse(argc, argv, "pull", &cli))
        return CLI_USAGE;
    const char *id = cli_next_operand(&cli, &at);
    if (cli_operand_count(&cli) > 1)
        return cli_usage(&cli, "give one transfer ID, or none for all");
    if (id == NULL && cli_value(&cli, "-o") != NULL)
        return cli_usage(&cli, "-o needs a transfer ID");
    if (id != NULL && !partner_check_id(&cli, id))
        return CLI_USAGE;
    int code = CLI_UNREACHABLE;
    struct pull p = {.cli = &cli, .file = {.fd = -1}};
    enum err err = digest_init();
    if (err == ERR_OK)
        err = digest_new(DIGEST_SHA256, &p.digest);
    if (err != ERR_OK)
        cli_say(&cli, "%s", error_text(err));
    else
        p.http = profile_open(&cli, &code);
    if (p.http != NULL)
        code = id == NULL ? pull_all(&p) : pull_one(&p, id);
    httpc_free(p.http);
    digest_free(p.digest);
    return code;
}
