/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/logconfig.h"

#include <stdio.h>
#include <stdlib.h>

#include "crypto/sign.h"
#include "tools/container_io.h"

enum { LOGCONFIG_BYTES_MAX = 1 << 20, LOGCONFIG_TRUST_MAX = 8 << 20 };

/* A path of the configuration, which is relative to its folder. */
static enum err
logconfig_path(const char *config_path, struct span path, char ret[static OUTDIR_PATH_MAX])
{
    const char *slash = strrchr(config_path, '/');
    const bool relative = path.len > 0 && path.ptr[0] != '/' && slash != NULL;
    const int n =
        snprintf(ret, OUTDIR_PATH_MAX, "%.*s%.*s", relative ? (int)(slash - config_path + 1) : 0,
                 config_path, (int)path.len, (const char *)path.ptr);
    return n >= 0 && n < OUTDIR_PATH_MAX ? ERR_OK : ERR_TOO_LARGE;
}

static enum err
logconfig_member(const struct json_doc *doc, const char *object, const char *key, size_t max,
                 struct span *ret, struct fault *ret_fault)
{
    const struct json_node *node = &doc->nodes[0];
    if (node->type != JSON_OBJECT)
        return json_fail(doc, node, ERR_TYPE, "a configuration is an object", ret_fault);
    if (object != NULL)
        TRY(json_need(doc, node, object, JSON_OBJECT, &node, ret_fault));
    return json_need_str(doc, node, key, max, ret, ret_fault);
}

static enum err
logconfig_members(struct logconfig *c, const struct json_doc *doc, const char *path,
                  char trust[static OUTDIR_PATH_MAX], struct fault *ret_fault)
{
    struct span text;
    TRY(logconfig_member(doc, NULL, "zone", sizeof(c->zone) - 1, &text, ret_fault));
    (void)snprintf(c->zone, sizeof(c->zone), "%.*s", (int)text.len, (const char *)text.ptr);
    TRY(logconfig_member(doc, NULL, "origin", LOGCONFIG_NAME_MAX, &text, ret_fault));
    (void)snprintf(c->origin, sizeof(c->origin), "%.*s", (int)text.len, (const char *)text.ptr);
    TRY(logconfig_member(doc, "folders", "keys", OUTDIR_PATH_MAX - 1, &text, ret_fault));
    TRY(logconfig_path(path, text, c->keys));
    TRY(logconfig_member(doc, "files", "trust", OUTDIR_PATH_MAX - 1, &text, ret_fault));
    return logconfig_path(path, text, trust);
}

static int
logconfig_bad(const char *path, enum err err, struct fault *fault)
{
    if (fault->code == ERR_OK)
        *fault = (struct fault){.code = err, .line = 1, .column = 1};
    cli_fault(path, fault);
    return CLI_USAGE;
}

int
logconfig_open(struct logconfig *c, const struct cli *cli, const char *path)
{
    char trust[OUTDIR_PATH_MAX];
    struct fault fault = {.code = ERR_OK};
    struct json_doc doc;
    char *bytes = NULL;
    size_t len = 0;
    if (!cli_must_read(cli, path, LOGCONFIG_BYTES_MAX, &bytes, &len))
        return CLI_UNREACHABLE;
    enum err err = json_load(&doc, span_of(bytes, len), &fault);
    if (err == ERR_OK) {
        err = logconfig_members(c, &doc, path, trust, &fault);
        json_free(&doc);
    }
    free(bytes);
    if (err != ERR_OK)
        return logconfig_bad(path, err, &fault);
    if (!cli_must_read(cli, trust, LOGCONFIG_TRUST_MAX, &c->trust_bytes, &len))
        return CLI_UNREACHABLE;
    err = trust_load(span_of(c->trust_bytes, len), &c->trust, &fault);
    return err == ERR_OK ? CLI_DONE : logconfig_bad(trust, err, &fault);
}

int
logconfig_vkey(const struct logconfig *c, const struct cli *cli, char out[static NOTE_VKEY_MAX])
{
    struct sign_key key SIGN_KEY_CLEAN;
    struct secret32 SECRET32_CLEAN seed;
    struct note_key vkey;
    char path[OUTDIR_PATH_MAX];
    if (outdir_path(path, c->keys, "log.key") != ERR_OK)
        return CLI_USAGE;
    const int code = container_io_key(cli, path, &seed);
    if (code != CLI_DONE)
        return code;
    enum err err = sign_key_init(&key, seed.bytes);
    if (err == ERR_OK)
        err = note_key_init(span_str(c->origin), NOTE_ED25519, key.pub.pub, &vkey);
    if (err == ERR_OK)
        err = note_key_text(&vkey, out);
    if (err == ERR_OK)
        return CLI_DONE;
    cli_say(cli, "%s: %s", c->origin, error_text(err));
    return CLI_USAGE;
}

void
logconfig_finish(struct logconfig *c)
{
    trust_free(&c->trust);
    free(c->trust_bytes);
    c->trust_bytes = NULL;
}
