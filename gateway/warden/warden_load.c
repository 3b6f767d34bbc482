/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/warden/warden_load.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway/warden/warden_keys.h"
#include "gateway/warden/warden_register.h"
#include "gateway/warden/warden_succession.h"

static enum err
warden_account(struct warden *w)
{
    const char *user = config_str(w->config, CONFIG_USER);
    if (user[0] == '\0' || geteuid() != 0)
        return ERR_OK;
    errno = 0;
    const struct passwd *found = getpwnam(user);
    if (found == NULL)
        return ERR_NOT_FOUND;
    if (found->pw_uid == 0)
        return ERR_DENIED;
    w->account = (struct warden_account){.uid = found->pw_uid, .gid = found->pw_gid};
    return ERR_OK;
}

static enum err
warden_base(const char *config_path, int *ret_fd)
{
    char folder[4096];
    const char *slash = strrchr(config_path, '/');
    const int n = slash == NULL ? snprintf(folder, sizeof(folder), ".")
                                : snprintf(folder, sizeof(folder), "%.*s",
                                           (int)(slash - config_path + 1), config_path);
    if (n < 0 || (size_t)n >= sizeof(folder))
        return ERR_TOO_LARGE;
    *ret_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return *ret_fd < 0 ? ERR_IO : ERR_OK;
}

/* Reads everything; what is wrong goes to stderr in words, as file:line:column. */
int
warden_load_run(struct warden *w)
{
    struct fault fault = {.code = ERR_OK};
    w->config = calloc(1, sizeof(*w->config));
    w->config_next = calloc(1, sizeof(*w->config_next));
    if (w->config == NULL || w->config_next == NULL)
        return 1;
    enum err err = warden_files_config(w->config_path, w->config, &fault);
    if (err != ERR_OK && fault.line == 0) {
        (void)fprintf(stderr, "%s: %s\n", w->config_path, fault.where);
        return 3;
    }
    if (err != ERR_OK) {
        (void)fprintf(stderr, "%s:%u:%u: %s: %s\n", w->config_path, fault.line, fault.column,
                      fault.where, error_text(err));
        return 2;
    }
    err = warden_account(w);
    if (err != ERR_OK) {
        (void)fprintf(stderr, "%s: user: %s\n", w->config_path,
                      err == ERR_DENIED ? "that is the superuser" : "there is no such account");
        return 2;
    }
    warden_files_resolve(w->config);
    err = warden_base(w->config_path, &w->base_fd);
    if (err == ERR_OK)
        err = warden_files_open(&w->files, w->config, w->base_fd, &w->account);
    if (err != ERR_OK) {
        (void)fprintf(stderr, "%s: %s\n", w->config_path,
                      w->files.problem[0] == '\0' ? error_text(err) : w->files.problem);
        return err == ERR_IO || err == ERR_SYS || err == ERR_NOMEM ? 3 : 2;
    }
    return 0;
}

int
warden_load_valid(struct warden *w)
{
    struct fault fault = {.code = ERR_OK};
    enum err err =
        warden_keys_check(&w->files, config_str(w->config, CONFIG_DIR_KEYS),
                          config_str(w->config, CONFIG_FILE_CERTIFICATE), clock_wall_ms() / 1000);
    if (err == ERR_OK)
        err = warden_succession_check(&w->files, w->config);
    if (err != ERR_OK) {
        (void)fprintf(stderr, "%s: %s\n", w->config_path,
                      err == ERR_CONFIG ? w->files.problem : error_text(err));
        return 1;
    }
    err = warden_register_check(&w->files, w->config, &fault);
    if (err != ERR_OK)
        warden_register_say(w->config_path, err, &fault);
    return err == ERR_OK ? 0 : 1;
}

void
warden_load_free(struct warden *w)
{
    warden_files_finish(&w->files);
    if (w->base_fd > 0)
        (void)close(w->base_fd);
    free(w->config);
    free(w->config_next);
    free(w);
}

void
warden_load_pid_file(struct warden *w)
{
    char text[32];
    const char *path = config_str(w->config, CONFIG_PID_FILE);
    if (path[0] == '\0')
        return;
    const int n = snprintf(text, sizeof(text), "%d\n", (int)getpid());
    const int fd = openat(w->base_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, text, (size_t)n) != n)
        OPLOG(&w->log, EVENT_INTERNAL, OPLOG_STR("pid_file", path),
              OPLOG_STR("errno", strerrorname_np(errno)));
    if (fd >= 0)
        (void)close(fd);
}
