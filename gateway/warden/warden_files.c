/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/warden/warden_files.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/keeper/keyring.h"
#include "gateway/warden/warden_keys.h"
#include "gateway/warden/warden_peerkeys.h"

enum { WARDEN_SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL };
enum { WARDEN_FILE_MAX = 16 * 1024 * 1024, WARDEN_BACKLOG = 512 };

static const uint32_t warden_grant_roles[GRANT_COUNT] = {
#define GRANT(NAME, roles, what) (roles),
#include "gateway/core/grant.def"
#undef GRANT
};

uint32_t
warden_files_roles(enum grant_kind kind)
{
    assert(kind < GRANT_COUNT);
    return warden_grant_roles[kind];
}

static enum err
warden_files_fail(struct warden_files *files, const char *what, const char *name)
{
    (void)snprintf(files->problem, sizeof(files->problem), "%s: %s: %s", name, what,
                   strerrordesc_np(errno));
    return ERR_IO;
}

static enum err
warden_files_add(struct warden_files *files, enum grant_kind kind, const char *label, int fd)
{
    if (files->count == GRANTS_MAX || strlen(label) > GRANT_LABEL_MAX) {
        (void)close(fd);
        return ERR_FULL;
    }
    struct grant *g = &files->grants[files->count++];
    memset(g, 0, sizeof(*g));
    g->kind = kind;
    g->fd = fd;
    memcpy(g->label, label, strlen(label));
    return ERR_OK;
}

/* Copies fd whole into memfd. */
static enum err
warden_files_pour(int fd, int memfd)
{
    static uint8_t buf[65536];
    size_t total = 0;
    ssize_t n = 1;
    enum err err = ERR_OK;
    while (err == ERR_OK && n != 0) {
        n = read(fd, buf, sizeof(buf));
        if (n < 0)
            err = ERR_IO;
        else if (total + (size_t)n > WARDEN_FILE_MAX)
            err = ERR_TOO_LARGE;
        else if (n > 0 && write(memfd, buf, (size_t)n) != n)
            err = ERR_IO;
        total += n > 0 ? (size_t)n : 0;
    }
    explicit_bzero(buf, sizeof(buf));
    return err;
}

/* A sealed copy: the role reads exactly what was there now, whoever edits the file later. */
static enum err
warden_files_copy(struct warden_files *files, enum grant_kind kind, int dir, const char *name,
                  const char *label)
{
    const int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return warden_files_fail(files, "open", name);
    const int memfd = memfd_create("tdz-grant", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    enum err err = memfd < 0 ? ERR_SYS : warden_files_pour(fd, memfd);
    if (err != ERR_OK)
        (void)warden_files_fail(files, error_text(err), name);
    (void)close(fd);
    if (err == ERR_OK && fcntl(memfd, F_ADD_SEALS, WARDEN_SEALS) != 0)
        err = warden_files_fail(files, "seal", name);
    if (err == ERR_OK)
        return warden_files_add(files, kind, label, memfd);
    if (memfd >= 0)
        (void)close(memfd);
    return ERR_IO;
}

static int
warden_files_wanted(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && strcmp(entry->d_name, "spool.keys") != 0;
}

/* What other accounts may read is no secret, and what they may write no key of ours. */
static enum err
warden_files_private(struct warden_files *files, const char *folder, const char *name,
                     const struct stat *st)
{
    if ((st->st_mode & (S_IRWXG | S_IRWXO)) == 0)
        return ERR_OK;
    (void)snprintf(files->problem, sizeof(files->problem),
                   "%s/%s: mode %03o: other accounts may use this key: chmod 600", folder, name,
                   (unsigned)st->st_mode & 0777U);
    return ERR_DENIED;
}

/* Every regular file of a folder, by name; hidden ones are left out. */
static enum err
warden_files_folder(struct warden_files *files, enum grant_kind kind, int base, const char *path)
{
    struct dirent **names = NULL;
    const int dir = openat(base, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return warden_files_fail(files, "open folder", path);
    const int count = scandirat(dir, ".", &names, warden_files_wanted, alphasort);
    enum err err = count < 0 ? warden_files_fail(files, "list folder", path) : ERR_OK;
    for (int i = 0; i < count; i++) {
        struct stat st;
        if (err == ERR_OK && fstatat(dir, names[i]->d_name, &st, 0) == 0 && S_ISREG(st.st_mode)) {
            if (kind == GRANT_KEY)
                err = warden_files_private(files, path, names[i]->d_name, &st);
            if (err == ERR_OK)
                err = warden_files_copy(files, kind, dir, names[i]->d_name, names[i]->d_name);
        }
        free(names[i]);
    }
    free(names);
    (void)close(dir);
    return err;
}

/* Gives a folder just made to the account the roles run as; one that was there must be its own
 * already: what is in it is not ours to give away. */
static enum err
warden_files_own(struct warden_files *files, const struct warden_account *as, const char *path,
                 int fd, bool is_new)
{
    struct stat st;
    if (as->uid == 0)
        return ERR_OK;
    if (is_new && fchownat(fd, "", as->uid, as->gid, AT_EMPTY_PATH) != 0)
        return warden_files_fail(files, "give the folder to `user`", path);
    if (fstat(fd, &st) != 0)
        return warden_files_fail(files, "look at folder", path);
    if (st.st_uid == as->uid)
        return ERR_OK;
    (void)snprintf(files->problem, sizeof(files->problem),
                   "%s: the folder belongs to another account than `user`", path);
    return ERR_DENIED;
}

/* A folder a role works in: made when it is not there yet, closed to other accounts. */
static enum err
warden_files_dir(struct warden_files *files, enum grant_kind kind, int base, const char *path,
                 const struct warden_account *as)
{
    const bool is_new = mkdirat(base, path, 0700) == 0;
    if (!is_new && errno != EEXIST)
        return warden_files_fail(files, "make folder", path);
    /* What was made is no link, or somebody put one in its place. */
    const int how = O_PATH | O_DIRECTORY | O_CLOEXEC | (is_new ? O_NOFOLLOW : 0);
    const int fd = openat(base, path, how);
    if (fd < 0)
        return warden_files_fail(files, "open folder", path);
    const enum err err = warden_files_own(files, as, path, fd, is_new);
    if (err != ERR_OK) {
        (void)close(fd);
        return err;
    }
    return warden_files_add(files, kind, path, fd);
}

static enum err
warden_files_spool_keys(struct warden_files *files, int base, const char *folder)
{
    const int dir = openat(base, folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return warden_files_fail(files, "open folder", folder);
    const int fd = openat(dir, "spool.keys", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    (void)close(dir);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0)
        return warden_files_fail(files, "open", "spool.keys");
    const enum err err = warden_files_private(files, folder, "spool.keys", &st);
    if (err != ERR_OK) {
        (void)close(fd);
        return err;
    }
    return warden_files_add(files, GRANT_SPOOL_KEYS, "spool.keys", fd);
}

/* Bytes of our own as a sealed memfd. */
static enum err
warden_files_bytes(struct warden_files *files, enum grant_kind kind, struct span bytes)
{
    const int memfd = memfd_create("tdz-grant", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (memfd < 0)
        return ERR_SYS;
    if (write(memfd, bytes.ptr, bytes.len) != (ssize_t)bytes.len ||
        fcntl(memfd, F_ADD_SEALS, WARDEN_SEALS) != 0) {
        (void)close(memfd);
        return ERR_SYS;
    }
    return warden_files_add(files, kind, "", memfd);
}

/* The public keys of the trust bundle that was just copied, as rows for keeper. */
static enum err
warden_files_peer_keys(struct warden_files *files)
{
    const struct grant *trust = rolemain_grant(files->grants, files->count, GRANT_TRUST);
    uint8_t *rows = malloc(KEYRING_BYTES_MAX);
    uint8_t *json = NULL;
    struct fault fault = {0};
    struct span bytes;
    struct stat st;
    assert(trust != NULL);
    enum err err = rows == NULL || fstat(trust->fd, &st) != 0 ? ERR_NOMEM : ERR_OK;
    if (err == ERR_OK)
        json = malloc((size_t)st.st_size + 1);
    if (err == ERR_OK &&
        (json == NULL || pread(trust->fd, json, (size_t)st.st_size, 0) != (ssize_t)st.st_size))
        err = ERR_NOMEM;
    if (err == ERR_OK)
        err = warden_peerkeys(span_of(json, (size_t)st.st_size), rows, KEYRING_BYTES_MAX, &bytes,
                              &fault);
    if (err != ERR_OK)
        (void)snprintf(files->problem, sizeof(files->problem), "trust bundle:%u:%u: %s: %s",
                       fault.line, fault.column, fault.where, error_text(err));
    if (err == ERR_OK)
        err = warden_files_bytes(files, GRANT_PEER_KEYS, bytes);
    free(json);
    free(rows);
    return err;
}

enum err
warden_files_open(struct warden_files *files, const struct config *c, int base_fd,
                  const struct warden_account *as)
{
    static const struct {
        enum grant_kind kind;
        enum config_key key;
        enum { IS_FILE, IS_FOLDER, IS_DIR } form;
    } parts[] = {
        {GRANT_TRUST, CONFIG_FILE_TRUST, IS_FILE},
        {GRANT_SUCCESSION, CONFIG_FILE_SUCCESSION, IS_FILE},
        {GRANT_CERT, CONFIG_FILE_CERTIFICATE, IS_FILE},
        {GRANT_CRL, CONFIG_FILE_CRL, IS_FILE},
        {GRANT_VOCABULARY, CONFIG_FILE_VOCABULARY, IS_FILE},
        {GRANT_KEY, CONFIG_DIR_KEYS, IS_FOLDER},
        {GRANT_POLICY, CONFIG_DIR_POLICIES, IS_FOLDER},
        {GRANT_LIST, CONFIG_DIR_LISTS, IS_FOLDER},
        {GRANT_AGREEMENT, CONFIG_DIR_AGREEMENTS, IS_FOLDER},
        {GRANT_PARTNER, CONFIG_DIR_PARTNERS, IS_FOLDER},
        {GRANT_DIR_STATE, CONFIG_DIR_STATE, IS_DIR},
        {GRANT_DIR_SPOOL, CONFIG_DIR_SPOOL, IS_DIR},
        {GRANT_DIR_LOG, CONFIG_DIR_LOG, IS_DIR},
    };
    *files = (struct warden_files){.grants = calloc(GRANTS_MAX, sizeof(struct grant))};
    if (files->grants == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        const char *path = config_str(c, parts[i].key);
        if (path[0] == '\0')
            continue;
        if (parts[i].form == IS_FILE)
            TRY(warden_files_copy(files, parts[i].kind, base_fd, path, ""));
        else if (parts[i].form == IS_FOLDER)
            TRY(warden_files_folder(files, parts[i].kind, base_fd, path));
        else
            TRY(warden_files_dir(files, parts[i].kind, base_fd, path, as));
    }
    TRY(warden_files_peer_keys(files));
    /* An expired certificate is the operator's to see in a test; a running gateway goes on. */
    TRY(warden_keys_check(files, config_str(c, CONFIG_DIR_KEYS),
                          config_str(c, CONFIG_FILE_CERTIFICATE), 0));
    return warden_files_spool_keys(files, base_fd, config_str(c, CONFIG_DIR_KEYS));
}

static int
warden_files_bind(const struct addrinfo *a)
{
    const int on = 1;
    const int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, WARDEN_BACKLOG) == 0)
        return fd;
    const int saved = errno;
    (void)close(fd);
    errno = saved;
    return -1;
}

static enum err
warden_files_listen_one(struct warden_files *files, enum grant_kind kind, const char *text)
{
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char host[256];
    char port_text[8];
    uint16_t port = 0;
    TRY(config_address(span_str(text), false, host, &port));
    (void)snprintf(port_text, sizeof(port_text), "%u", port);
    const int rc = getaddrinfo(host, port_text, &hints, &found);
    if (rc != 0) {
        (void)snprintf(files->problem, sizeof(files->problem), "%s: %s", text, gai_strerror(rc));
        return ERR_IO;
    }
    const int fd = warden_files_bind(found);
    freeaddrinfo(found);
    if (fd < 0)
        return warden_files_fail(files, "listen", text);
    return warden_files_add(files, kind, text, fd);
}

enum err
warden_files_listen(struct warden_files *files, const struct config *c)
{
    TRY(warden_files_listen_one(files, GRANT_LISTEN_PARTNER, config_str(c, CONFIG_LISTEN_PARTNER)));
    TRY(warden_files_listen_one(files, GRANT_LISTEN_PEER, config_str(c, CONFIG_LISTEN_PEER)));
    TRY(warden_files_listen_one(files, GRANT_LISTEN_DESK, config_str(c, CONFIG_LISTEN_DESK)));
    const char *plain = config_str(c, CONFIG_LISTEN_PLAIN);
    return plain[0] == '\0' ? ERR_OK : warden_files_listen_one(files, GRANT_LISTEN_PLAIN, plain);
}

void
warden_files_resolve(struct config *c)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    for (size_t i = 0; i < c->peer_count; i++) {
        struct config_peer *peer = &c->peers[i];
        struct addrinfo *found = NULL;
        peer->address[0] = '\0';
        if (getaddrinfo(peer->host, NULL, &hints, &found) != 0)
            continue;
        if (getnameinfo(found->ai_addr, found->ai_addrlen, peer->address, sizeof(peer->address),
                        NULL, 0, NI_NUMERICHOST) != 0)
            peer->address[0] = '\0';
        freeaddrinfo(found);
    }
}

static bool
warden_files_is_listener(const struct grant *g)
{
    return g->kind == GRANT_LISTEN_PARTNER || g->kind == GRANT_LISTEN_PEER ||
           g->kind == GRANT_LISTEN_DESK || g->kind == GRANT_LISTEN_PLAIN;
}

void
warden_files_keep_listeners(struct warden_files *now, const struct warden_files *next)
{
    size_t kept = 0;
    for (size_t i = 0; i < now->count; i++) {
        if (warden_files_is_listener(&now->grants[i]))
            now->grants[kept++] = now->grants[i];
        else
            (void)close(now->grants[i].fd);
    }
    now->count = kept;
    for (size_t i = 0; i < next->count && now->count < GRANTS_MAX; i++) {
        const int copy = fcntl(next->grants[i].fd, F_DUPFD_CLOEXEC, 0);
        if (copy < 0)
            continue; /* out of descriptors: a role started later says what it misses */
        now->grants[now->count] = next->grants[i];
        now->grants[now->count++].fd = copy;
    }
}

void
warden_files_finish(struct warden_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        (void)close(files->grants[i].fd);
    free(files->grants);
    files->grants = NULL;
    files->count = 0;
}

enum err
warden_files_config(const char *path, struct config *ret, struct fault *ret_fault)
{
    static uint8_t buf[CONFIG_FILE_MAX + 1];
    size_t len = 0;
    *ret_fault = (struct fault){.code = ERR_IO};
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        (void)snprintf(ret_fault->where, sizeof(ret_fault->where), "%s", strerrordesc_np(errno));
        return ERR_IO;
    }
    ssize_t n = 1;
    while (n > 0 && len < sizeof(buf)) {
        n = read(fd, buf + len, sizeof(buf) - len);
        len += n > 0 ? (size_t)n : 0;
    }
    if (n < 0)
        (void)snprintf(ret_fault->where, sizeof(ret_fault->where), "%s", strerrordesc_np(errno));
    (void)close(fd);
    if (n < 0)
        return ERR_IO;
    return config_read(span_of(buf, len), ret, ret_fault);
}
