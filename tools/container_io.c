/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/container_io.h"

#include "crypto/leafhash.h"
#include "crypto/leaftree.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The bytes a container begins with. */
enum { CONTAINER_IO_SCAN_BYTES = 65536, CONTAINER_IO_MAGIC = 8 };

int
container_io_key(const struct cli *cli, const char *path, struct secret32 *ret)
{
    char *bytes = NULL;
    size_t len = 0;
    if (!cli_must_read(cli, path, 4096, &bytes, &len))
        return CLI_UNREACHABLE;
    enum err err = ERR_OK;
    if (len == sizeof(ret->bytes)) {
        memcpy(ret->bytes, bytes, len);
    } else {
        const size_t digits = len == 65 && bytes[64] == '\n' ? 64 : len;
        err = text_unhex(span_of(bytes, digits), true, ret->bytes, sizeof(ret->bytes));
    }
    key_wipe(bytes, len);
    free(bytes);
    if (err == ERR_OK)
        return CLI_DONE;
    cli_say(cli, "%s: a key is 32 bytes or 64 hex digits", path);
    return CLI_USAGE;
}

static int
container_io_fail(const struct cli *cli, const char *path, const char *what)
{
    cli_say(cli, "%s: %s: %s", path, what, strerrordesc_np(errno));
    return CLI_UNREACHABLE;
}

int
container_io_create(const struct cli *cli, const char *path, struct container_out *ret)
{
    const int n = snprintf(ret->temp, sizeof(ret->temp), "%s.XXXXXX", path);
    if (n < 0 || (size_t)n >= sizeof(ret->temp)) {
        cli_say(cli, "%s: the name is too long", path);
        return CLI_UNREACHABLE;
    }
    ret->path = path;
    ret->fd = mkostemp(ret->temp, O_CLOEXEC);
    return ret->fd < 0 ? container_io_fail(cli, path, "cannot create") : CLI_DONE;
}

void
container_io_discard(struct container_out *out)
{
    (void)unlink(out->temp);
    (void)close(out->fd);
    out->fd = -1;
}

int
container_io_publish(const struct cli *cli, struct container_out *out)
{
    char folder[CONTAINER_IO_PATH_MAX];
    const mode_t mask = umask(0);
    (void)umask(mask);
    (void)snprintf(folder, sizeof(folder), "%s", out->path);
    if (fchmod(out->fd, 0666 & ~mask) != 0 || fsync(out->fd) != 0 ||
        rename(out->temp, out->path) != 0) {
        const int code = container_io_fail(cli, out->path, "cannot write");
        container_io_discard(out);
        return code;
    }
    (void)close(out->fd);
    out->fd = -1;
    /* The name is durable when its folder is; a file system that cannot say is no failure. */
    const int dir = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir >= 0) {
        (void)fsync(dir);
        (void)close(dir);
    }
    return CLI_DONE;
}

int
container_io_write(const struct cli *cli, struct container_out *out, struct span bytes)
{
    while (bytes.len > 0) {
        const ssize_t n = write(out->fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return container_io_fail(cli, out->path, "cannot write");
        bytes = span_from(bytes, (size_t)n);
    }
    return CLI_DONE;
}

bool
container_io_read(const struct cli *cli, const char *path, int fd, uint8_t *buf, size_t cap,
                  size_t *ret_len)
{
    size_t len = 0;
    while (len < cap) {
        const ssize_t n = read(fd, buf + len, cap - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            (void)container_io_fail(cli, path, "cannot read");
            return false;
        }
        if (n == 0)
            break;
        len += (size_t)n;
    }
    *ret_len = len;
    return true;
}

int
container_io_refuse(const struct cli *cli, const struct container_file *f, const char *what,
                    enum err err)
{
    cli_say(cli, "%s: %s: %s", f->path, what, error_text(err));
    return CLI_REFUSED;
}

/* What the scan keeps of the small records: one after the other in records. */
struct container_scan {
    struct framing_reader reader;
    struct span record[FRAMING_RECEIPT + 1];
    size_t used;
};

static enum err
container_io_event(struct container_file *f, struct container_scan *s, enum framing_event event,
                   struct span bytes)
{
    struct framing_reader *r = &s->reader;
    if (event == FRAMING_RECORD && r->type == FRAMING_BODY) {
        f->body_at = r->record_at;
        f->body_len = r->record_len;
    }
    if (event == FRAMING_RECORD)
        s->record[r->type] = span_of(f->records + s->used, 0);
    if (event != FRAMING_BYTES)
        return ERR_OK;
    if (r->type == FRAMING_BODY) {
        const size_t have = s->record[FRAMING_BODY].len;
        const size_t want = BODY_PREFIX_BYTES - have;
        const size_t take = bytes.len < want ? bytes.len : want;
        memcpy(f->prefix + have, bytes.ptr, take);
        s->record[FRAMING_BODY].len += take;
        return ERR_OK;
    }
    /* the framing bounds each record, so all of them fit */
    memcpy(f->records + s->used, bytes.ptr, bytes.len);
    s->record[r->type].len += bytes.len;
    s->used += bytes.len;
    return ERR_OK;
}

/* After the prefix the rest of BODY is passed over, if the file has it. */
static enum err
container_io_pass(struct container_file *f, struct container_scan *s, uint64_t file_len)
{
    struct framing_reader *r = &s->reader;
    if (!r->in_record || r->type != FRAMING_BODY || r->left == 0 ||
        s->record[FRAMING_BODY].len < BODY_PREFIX_BYTES)
        return ERR_OK;
    if (r->left > file_len - r->offset)
        return ERR_SHORT;
    TRY(framing_skip(r, r->left));
    return lseek(f->fd, (off_t)r->offset, SEEK_SET) < 0 ? ERR_IO : ERR_OK;
}

static enum err
container_io_scan(const struct cli *cli, struct container_file *f, struct container_scan *s,
                  uint64_t file_len)
{
    static uint8_t buf[CONTAINER_IO_SCAN_BYTES];
    framing_reader_init(&s->reader);
    for (;;) {
        size_t len = 0;
        if (!container_io_read(cli, f->path, f->fd, buf, sizeof(buf), &len))
            return ERR_IO;
        if (len == 0)
            return framing_end(&s->reader);
        struct span left = span_of(buf, len);
        enum framing_event event = FRAMING_START;
        while (event != FRAMING_MORE) {
            size_t used = 0;
            struct span bytes = span_of(NULL, 0);
            TRY(framing_feed(&s->reader, left, &used, &bytes, &event));
            left = span_from(left, used);
            TRY(container_io_event(f, s, event, bytes));
            const uint64_t before = s->reader.offset;
            TRY(container_io_pass(f, s, file_len));
            if (s->reader.offset != before)
                break; /* the rest of buf is body: read on behind it */
        }
    }
}

static int
container_io_decode(const struct cli *cli, struct container_file *f, const struct container_scan *s)
{
    struct fault fault = {0};
    enum err err = offer_decode(s->record[FRAMING_OFFER], &f->offer);
    if (err != ERR_OK)
        return container_io_refuse(cli, f, "OFFER", err);
    err = offer_manifest(f->offer.manifest, f->scratch, &f->manifest, &fault);
    if (err != ERR_OK)
        return container_io_refuse(cli, f, "OFFER: manifest", err);
    err = offer_hash(f->offer.manifest, f->offer_hash);
    if (err == ERR_OK && f->has_seal)
        err = seal_decode(s->record[FRAMING_SEAL], &f->seal);
    if (err != ERR_OK)
        return container_io_refuse(cli, f, "SEAL", err);
    if (f->has_release)
        err = release_decode(s->record[FRAMING_RELEASE], &f->release);
    if (err != ERR_OK)
        return container_io_refuse(cli, f, "RELEASE", err);
    if (f->has_receipt)
        err = receipt_decode(s->record[FRAMING_RECEIPT], &f->receipt);
    if (err != ERR_OK)
        return container_io_refuse(cli, f, "RECEIPT", err);
    return CLI_DONE;
}

static bool
container_io_same(const uint8_t *a, const uint8_t *b, size_t len)
{
    return span_eq(span_of(a, len), span_of(b, len));
}

static int
container_io_links(const struct cli *cli, const struct container_file *f)
{
    uint8_t hash[32];
    if (f->has_seal) {
        const struct seal *seal = &f->seal;
        if (seal->suite != f->suite || !container_io_same(seal->offer_hash, f->offer_hash, 32))
            return container_io_refuse(cli, f, "SEAL names another OFFER", ERR_CONFLICT);
        if (body_bytes(seal->plain_len) != f->body_len ||
            !container_io_same(seal->prefix, f->prefix, sizeof(f->prefix)))
            return container_io_refuse(cli, f, "SEAL is not of this BODY", ERR_CONFLICT);
        if (seal_hash(seal, hash) != ERR_OK)
            return container_io_refuse(cli, f, "SEAL", ERR_CRYPTO);
    }
    if (f->has_release) {
        struct json_doc verdict = {0};
        if (f->release.suite != f->suite || !container_io_same(f->release.seal_hash, hash, 32))
            return container_io_refuse(cli, f, "RELEASE names another SEAL", ERR_CONFLICT);
        enum err err = json_load(&verdict, f->release.verdict, NULL);
        if (err == ERR_OK && verdict.nodes[0].type != JSON_OBJECT)
            err = ERR_TYPE;
        json_free(&verdict);
        if (err != ERR_OK)
            return container_io_refuse(cli, f, "RELEASE: verdict", err);
    }
    if (f->has_receipt) {
        const uint8_t *named = f->has_seal ? hash : f->offer_hash;
        if (f->receipt.suite != f->suite || !container_io_same(f->receipt.seal_hash, named, 32))
            return container_io_refuse(cli, f, "RECEIPT is of another transfer", ERR_CONFLICT);
        if (f->has_release && release_hash(&f->release, hash) == ERR_OK &&
            !container_io_same(f->receipt.release_hash, hash, 32))
            return container_io_refuse(cli, f, "RECEIPT is of another RELEASE", ERR_CONFLICT);
    }
    return CLI_DONE;
}

int
container_io_open(const struct cli *cli, const char *path, struct container_file *ret)
{
    struct container_scan s = {.used = 0};
    struct stat st;
    *ret = (struct container_file){.path = path, .fd = -1};
    ret->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (ret->fd < 0 || fstat(ret->fd, &st) != 0)
        return container_io_fail(cli, path, "cannot read");
    if (!S_ISREG(st.st_mode)) {
        cli_say(cli, "%s: not a regular file", path);
        return CLI_UNREACHABLE;
    }
    ret->records = malloc(OFFER_BYTES_MAX + SEAL_BYTES_MAX + RELEASE_BYTES_MAX + RECEIPT_BYTES_MAX);
    ret->scratch = malloc(sizeof(*ret->scratch));
    if (ret->records == NULL || ret->scratch == NULL) {
        cli_say(cli, "%s: %s", path, error_text(ERR_NOMEM));
        return CLI_UNREACHABLE;
    }
    const enum err err = container_io_scan(cli, ret, &s, (uint64_t)st.st_size);
    if (err == ERR_IO)
        return CLI_UNREACHABLE;
    if ((err == ERR_SYNTAX || err == ERR_SHORT) && s.reader.offset <= CONTAINER_IO_MAGIC) {
        cli_say(cli, "%s: not a container (tdz container seal makes one): %s", path,
                error_text(err));
        return CLI_REFUSED;
    }
    if (err != ERR_OK) {
        cli_say(cli, "%s: byte %" PRIu64 ": container: %s", path, s.reader.offset, error_text(err));
        return CLI_REFUSED;
    }
    ret->suite = s.reader.suite;
    ret->has_body = framing_has(&s.reader, FRAMING_BODY);
    ret->has_seal = framing_has(&s.reader, FRAMING_SEAL);
    ret->has_release = framing_has(&s.reader, FRAMING_RELEASE);
    ret->has_receipt = framing_has(&s.reader, FRAMING_RECEIPT);
    const int code = container_io_decode(cli, ret, &s);
    return code == CLI_DONE ? container_io_links(cli, ret) : code;
}

void
container_io_close(struct container_file *f)
{
    if (f->fd >= 0)
        (void)close(f->fd);
    free(f->records);
    free(f->scratch);
    *f = (struct container_file){.fd = -1};
}

size_t
container_io_chunks(const uint8_t *bytes, size_t len, struct span ret_chunks[static 64])
{
    size_t count = 0;
    for (size_t at = 0; at < len; at += BODY_SEALED_BYTES, count++) {
        const size_t left = len - at;
        ret_chunks[count] =
            span_of(bytes + at, left < BODY_SEALED_BYTES ? left : BODY_SEALED_BYTES);
    }
    return count;
}

int
container_io_body(const struct cli *cli, const struct container_file *f, container_io_each each,
                  void *user)
{
    static uint8_t buf[BODY_GROUP_BYTES];
    struct leaftree tree;
    struct span chunks[BODY_GROUP_CHUNKS];
    uint8_t leaves[BODY_GROUP_CHUNKS][32];
    uint8_t hash[32];
    uint8_t group[32];
    bool full = false;
    uint64_t index = 0;
    uint64_t left = f->body_len - BODY_PREFIX_BYTES;
    leaftree_init(&tree);
    if (lseek(f->fd, (off_t)(f->body_at + BODY_PREFIX_BYTES), SEEK_SET) < 0)
        return container_io_fail(cli, f->path, "cannot read");
    while (left > 0) {
        const size_t want = left < sizeof(buf) ? (size_t)left : sizeof(buf);
        size_t len = 0;
        if (!container_io_read(cli, f->path, f->fd, buf, want, &len))
            return CLI_UNREACHABLE;
        if (len < want)
            return container_io_refuse(cli, f, "BODY", ERR_SHORT);
        left -= len;
        const size_t count = container_io_chunks(buf, len, chunks);
        enum err err = leafhash_many(leafhash_best(), chunks, count, leaves);
        for (size_t i = 0; i < count; i++, index++) {
            if (err == ERR_OK)
                err = leaftree_add(&tree, leaves[i], group, &full);
            if (err != ERR_OK)
                return container_io_refuse(cli, f, "BODY", err);
            const int code = each == NULL ? CLI_DONE : each(user, index, chunks[i]);
            if (code != CLI_DONE)
                return code;
        }
    }
    if (leaftree_root(&tree, hash) != ERR_OK || !container_io_same(hash, f->seal.root, 32))
        return container_io_refuse(cli, f, "BODY is not the one SEAL names", ERR_PROOF);
    return CLI_DONE;
}
