/* SPDX-License-Identifier: Apache-2.0 */
/* tdz sandbox up|down|status|restart DIR. */
#include "tools/sbx.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "tools/cli.h"
#include "tools/commands.h"
#include "tools/policy_archive.h"

static bool
sbx_port_free(uint16_t port)
{
    const struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const int one = 1;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    const bool is_free = bind(fd, (const struct sockaddr *)&at, sizeof(at)) == 0;
    (void)close(fd);
    return is_free;
}

/* The first ten from base on whose four ports are free. */
static uint16_t
sbx_ports(uint16_t base)
{
    for (uint32_t at = base; at + SBX_PORTS <= 65535; at += SBX_PORT_STEP) {
        bool is_free = true;
        for (uint16_t i = 0; i < SBX_PORTS; i++)
            is_free = is_free && sbx_port_free((uint16_t)(at + i));
        if (is_free)
            return (uint16_t)at;
    }
    return 0;
}

static bool
sbx_split(const char *text, char host[static 256], uint16_t *ret_port)
{
    const char *colon = strrchr(text, ':');
    const size_t len = colon == NULL ? 0 : (size_t)(colon - text);
    if (len == 0 || len >= 256)
        return false;
    uint32_t port = 0;
    for (const char *p = colon + 1; *p != '\0'; p++) {
        if (*p < '0' || *p > '9' || port > 65535)
            return false;
        port = port * 10 + (uint32_t)(*p - '0');
    }
    if (port == 0 || port > 65535)
        return false;
    memcpy(host, text, len);
    host[len] = '\0';
    *ret_port = (uint16_t)port;
    return true;
}

/* Two zones, or three with --third: the second corridor that operators plan. */
static bool
sbx_plan(const struct cli *cli, struct sbx *s, uint16_t base)
{
    static const char *const names[3][2] = {
        {"my-cyberjaya", "my"}, {"cn-lingang", "cn"}, {"my-perlis", "pl"}};
    const char *only = cli_value(cli, "--only");
    const char *bind_to = cli_value(cli, "--bind");
    const char *peer = cli_value(cli, "--peer");
    s->zone_count = cli_has(cli, "--third") ? 3 : 2;
    bool only_known = only == NULL;
    for (size_t i = 0; i < s->zone_count; i++) {
        struct sbx_zone *zone = &s->zones[i];
        const bool here = only == NULL || strcmp(only, names[i][0]) == 0;
        base = sbx_ports(base);
        if (base == 0) {
            cli_say(cli, "no ten free ports from --port on: give another, or stop what listens");
            return false;
        }
        (void)snprintf(zone->name, sizeof(zone->name), "%s", names[i][0]);
        (void)snprintf(zone->short_name, sizeof(zone->short_name), "%s", names[i][1]);
        (void)snprintf(zone->bind, sizeof(zone->bind), "%s",
                       here && bind_to != NULL ? bind_to : "127.0.0.1");
        (void)snprintf(zone->peer_host, sizeof(zone->peer_host), "%s", zone->bind);
        zone->base_port = base;
        zone->peer_port = (uint16_t)(base + 1);
        if (!here && peer != NULL && !sbx_split(peer, zone->peer_host, &zone->peer_port)) {
            (void)cli_usage(cli, "--peer takes HOST:PORT, not '%s'", peer);
            return false;
        }
        only_known = only_known || here;
        base = (uint16_t)(base + SBX_PORT_STEP);
    }
    if (!only_known)
        (void)cli_usage(cli,
                        "there is no zone %s: a sandbox has my-cyberjaya, cn-lingang and, "
                        "with --third, my-perlis",
                        only);
    return only_known;
}

/* The absolute path of dir, made if the verb makes one. */
static int
sbx_dir(const struct cli *cli, const char *verb, const char *dir, char out[static OUTDIR_PATH_MAX])
{
    struct stat st;
    if (strcmp(verb, "up") != 0 && stat(dir, &st) != 0) {
        cli_say(cli, "%s: %s: tdz sandbox up %s makes a sandbox there", dir, strerrordesc_np(errno),
                dir);
        return CLI_UNREACHABLE;
    }
    if (outdir_make(dir, 0755) == ERR_OK && realpath(dir, out) != NULL && stat(out, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            return CLI_DONE;
        errno = ENOTDIR;
    }
    cli_say(cli, "%s: %s: name a folder", dir, strerrordesc_np(errno));
    return CLI_UNREACHABLE;
}

/* A folder of more files must be there before anything is written. */
static bool
sbx_extra_there(const struct cli *cli)
{
    static const char *const options[] = {"--agreements", "--partners", "--policies"};
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        const char *path = cli_value(cli, options[i]);
        struct stat st;
        if (path == NULL || (stat(path, &st) == 0 && S_ISDIR(st.st_mode)))
            continue;
        cli_say(cli, "%s %s: no such folder", options[i], path);
        return false;
    }
    return true;
}

/* The register of a zone as its gateway will read it, into the archive, as tdz policy activate
 * leaves it. */
static int
sbx_archive(const struct cli *cli, const struct sbx *s, size_t zone)
{
    struct room {
        struct zonebook book;
        struct register_set set;
    };
    char config[OUTDIR_PATH_MAX];
    struct timespec now;
    struct room *room = zonebook_room(cli, sizeof(*room));
    if (room == NULL)
        return CLI_UNREACHABLE;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    room->book.cli = cli;
    int code = CLI_UNREACHABLE;
    if (outdir_path(config, s->dir, "%s/config.json", s->zones[zone].name) == ERR_OK)
        code = zonebook_open(&room->book, config);
    if (code == CLI_DONE)
        code = zonebook_register(&room->book, NULL, (int64_t)now.tv_sec * 1000, &room->set);
    const enum err err = code == CLI_DONE ? policy_archive_fill(&room->book, &room->set) : ERR_OK;
    if (err != ERR_OK) {
        cli_say(cli, "%s/archive: %s", room->book.policies, error_text(err));
        code = CLI_UNREACHABLE;
    }
    register_finish(&room->set);
    zonebook_finish(&room->book);
    free(room);
    return code;
}

static int
sbx_write_all(const struct cli *cli, const char *dir)
{
    uint64_t base = 0;
    struct sbx *s = calloc(1, sizeof(*s));
    if (s == NULL || crypto_init() != ERR_OK) {
        free(s);
        cli_say(cli, "no memory or no cryptographic library");
        return CLI_UNREACHABLE;
    }
    int code = CLI_USAGE;
    if (!sbx_extra_there(cli)) {
        code = CLI_UNREACHABLE;
    } else if (cli_number(cli, "--port", 1024, 65000, SBX_BASE_PORT, &base) &&
               sbx_plan(cli, s, (uint16_t)base)) {
        (void)snprintf(s->dir, sizeof(s->dir), "%s", dir);
        s->extra_agreements = cli_value(cli, "--agreements");
        s->extra_policies = cli_value(cli, "--policies");
        s->extra_partners = cli_value(cli, "--partners");
        const enum err err = sbx_make(s);
        if (err != ERR_OK)
            cli_say(cli, "writing below %s failed: %s: is there room, and may you write there?",
                    dir, error_text(err));
        code = err == ERR_OK ? CLI_DONE : CLI_UNREACHABLE;
        for (size_t i = 0; code == CLI_DONE && i < s->zone_count; i++)
            code = sbx_archive(cli, s, i);
    }
    sbx_make_finish(s);
    free(s);
    return code;
}

static int
sbx_up(const struct cli *cli, const char *dir)
{
    char path[OUTDIR_PATH_MAX];
    if (outdir_path(path, dir, "corridor.json") != ERR_OK)
        return cli_usage(cli, "the folder's path is too long");
    if (!outdir_exists(path)) {
        const int code = sbx_write_all(cli, dir);
        if (code != CLI_DONE)
            return code;
    }
    if (cli_has(cli, "--no-start"))
        return CLI_DONE;
    return sbx_run_start(dir, cli_value(cli, "--only"));
}

int
sbx_main(int argc, char **argv)
{
    struct cli cli;
    char dir[OUTDIR_PATH_MAX];
    int at = 0;
    if (!cli_parse(argc, argv, "sandbox", &cli))
        return CLI_USAGE;
    const char *verb = cli_next_operand(&cli, &at);
    const char *where = verb == NULL ? NULL : cli_next_operand(&cli, &at);
    const char *zone = where == NULL ? NULL : cli_next_operand(&cli, &at);
    if (verb != NULL && strcmp(verb, "up") != 0 && strcmp(verb, "down") != 0 &&
        strcmp(verb, "status") != 0 && strcmp(verb, "restart") != 0)
        return cli_usage(&cli, "'%s' is not up, down, status or restart", verb);
    if (where == NULL)
        return cli_usage(&cli, "say up, down, status or restart, and a folder");
    if (zone != NULL && (strcmp(verb, "restart") != 0 || cli_operand_count(&cli) > 3))
        return cli_usage(&cli, "'%s' is one operand too many", zone);
    const int code = sbx_dir(&cli, verb, where, dir);
    if (code != CLI_DONE)
        return code;
    if (strcmp(verb, "up") == 0)
        return sbx_up(&cli, dir);
    if (strcmp(verb, "down") == 0)
        return sbx_run_stop(dir, cli_value(&cli, "--only"));
    if (strcmp(verb, "status") == 0)
        return sbx_run_status(dir);
    const int stopped = sbx_run_stop(dir, zone);
    return stopped > CLI_REFUSED ? stopped : sbx_run_start(dir, zone);
}
