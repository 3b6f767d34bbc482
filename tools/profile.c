/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/profile.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { URL_MAX = 512, PROFILE_PATH_MAX = 4096 };

/* The path of name in folder, or option when that was given. */
static const char *
profile_path(const struct cli *cli, const char *option, const char *folder, const char *name,
             char buf[static PROFILE_PATH_MAX])
{
    const char *given = cli_value(cli, option);
    if (given != NULL || folder == NULL)
        return given;
    const int len = snprintf(buf, PROFILE_PATH_MAX, "%s/%s", folder, name);
    return len < PROFILE_PATH_MAX ? buf : NULL;
}

/* The first line of file path, without surrounding space. */
static int
read_url(const struct cli *cli, const char *path, char url[static URL_MAX])
{
    char *bytes = NULL;
    size_t len = 0;
    if (!cli_must_read(cli, path, URL_MAX - 1, &bytes, &len))
        return CLI_UNREACHABLE;
    const size_t skip = strspn(bytes, " \t\r\n");
    (void)snprintf(url, URL_MAX, "%.*s", (int)strcspn(bytes + skip, " \t\r\n"), bytes + skip);
    free(bytes);
    if (strncmp(url, "https://", 8) == 0)
        return CLI_DONE;
    return cli_usage(cli, "%s: '%s' is not an https:// URL: it is a line https://HOST:PORT", path,
                     url);
}

/* A profile is a folder, and has file, which says whose profile it is. */
static int
check_profile(const struct cli *cli, const char *folder, const char *file, const char *path)
{
    struct stat st;
    const bool is_desk = strcmp(file, "desk_url") == 0;
    if (stat(folder, &st) != 0 || !S_ISDIR(st.st_mode)) {
        cli_say(cli,
                "--profile %s: no such folder: a profile is the folder that the zone's operator "
                "hands out (a sandbox has them in DIR/%s)",
                folder, is_desk ? "operators" : "partners");
        return CLI_UNREACHABLE;
    }
    if (stat(path, &st) == 0)
        return CLI_DONE;
    if (is_desk)
        return cli_usage(cli,
                         "--profile %s has no desk_url: only operators and auditors have one; give "
                         "an operator's profile (a sandbox has them in DIR/operators)",
                         folder);
    return cli_usage(
        cli,
        "--profile %s has no %s: a profile holds url, cert.pem, key.pem and ca.pem, as "
        "the zone's operator hands it out",
        folder, file);
}

/* The library would say less of a file that is not there or may not be read. */
static bool
check_files(const struct cli *cli, const struct httpc_profile *profile)
{
    const char *const files[] = {profile->cert, profile->key, profile->ca};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct stat st;
        const char *why = NULL;
        if (access(files[i], R_OK) != 0)
            why = strerrordesc_np(errno);
        else if (stat(files[i], &st) != 0 || !S_ISREG(st.st_mode))
            why = "not a regular file";
        if (why == NULL)
            continue;
        cli_say(cli, "%s: %s: check --profile, --cert, --key and --ca", files[i], why);
        return false;
    }
    return true;
}

struct httpc *
profile_open(const struct cli *cli, int *ret_exit)
{
    return profile_open_at(cli, "url", ret_exit);
}

struct httpc *
profile_open_at(const struct cli *cli, const char *file, int *ret_exit)
{
    static const char *const needed[] = {"--url", "--cert", "--key", "--ca"};
    char paths[4][PROFILE_PATH_MAX];
    char url[URL_MAX] = "";
    const char *folder = cli_value(cli, "--profile");
    struct httpc_profile profile = {
        .url = cli_value(cli, "--url"),
        .cert = profile_path(cli, "--cert", folder, "cert.pem", paths[0]),
        .key = profile_path(cli, "--key", folder, "key.pem", paths[1]),
        .ca = profile_path(cli, "--ca", folder, "ca.pem", paths[2]),
    };
    const char *path = folder == NULL ? NULL : profile_path(cli, "--url", folder, file, paths[3]);
    if (folder != NULL && (profile.cert == NULL || profile.key == NULL || path == NULL)) {
        *ret_exit = cli_usage(cli, "the path of the profile is too long");
        return NULL;
    }
    const char *const given[] = {profile.url, profile.cert, profile.key, profile.ca};
    for (size_t i = folder == NULL ? 0 : 4; i < 4; i++) {
        if (given[i] == NULL) {
            *ret_exit = cli_usage(cli,
                                  "give --profile DIR, or --url, --cert, --key and --ca: %s "
                                  "is missing",
                                  needed[i]);
            return NULL;
        }
    }
    *ret_exit = CLI_DONE;
    if (profile.url == NULL) {
        *ret_exit = check_profile(cli, folder, file, path);
        if (*ret_exit == CLI_DONE)
            *ret_exit = read_url(cli, path, url);
        profile.url = url;
    }
    if (*ret_exit != CLI_DONE)
        return NULL;
    *ret_exit = CLI_UNREACHABLE;
    if (!check_files(cli, &profile))
        return NULL;
    struct httpc *c = NULL;
    const enum err err = httpc_new(&profile, &c);
    if (err == ERR_CONFIG)
        *ret_exit = cli_usage(cli, "'%s' is not an https:// URL", profile.url);
    else if (err != ERR_OK)
        cli_say(cli, "%s", error_text(err));
    return err == ERR_OK ? c : NULL;
}
