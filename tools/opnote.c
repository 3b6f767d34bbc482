/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/opnote.h"

#include <stdlib.h>
#include <time.h>

#include "crypto/crypto.h"
#include "crypto/note.h"
#include "crypto/sign.h"
#include "schemas/text.h"
#include "tools/container_io.h"
#include "tools/notesign.h"
#include "tools/outdir.h"

enum { OPNOTE_REQUEST_S = 60, OPNOTE_HOURS = 24, OPNOTE_HOURS_MAX = 720 };

struct httpc *
opnote_desk(const struct cli *cli, int *ret_exit)
{
    return profile_open_at(cli, "desk_url", ret_exit);
}

bool
opnote_expires(const struct cli *cli, char ret[static 21])
{
    struct timespec now;
    uint64_t hours = 0;
    if (!cli_number(cli, "--valid", 1, OPNOTE_HOURS_MAX, OPNOTE_HOURS, &hours))
        return false;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return false;
    return text_time_s((int64_t)now.tv_sec + (int64_t)hours * 3600, ret) == ERR_OK;
}

/* "op-my-1" of "somewhere/op-my-1/". */
static struct span
opnote_base(const char *path)
{
    size_t end = strlen(path);
    while (end > 0 && path[end - 1] == '/')
        end--;
    size_t start = end;
    while (start > 0 && path[start - 1] != '/')
        start--;
    return span_of(path + start, end - start);
}

static enum err
opnote_make(const struct sign_key *key, struct span name, const char *format, struct span json,
            char buf[static OPNOTE_BYTES_MAX], struct span *ret)
{
    struct note_key who;
    char text[OPNOTE_BYTES_MAX];
    size_t len = 0;
    const int n =
        snprintf(text, sizeof(text), "%s\n%.*s\n", format, (int)json.len, (const char *)json.ptr);
    if (n < 0 || (size_t)n >= sizeof(text))
        return ERR_TOO_LARGE;
    const struct span signed_text = span_of(text, (size_t)n);
    TRY(note_key_init(name, NOTE_ED25519, key->pub.pub, &who));
    TRY(notesign_join(key, &who, signed_text, SPAN_LIT(""), 0, buf, OPNOTE_BYTES_MAX, &len));
    *ret = span_of(buf, len);
    return ERR_OK;
}

int
opnote_sign(const struct cli *cli, const char *format, struct span json,
            char buf[static OPNOTE_BYTES_MAX], struct span *ret)
{
    struct sign_key key SIGN_KEY_CLEAN;
    struct secret32 SECRET32_CLEAN seed;
    char path[PARTNER_PATH_MAX];
    const char *folder = cli_value(cli, "--profile");
    const char *file = cli_value(cli, "--sign-key");
    const char *as = cli_value(cli, "--as");
    if (folder == NULL && (file == NULL || as == NULL))
        return cli_usage(cli, "give --profile DIR, or --sign-key and --as");
    if (file == NULL) {
        const int n = snprintf(path, sizeof(path), "%s/sign.key", folder);
        if (n < 0 || (size_t)n >= sizeof(path))
            return cli_usage(cli, "the profile's path is too long");
        if (!outdir_exists(path))
            return cli_usage(cli,
                             "--profile %s has no sign.key: only an operator signs; give an "
                             "operator's profile, or --sign-key and --as",
                             folder);
        file = path;
    }
    if (crypto_init() != ERR_OK) {
        cli_say(cli, "%s", error_text(ERR_CRYPTO));
        return CLI_UNREACHABLE;
    }
    const int code = container_io_key(cli, file, &seed);
    if (code != CLI_DONE)
        return code;
    enum err err = sign_key_init(&key, seed.bytes);
    if (err == ERR_OK)
        err = opnote_make(&key, as != NULL ? span_str(as) : opnote_base(folder), format, json, buf,
                          ret);
    if (err != ERR_OK) {
        cli_say(cli, "the note cannot be signed: %s", error_text(err));
        return CLI_USAGE;
    }
    return CLI_DONE;
}

bool
opnote_post(const struct cli *cli, struct httpc *http, const char *path, struct span note,
            struct partner_answer *ret)
{
    static const char *const headers[] = {"content-type: text/plain; charset=utf-8"};
    const struct httpc_request request = {.method = "POST",
                                          .path = path,
                                          .headers = headers,
                                          .header_count = 1,
                                          .body = note,
                                          .body_fd = -1,
                                          .timeout_s = OPNOTE_REQUEST_S};
    return partner_do(cli, http, &request, ret);
}
