/* SPDX-License-Identifier: Apache-2.0 */
/* Starting, stopping and looking at the gateways of a sandbox, as corridor.json names them. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "schemas/json.h"
#include "schemas/text.h"
#include "tools/cli.h"
#include "tools/daemonpath.h"
#include "tools/sbx.h"

enum { RUN_READY_S = 30, RUN_STOP_TRIES = 150, RUN_STEP_US = 100 * 1000 };

struct run_zone {
    char name[64];
    char config[OUTDIR_PATH_MAX];
    char pid_file[OUTDIR_PATH_MAX];
    char log[OUTDIR_PATH_MAX];
    uint16_t plain_port;
};

struct run {
    size_t count;
    struct run_zone zones[SBX_ZONES_MAX];
};

static enum err
run_copy(char *out, size_t cap, struct span text)
{
    if (text.len >= cap || (text.len > 0 && memchr(text.ptr, 0, text.len) != NULL))
        return ERR_TOO_LARGE;
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
    return ERR_OK;
}

/* The port behind the last colon of a URL. */
static enum err
run_port(struct span url, uint16_t *ret)
{
    size_t at = url.len;
    uint64_t port = 0;
    while (at > 0 && url.ptr[at - 1] != ':')
        at--;
    TRY(text_parse_u64(span_from(url, at), 65535, &port));
    *ret = (uint16_t)port;
    return ERR_OK;
}

static enum err
run_zone_read(const struct json_doc *doc, const struct json_node *key, const char *dir,
              struct run_zone *ret)
{
    const struct json_node *zone = json_value(doc, key);
    struct span text;
    TRY(run_copy(ret->name, sizeof(ret->name), key->text));
    if (zone->type != JSON_OBJECT)
        return ERR_TYPE;
    TRY(json_need_str(doc, zone, "config", OUTDIR_PATH_MAX - 1, &text, NULL));
    TRY(run_copy(ret->config, sizeof(ret->config), text));
    TRY(json_need_str(doc, zone, "pid", OUTDIR_PATH_MAX - 1, &text, NULL));
    TRY(run_copy(ret->pid_file, sizeof(ret->pid_file), text));
    TRY(json_need_str(doc, zone, "plain_url", 300, &text, NULL));
    TRY(run_port(text, &ret->plain_port));
    return outdir_path(ret->log, dir, "%s/gateway.log", ret->name);
}

static enum err
run_load(const char *dir, struct run *ret)
{
    char path[OUTDIR_PATH_MAX];
    char *bytes = NULL;
    size_t len = 0;
    struct json_doc doc;
    const struct json_node *zones = NULL;
    TRY(outdir_path(path, dir, "corridor.json"));
    TRY(cli_read(path, JSON_BYTES_MAX, &bytes, &len));
    enum err err = json_load(&doc, span_of(bytes, len), NULL);
    if (err != ERR_OK) {
        free(bytes);
        return err;
    }
    ret->count = 0;
    if (doc.nodes[0].type != JSON_OBJECT)
        err = ERR_TYPE;
    if (err == ERR_OK)
        err = json_need(&doc, &doc.nodes[0], "zones", JSON_OBJECT, &zones, NULL);
    const struct json_node *key = err == ERR_OK ? json_first(&doc, zones) : NULL;
    for (; key != NULL && err == ERR_OK; key = json_next(&doc, zones, key)) {
        if (ret->count == SBX_ZONES_MAX)
            err = ERR_FULL;
        else
            err = run_zone_read(&doc, key, dir, &ret->zones[ret->count++]);
    }
    json_free(&doc);
    free(bytes);
    return err;
}

/* The sandbox at dir, which has zone (may be NULL); an exit code after printing what is wrong. */
static int
run_open(const char *dir, const char *zone, struct run *ret)
{
    errno = 0;
    const enum err err = run_load(dir, ret);
    if (err == ERR_NOT_FOUND) {
        fprintf(stderr,
                "tdz sandbox: %s/corridor.json: no such file: tdz sandbox up %s makes a sandbox "
                "there\n",
                dir, dir);
        return CLI_UNREACHABLE;
    }
    if (err != ERR_OK) {
        fprintf(stderr, "tdz sandbox: %s/corridor.json: %s: it is not what tdz sandbox wrote\n",
                dir, err == ERR_IO ? strerrordesc_np(errno) : error_text(err));
        return CLI_UNREACHABLE;
    }
    bool known = zone == NULL;
    for (size_t i = 0; i < ret->count; i++)
        known = known || strcmp(zone, ret->zones[i].name) == 0;
    if (known)
        return CLI_DONE;
    fprintf(stderr, "tdz sandbox: %s has no zone %s; it has", dir, zone);
    for (size_t i = 0; i < ret->count; i++)
        fprintf(stderr, "%s %s", i == 0 ? "" : ",", ret->zones[i].name);
    fputc('\n', stderr);
    return CLI_USAGE;
}

/* The pid in the file if such a process runs, else 0. */
static pid_t
run_pid(const struct run_zone *zone)
{
    char *bytes = NULL;
    size_t len = 0;
    uint64_t pid = 0;
    if (cli_read(zone->pid_file, 64, &bytes, &len) != ERR_OK)
        return 0;
    while (len > 0 && bytes[len - 1] == '\n')
        len--;
    const enum err err = text_parse_u64(span_of(bytes, len), 1 << 22, &pid);
    free(bytes);
    if (err != ERR_OK || pid < 2 || kill((pid_t)pid, 0) != 0)
        return 0;
    return (pid_t)pid;
}

/* True if GET /healthz/ready on the cleartext port of this host answers 200. */
static bool
run_ready(uint16_t port)
{
    static const char request[] =
        "GET /healthz/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    char answer[64] = "";
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    const struct timeval limit = {.tv_sec = 2};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    bool ready = false;
    if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0 &&
        send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) == (ssize_t)sizeof(request) - 1) {
        const ssize_t n = recv(fd, answer, sizeof(answer) - 1, 0);
        ready = n > 12 && span_starts(span_of(answer, (size_t)n), SPAN_LIT("HTTP/1.1 200"));
    }
    (void)close(fd);
    return ready;
}

/* In the child: a session of its own, standard error to the zone's log, nothing on input. */
static void
run_child(const struct run_zone *zone, const char *daemon_path)
{
    const int in = open("/dev/null", O_RDWR | O_CLOEXEC);
    const int log = open(zone->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (in < 0 || log < 0 || setsid() < 0 || dup2(in, 0) < 0 || dup2(log, 1) < 0 ||
        dup2(log, 2) < 0)
        _exit(127);
    execlp(daemon_path, "tdzd", zone->config, (char *)NULL);
    _exit(127);
}

static int
run_wait_ready(const struct run_zone *zone, pid_t child)
{
    struct timespec start;
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    for (now = start; now.tv_sec - start.tv_sec < RUN_READY_S;) {
        int status = 0;
        if (run_ready(zone->plain_port) && run_pid(zone) != 0)
            return CLI_DONE;
        if (waitpid(child, &status, WNOHANG) == child) {
            fprintf(stderr, "tdz sandbox: the gateway of %s ended at once; its log: %s\n",
                    zone->name, zone->log);
            return CLI_UNREACHABLE;
        }
        (void)usleep(RUN_STEP_US);
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
    }
    fprintf(stderr, "tdz sandbox: the gateway of %s is not ready after %d s; its log: %s\n",
            zone->name, RUN_READY_S, zone->log);
    return CLI_UNREACHABLE;
}

int
sbx_run_start(const char *dir, const char *only_zone)
{
    struct run run;
    char daemon_path[OUTDIR_PATH_MAX];
    pid_t children[SBX_ZONES_MAX] = {0};
    const int loaded = run_open(dir, only_zone, &run);
    if (loaded != CLI_DONE)
        return loaded;
    daemonpath(daemon_path);
    for (size_t i = 0; i < run.count; i++) {
        const struct run_zone *zone = &run.zones[i];
        if (only_zone != NULL && strcmp(only_zone, zone->name) != 0)
            continue;
        if (run_pid(zone) != 0) {
            printf("%s: already running\n", zone->name);
            continue;
        }
        children[i] = fork();
        if (children[i] == 0)
            run_child(zone, daemon_path);
        if (children[i] < 0) {
            fprintf(stderr, "tdz sandbox: no process for %s (%s)\n", zone->name,
                    strerrordesc_np(errno));
            return CLI_UNREACHABLE;
        }
    }
    for (size_t i = 0; i < run.count; i++) {
        if (children[i] == 0)
            continue;
        const int code = run_wait_ready(&run.zones[i], children[i]);
        if (code != CLI_DONE)
            return code;
        printf("%s: ready\n", run.zones[i].name);
    }
    return CLI_DONE;
}

static bool
run_gone(const struct run_zone *zone)
{
    for (int i = 0; i < RUN_STOP_TRIES; i++) {
        if (run_pid(zone) == 0)
            return true;
        (void)usleep(RUN_STEP_US);
    }
    return false;
}

int
sbx_run_stop(const char *dir, const char *only_zone)
{
    struct run run;
    int code = CLI_DONE;
    const int loaded = run_open(dir, only_zone, &run);
    if (loaded != CLI_DONE)
        return loaded;
    for (size_t i = 0; i < run.count; i++) {
        const pid_t pid = run_pid(&run.zones[i]);
        if (pid != 0 && (only_zone == NULL || strcmp(only_zone, run.zones[i].name) == 0))
            (void)kill(pid, SIGTERM);
    }
    for (size_t i = 0; i < run.count; i++) {
        const struct run_zone *zone = &run.zones[i];
        if (only_zone != NULL && strcmp(only_zone, zone->name) != 0)
            continue;
        if (!run_gone(zone)) {
            const pid_t pid = run_pid(zone);
            if (pid != 0)
                (void)kill(pid, SIGKILL);
            fprintf(stderr, "tdz sandbox: %s did not drain and was killed\n", zone->name);
            code = CLI_REFUSED;
        }
        printf("%s: stopped\n", zone->name);
    }
    return code;
}

int
sbx_run_status(const char *dir)
{
    struct run run;
    int code = CLI_DONE;
    const int loaded = run_open(dir, NULL, &run);
    if (loaded != CLI_DONE)
        return loaded;
    for (size_t i = 0; i < run.count; i++) {
        const struct run_zone *zone = &run.zones[i];
        const pid_t pid = run_pid(zone);
        const bool ready = pid != 0 && run_ready(zone->plain_port);
        printf("%s: %s", zone->name, pid == 0 ? "stopped" : ready ? "ready" : "not ready");
        if (pid != 0)
            printf(" (pid %d)", (int)pid);
        printf(", log %s\n", zone->log);
        code = ready ? code : CLI_REFUSED;
    }
    return code;
}
