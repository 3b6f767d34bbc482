/* SPDX-License-Identifier: Apache-2.0 */
/* tdz push: one dataset in one request. */
#include "schemas/text.h"
#include "tools/commands.h"
#include "tools/partner.h"
#include "tools/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_BYTES = 16 };
enum { HEADER_MAX = PARTNER_FACTS_MAX * 4 / 3 + 64 };

struct push {
    const struct cli *cli;
    struct httpc *http;
    const char *file;
    int fd;
    uint64_t size;
    char key[2 * KEY_BYTES + 1]; /* Idempotency-Key: makes the outcome findable after a break */
    char facts[HEADER_MAX];      /* the Tdz-Facts line */
    char path[PARTNER_PATH_MAX];
};

static bool
open_file(struct push *p)
{
    struct stat st;
    /* O_NONBLOCK: a pipe is refused, not waited for. */
    p->fd = open(p->file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (p->fd < 0 || fstat(p->fd, &st) != 0) {
        cli_say(p->cli, "%s: %s", p->file, strerrordesc_np(errno));
        return false;
    }
    if (!S_ISREG(st.st_mode)) {
        cli_say(p->cli, "%s: not a regular file", p->file);
        return false;
    }
    p->size = (uint64_t)st.st_size;
    return true;
}

/* Path and headers. False after printing why. */
static bool
prepare(struct push *p, const char *agreement)
{
    char json[PARTNER_FACTS_MAX];
    uint8_t random[KEY_BYTES];
    struct span facts;
    size_t len = 0;
    const char *name = cli_value(p->cli, "--name");
    const char *slash = strrchr(p->file, '/');
    if (name == NULL)
        name = slash == NULL ? p->file : slash + 1;
    if (name[0] == '\0') {
        (void)cli_usage(p->cli, "the name is empty");
        return false;
    }
    if (!partner_facts(p->cli, json, &facts))
        return false;
    (void)snprintf(p->path, sizeof(p->path), "/v1/agreements/");
    enum err err = partner_escape(span_str(agreement), p->path, sizeof(p->path) / 2);
    if (err == ERR_OK) {
        const size_t at = strlen(p->path);
        (void)snprintf(p->path + at, sizeof(p->path) - at, "/datasets/");
        err = partner_escape(span_str(name), p->path, sizeof(p->path));
    }
    const size_t at = (size_t)snprintf(p->facts, sizeof(p->facts), "Tdz-Facts: ");
    if (err == ERR_OK)
        err = text_base64(facts, true, p->facts + at, sizeof(p->facts) - at, &len);
    if (err == ERR_OK && getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        err = ERR_SYS;
    if (err == ERR_OK)
        err = text_hex(span_of(random, sizeof(random)), p->key, sizeof(p->key));
    if (err != ERR_OK)
        (void)cli_usage(p->cli, "agreement or name: %s", error_text(err));
    return err == ERR_OK;
}

/* The transfer named by the answer, in id. */
static bool
transfer_of(const struct partner_answer *answer, char id[static PARTNER_ID_LEN + 1])
{
    const char *header = httpc_header(&answer->http, "tdz-transfer");
    uint8_t bytes[PARTNER_ID_LEN / 2];
    const struct span text = header != NULL ? span_str(header) : partner_member(answer, "id");
    if (text_unhex(text, false, bytes, sizeof(bytes)) != ERR_OK)
        return false;
    (void)snprintf(id, PARTNER_ID_LEN + 1, "%.*s", PARTNER_ID_LEN, (const char *)text.ptr);
    return true;
}

/* The connection broke: the gateway may still have the dataset. */
static int
look_up(const struct push *p)
{
    char path[PARTNER_PATH_MAX];
    struct partner_answer answer;
    (void)snprintf(path, sizeof(path), "/v1/transfers?idempotency_key=%s&limit=1", p->key);
    const int code = CLI_UNREACHABLE;
    const bool came = partner_get(p->cli, p->http, path, NULL, &answer);
    const struct json_node *list =
        came && answer.is_json ? json_get(&answer.doc, answer.doc.nodes, "transfers") : NULL;
    struct span id = span_of(NULL, 0);
    char found[PARTNER_ID_LEN + 1] = "";
    if (list != NULL && list->type == JSON_ARRAY && list->count > 0 &&
        json_first(&answer.doc, list)->type == JSON_OBJECT &&
        json_need_str(&answer.doc, json_first(&answer.doc, list), "id", PARTNER_ID_LEN, &id,
                      NULL) == ERR_OK) {
        (void)snprintf(found, sizeof(found), "%.*s", (int)id.len, (const char *)id.ptr);
    } else if (came) {
        cli_say(p->cli, "the gateway has no transfer of this push: it can be repeated");
    }
    partner_done(&answer);
    if (found[0] == '\0' || !partner_check_id(p->cli, found))
        return code;
    cli_say(p->cli, "the gateway has this transfer");
    return partner_wait(p->cli, p->http, found);
}

static int
answered(const struct push *p, const struct partner_answer *answer)
{
    char id[PARTNER_ID_LEN + 1];
    if (answer->http.status != 201 && answer->http.status != 202)
        return partner_refused(p->cli, answer);
    if (!answer->is_json) {
        cli_say(p->cli, "the gateway's answer cannot be read");
        return CLI_UNREACHABLE;
    }
    const struct span state = partner_member(answer, "state");
    if (cli_has(p->cli, "--wait") && !partner_is_final(state) && transfer_of(answer, id))
        return partner_wait(p->cli, p->http, id);
    if (cli_has(p->cli, "--json"))
        printf("%s\n", answer->http.body);
    else
        partner_print_transfer(&answer->doc, answer->doc.nodes);
    return partner_exit_of_state(state);
}

static int
push_file(struct push *p)
{
    char key_line[64];
    struct progress bar;
    struct partner_answer answer;
    (void)snprintf(key_line, sizeof(key_line), "Idempotency-Key: %s", p->key);
    const char *const headers[] = {p->facts, key_line, "Content-Type: application/octet-stream"};
    progress_init(&bar, p->file, p->size);
    const struct httpc_request request = {.method = "PUT",
                                          .path = p->path,
                                          .headers = headers,
                                          .header_count = 3,
                                          .body_fd = p->fd,
                                          .body_len = p->size,
                                          .progress = progress_draw,
                                          .progress_ctx = &bar};
    const bool came = partner_do(p->cli, p->http, &request, &answer);
    progress_end(&bar);
    /* What never reached the gateway left nothing there to look up. */
    const int code = came                       ? answered(p, &answer)
                     : httpc_was_asked(p->http) ? look_up(p)
                                                : CLI_UNREACHABLE;
    partner_done(&answer);
    return code;
}

int
cmd_push_main(int argc, char **argv)
{
    struct cli cli;
    if (!cli_parse(argc, argv, "push", &cli))
        return CLI_USAGE;
    int at = 0;
    struct push p = {.cli = &cli, .fd = -1, .file = cli_next_operand(&cli, &at)};
    const char *agreement = cli_value(&cli, "--agreement");
    if (p.file == NULL || cli_operand_count(&cli) != 1)
        return cli_usage(&cli, "give one FILE");
    if (agreement == NULL)
        return cli_usage(&cli, "give --agreement");
    if (!prepare(&p, agreement))
        return CLI_USAGE;
    if (!open_file(&p)) {
        if (p.fd >= 0)
            (void)close(p.fd);
        return CLI_UNREACHABLE;
    }
    int code = CLI_UNREACHABLE;
    p.http = profile_open(&cli, &code);
    if (p.http != NULL)
        code = push_file(&p);
    httpc_free(p.http);
    (void)close(p.fd);
    return code;
}
