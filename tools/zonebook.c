/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/zonebook.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/crypto.h"
#include "crypto/digest.h"
#include "tools/policy_files.h"

/* A path of the configuration, which is relative to its folder. */
static int
zonebook_path(const struct zonebook *z, const char *config_path, struct span path,
              char ret[static OUTDIR_PATH_MAX])
{
    const char *slash = strrchr(config_path, '/');
    const bool relative = path.len > 0 && path.ptr[0] != '/' && slash != NULL;
    const int n =
        snprintf(ret, OUTDIR_PATH_MAX, "%.*s%.*s", relative ? (int)(slash - config_path + 1) : 0,
                 config_path, (int)path.len, (const char *)path.ptr);
    if (n >= 0 && n < OUTDIR_PATH_MAX)
        return CLI_DONE;
    cli_say(z->cli, "%s: %s", config_path, error_text(ERR_TOO_LARGE));
    return CLI_USAGE;
}

int
zonebook_read(struct zonebook *z, const char *path, struct span *ret)
{
    char *bytes = NULL;
    size_t len = 0;
    if (z->memory_count == sizeof(z->memory) / sizeof(z->memory[0])) {
        cli_say(z->cli, "%s: %s", path, error_text(ERR_FULL));
        return CLI_REFUSED;
    }
    if (!cli_must_read(z->cli, path, JSON_BYTES_MAX, &bytes, &len))
        return CLI_UNREACHABLE;
    z->memory[z->memory_count++] = bytes;
    *ret = span_of(bytes, len);
    return CLI_DONE;
}

int
zonebook_keys(struct zonebook *z, const char *trust_path, const char *vocab_path)
{
    struct fault fault = {.code = ERR_OK};
    struct span bytes;
    uint8_t sha256[32];
    int code = zonebook_read(z, vocab_path, &z->vocab_bytes);
    if (code != CLI_DONE)
        return code;
    enum err err = digest_sha256(z->vocab_bytes, sha256);
    if (err == ERR_OK)
        err = vocab_read(&z->vocab, z->vocab_bytes, sha256, &fault);
    if (err != ERR_OK)
        return policy_files_bad(z->cli, vocab_path, err, &fault);
    code = zonebook_read(z, trust_path, &bytes);
    if (code != CLI_DONE)
        return code;
    err = trust_load(bytes, &z->trust, &fault);
    if (err == ERR_OK)
        err = activation_keys(&z->trust, z->keys, ACTIVATION_KEYS_MAX, &z->key_count);
    return err == ERR_OK ? CLI_DONE : policy_files_bad(z->cli, trust_path, err, &fault);
}

/* The member of an object of the configuration, which the daemon checks in full. */
static int
zonebook_member(const struct zonebook *z, const struct json_doc *doc, const char *config_path,
                const char *object, const char *key, bool optional,
                char ret[static OUTDIR_PATH_MAX])
{
    struct fault fault = {.code = ERR_OK};
    const struct json_node *node = &doc->nodes[0];
    struct span path;
    enum err err = node->type == JSON_OBJECT ? ERR_OK : ERR_TYPE;
    ret[0] = '\0';
    if (err == ERR_OK && object != NULL)
        err = json_need(doc, node, object, JSON_OBJECT, &node, &fault);
    if (err == ERR_OK && optional && json_get(doc, node, key) == NULL)
        return CLI_DONE;
    if (err == ERR_OK)
        err = json_need_str(doc, node, key, OUTDIR_PATH_MAX - 1, &path, &fault);
    if (err != ERR_OK)
        return policy_files_bad(z->cli, config_path, err, &fault);
    return zonebook_path(z, config_path, path, ret);
}

static int
zonebook_config(struct zonebook *z, const struct json_doc *doc, const char *path)
{
    char trust[OUTDIR_PATH_MAX];
    struct fault fault = {.code = ERR_OK};
    struct span zone;
    int code = zonebook_member(z, doc, path, "files", "trust", false, trust);
    if (code == CLI_DONE)
        code = zonebook_member(z, doc, path, "files", "vocabulary", false, z->vocab_path);
    if (code == CLI_DONE)
        code = zonebook_member(z, doc, path, "folders", "policies", false, z->policies);
    if (code == CLI_DONE)
        code = zonebook_member(z, doc, path, "folders", "lists", true, z->lists);
    if (code == CLI_DONE)
        code = zonebook_member(z, doc, path, NULL, "pid_file", true, z->pid_file);
    if (code != CLI_DONE)
        return code;
    const enum err err = json_need_str(doc, &doc->nodes[0], "zone", VOCAB_NAME_MAX, &zone, &fault);
    if (err != ERR_OK)
        return policy_files_bad(z->cli, path, err, &fault);
    memcpy(z->zone, zone.ptr, zone.len);
    z->zone[zone.len] = '\0';
    return zonebook_keys(z, trust, z->vocab_path);
}

int
zonebook_open(struct zonebook *z, const char *config_path)
{
    struct fault fault = {.code = ERR_OK};
    struct json_doc doc;
    struct span bytes;
    int code = zonebook_read(z, config_path, &bytes);
    if (code != CLI_DONE)
        return code;
    const enum err err = json_load(&doc, bytes, &fault);
    if (err != ERR_OK)
        return policy_files_bad(z->cli, config_path, err, &fault);
    code = zonebook_config(z, &doc, config_path);
    json_free(&doc);
    return code;
}

void *
zonebook_room(const struct cli *cli, size_t size)
{
    void *room = crypto_init() == ERR_OK ? calloc(1, size) : NULL;
    if (room == NULL)
        cli_say(cli, "no memory, or no cryptographic library");
    return room;
}

void
zonebook_finish(struct zonebook *z)
{
    vocab_finish(&z->vocab);
    trust_free(&z->trust);
    for (size_t i = 0; i < z->memory_count; i++)
        free(z->memory[i]);
    z->memory_count = 0;
}

static int
zonebook_wanted(const struct dirent *entry)
{
    const size_t len = strlen(entry->d_name);
    return entry->d_name[0] != '.' && len > 5 && strcmp(entry->d_name + len - 5, ".json") == 0;
}

/* The note beside a file; empty when there is none, which the readers refuse. */
static int
zonebook_note(struct zonebook *z, const char *path, const char *suffix, struct span *ret)
{
    char note[OUTDIR_PATH_MAX];
    const int n = snprintf(note, sizeof(note), "%s%s", path, suffix);
    *ret = (struct span){NULL, 0};
    if (n < 0 || (size_t)n >= sizeof(note))
        return CLI_USAGE;
    return outdir_exists(note) ? zonebook_read(z, note, ret) : CLI_DONE;
}

/* The place in the file, or in the note beside it. */
static int
zonebook_refuse(const struct zonebook *z, const char *path, const char *suffix, enum err err,
                const struct fault *fault)
{
    char full[OUTDIR_PATH_MAX + 16];
    (void)snprintf(full, sizeof(full), "%s%s", path, suffix);
    (void)policy_files_bad(z->cli, full, err, fault);
    return CLI_REFUSED;
}

static int
zonebook_policy(struct zonebook *z, const char *path, const struct register_file *file,
                struct register_set *r)
{
    struct fault fault = {.code = ERR_OK};
    bool in_note = false;
    const enum err err = register_add_policy(r, file, z->keys, z->key_count, &in_note, &fault);
    if (err != ERR_OK)
        return zonebook_refuse(z, path, in_note ? ".activation" : "", err, &fault);
    z->activations[r->policy_count - 1] = file->note;
    return CLI_DONE;
}

static int
zonebook_list(struct zonebook *z, const char *path, const struct register_file *file,
              int64_t now_ms, struct register_set *r)
{
    struct fault fault = {.code = ERR_OK};
    struct note_key operators[ACTIVATION_KEYS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < z->key_count; i++)
        if (span_eq_str(z->keys[i].zone, z->zone) && now_ms / 1000 >= z->keys[i].not_before &&
            now_ms / 1000 < z->keys[i].not_after)
            operators[count++] = z->keys[i].key;
    const enum err err = register_add(r, REGISTER_LIST, file, operators, count, &fault);
    return err == ERR_OK ? CLI_DONE : zonebook_refuse(z, path, "", err, &fault);
}

static int
zonebook_folder(struct zonebook *z, const char *folder, bool is_policies, int64_t now_ms,
                struct register_set *r)
{
    struct dirent **names = NULL;
    const int count = scandir(folder, &names, zonebook_wanted, alphasort);
    int code = CLI_DONE;
    if (count < 0) {
        cli_say(z->cli, "%s: %s", folder, strerrordesc_np(errno));
        return CLI_UNREACHABLE;
    }
    for (int i = 0; i < count; i++) {
        char path[OUTDIR_PATH_MAX];
        struct register_file file = {.name = span_str(names[i]->d_name)};
        if (code == CLI_DONE && outdir_path(path, folder, "%s", names[i]->d_name) != ERR_OK)
            code = CLI_USAGE;
        if (code == CLI_DONE)
            code = zonebook_read(z, path, &file.bytes);
        if (code == CLI_DONE)
            code = zonebook_note(z, path, is_policies ? ".activation" : ".note", &file.note);
        if (code == CLI_DONE)
            code = is_policies ? zonebook_policy(z, path, &file, r)
                               : zonebook_list(z, path, &file, now_ms, r);
        free(names[i]);
    }
    free(names);
    return code;
}

int
zonebook_register(struct zonebook *z, const struct register_file *more, int64_t now_ms,
                  struct register_set *r)
{
    struct fault fault = {.code = ERR_OK};
    size_t at = 0;
    enum err err = register_init(r, &z->vocab, span_str(z->zone));
    if (err != ERR_OK) {
        cli_say(z->cli, "zone %s: %s", z->zone, error_text(err));
        return CLI_USAGE;
    }
    int code = CLI_DONE;
    if (z->lists[0] != '\0' && outdir_exists(z->lists))
        code = zonebook_folder(z, z->lists, false, now_ms, r);
    if (code == CLI_DONE)
        code = zonebook_folder(z, z->policies, true, now_ms, r);
    if (code == CLI_DONE && more != NULL) {
        char path[OUTDIR_PATH_MAX];
        (void)snprintf(path, sizeof(path), "%.*s", (int)more->name.len,
                       (const char *)more->name.ptr);
        code = zonebook_policy(z, path, more, r);
    }
    if (code != CLI_DONE)
        return code;
    err = lineage_check(r, now_ms, &at, &fault);
    if (err == ERR_OK)
        err = register_compile(r, &fault);
    if (err == ERR_OK)
        return CLI_DONE;
    char name[OUTDIR_PATH_MAX];
    (void)snprintf(name, sizeof(name), "%.*s revision %lld", (int)r->policies[at]->id.len,
                   (const char *)r->policies[at]->id.ptr, (long long)r->policies[at]->revision);
    if (more != NULL && r->policy_bytes[at].ptr == more->bytes.ptr)
        (void)snprintf(name, sizeof(name), "%.*s", (int)more->name.len,
                       (const char *)more->name.ptr);
    return zonebook_refuse(z, name, "", err, &fault);
}
