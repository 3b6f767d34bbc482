/* SPDX-License-Identifier: Apache-2.0 */
/* tdz container seal: encrypts a file into the one-file form of a container, in one pass and with
 * bounded memory. */
#include "crypto/crypto.h"
#include "crypto/leafhash.h"
#include "crypto/leaftree.h"
#include "crypto/x25519.h"
#include "schemas/canon.h"
#include "tools/commands.h"
#include "tools/container_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const char container_seal_verdict[] = "{\"decision\":\"allow\"}";

struct container_sealing {
    const struct cli *cli;
    const char *in_path;
    int in;
    enum suite suite;
    struct sign_key key;
    struct sign_key release_key;
    struct secret32 dek;
    size_t recipient_count;
    uint8_t recipient[RELEASE_WRAPS_MAX][X25519_BYTES];
    char *manifest; /* as in the file */
    size_t manifest_len;
    char canon[OFFER_MANIFEST_MAX + 1];
    struct offer offer;
    uint8_t offer_hash[32];
    struct seal seal;
    struct container_out out;
};

static int
container_seal_fail(const struct container_sealing *s, const char *what, enum err err)
{
    cli_say(s->cli, "%s: %s", what, error_text(err));
    return err == ERR_TOO_LARGE || err == ERR_DUPLICATE || err == ERR_RANGE ? CLI_USAGE
                                                                            : CLI_REFUSED;
}

static int
container_seal_suite(struct container_sealing *s)
{
    const char *text = cli_value(s->cli, "--suite");
    uint64_t number = 0;
    if (text == NULL)
        return cli_usage(s->cli, "--suite is missing");
    if (suite_from_name(span_str(text), &s->suite) == ERR_OK)
        return CLI_DONE;
    if (text_parse_u64(span_str(text), 255, &number) == ERR_OK &&
        suite_from_u8((uint8_t)number, &s->suite) == ERR_OK)
        return CLI_DONE;
    return cli_usage(s->cli, "--suite %s: not a suite; 1 is aes-256-gcm, 2 chacha20-poly1305",
                     text);
}

static int
container_seal_sign_key(const struct container_sealing *s, const char *path, struct sign_key *ret)
{
    struct secret32 SECRET32_CLEAN seed;
    const int code = container_io_key(s->cli, path, &seed);
    if (code != CLI_DONE)
        return code;
    const enum err err = sign_key_init(ret, seed.bytes);
    return err == ERR_OK ? CLI_DONE : container_seal_fail(s, path, err);
}

static int
container_seal_keys(struct container_sealing *s)
{
    const char *path = cli_value(s->cli, "--sign-key");
    const char *release = cli_value(s->cli, "--release-key");
    int at = 0;
    if (path == NULL)
        return cli_usage(s->cli, "--sign-key is missing");
    int code = container_seal_sign_key(s, path, &s->key);
    if (code == CLI_DONE)
        code = container_seal_sign_key(s, release == NULL ? path : release, &s->release_key);
    for (const char *to = cli_next_value(s->cli, "--recipient", &at);
         code == CLI_DONE && to != NULL; to = cli_next_value(s->cli, "--recipient", &at)) {
        struct secret32 pk;
        if (s->recipient_count == RELEASE_WRAPS_MAX)
            return cli_usage(s->cli, "at most %d recipients", RELEASE_WRAPS_MAX);
        code = container_io_key(s->cli, to, &pk);
        if (code == CLI_DONE)
            memcpy(s->recipient[s->recipient_count++], pk.bytes, X25519_BYTES);
    }
    if (code == CLI_DONE && s->recipient_count == 0)
        return cli_usage(s->cli, "--recipient is missing");
    return code;
}

/* The file may be any JSON object of integers and strings; its canonical form is what is signed. */
static int
container_seal_manifest(struct container_sealing *s)
{
    const char *path = cli_value(s->cli, "--manifest");
    struct json_doc doc = {0};
    struct fault fault = {0};
    struct canon w;
    if (path == NULL)
        return cli_usage(s->cli, "--manifest is missing");
    if (!cli_must_read(s->cli, path, JSON_BYTES_MAX, &s->manifest, &s->manifest_len))
        return CLI_UNREACHABLE;
    enum err err = json_load(&doc, span_of(s->manifest, s->manifest_len), &fault);
    if (err != ERR_OK) {
        cli_fault(path, &fault);
        return CLI_USAGE;
    }
    canon_init(&w, s->canon, sizeof(s->canon));
    canon_node(&w, &doc, doc.nodes);
    err = canon_finish(&w, &s->offer.manifest);
    json_free(&doc);
    if (err == ERR_OK && s->offer.manifest.len > OFFER_MANIFEST_MAX)
        err = ERR_FULL;
    if (err == ERR_OK) {
        struct offer_scratch *scratch = malloc(sizeof(*scratch));
        err =
            scratch == NULL ? ERR_NOMEM : offer_manifest(s->offer.manifest, scratch, &doc, &fault);
        free(scratch);
    }
    if (err == ERR_OK)
        return CLI_DONE;
    cli_say(s->cli, "%s: %s", path, error_text(err == ERR_FULL ? ERR_TOO_LARGE : err));
    return CLI_USAGE;
}

/* Writes a record head and bytes. */
static int
container_seal_put(struct container_sealing *s, enum framing_type type, struct span bytes)
{
    uint8_t buf[FRAMING_HEAD_BYTES];
    struct wire_writer w;
    struct span head;
    wire_writer_init(&w, buf, sizeof(buf));
    framing_put_head(&w, type, bytes.len);
    if (wire_writer_finish(&w, &head) != ERR_OK)
        return CLI_REFUSED;
    const int code = container_io_write(s->cli, &s->out, head);
    return code == CLI_DONE ? container_io_write(s->cli, &s->out, bytes) : code;
}

static int
container_seal_offer(struct container_sealing *s)
{
    static uint8_t buf[OFFER_BYTES_MAX];
    uint8_t start[FRAMING_START_BYTES];
    struct wire_writer w;
    struct span bytes;
    wire_writer_init(&w, start, sizeof(start));
    framing_put_start(&w, s->suite);
    enum err err = wire_writer_finish(&w, &bytes);
    int code = container_io_write(s->cli, &s->out, span_of(start, sizeof(start)));
    if (err == ERR_OK)
        err = offer_hash(s->offer.manifest, s->offer_hash);
    if (err == ERR_OK)
        err = offer_sign(&s->offer, s->suite, &s->key);
    if (err == ERR_OK)
        err = offer_encode(&s->offer, buf, sizeof(buf), &bytes);
    if (err != ERR_OK)
        return container_seal_fail(s, "OFFER", err);
    return code == CLI_DONE ? container_seal_put(s, FRAMING_OFFER, bytes) : code;
}

/* One group of chunks: reads, seals, adds leaves, writes. sealer->done after the last chunk. */
static int
container_seal_group(struct container_sealing *s, struct body_sealer *sealer, struct leaftree *tree)
{
    static uint8_t plain[BODY_GROUP_CHUNKS * BODY_CHUNK_BYTES];
    static uint8_t sealed[BODY_GROUP_BYTES];
    struct span chunks[BODY_GROUP_CHUNKS];
    uint8_t leaves[BODY_GROUP_CHUNKS][32];
    uint8_t group[32];
    bool full = false;
    size_t len = 0;
    size_t out = 0;
    if (!container_io_read(s->cli, s->in_path, s->in, plain, sizeof(plain), &len))
        return CLI_UNREACHABLE;
    const bool ended = len < sizeof(plain);
    enum err err = ERR_OK;
    for (size_t at = 0; err == ERR_OK && !sealer->done && (at < len || ended);) {
        const size_t take = len - at < BODY_CHUNK_BYTES ? len - at : BODY_CHUNK_BYTES;
        err =
            body_seal_chunk(sealer, span_of(plain + at, take), sealed + out, sizeof(sealed) - out);
        at += take;
        out += take + BODY_TAG_BYTES;
    }
    key_wipe(plain, len);
    const size_t count = container_io_chunks(sealed, out, chunks);
    if (err == ERR_OK)
        err = leafhash_many(leafhash_best(), chunks, count, leaves);
    for (size_t i = 0; err == ERR_OK && i < count; i++)
        err = leaftree_add(tree, leaves[i], group, &full);
    if (err != ERR_OK)
        return container_seal_fail(s, "BODY", err);
    return container_io_write(s->cli, &s->out, span_of(sealed, out));
}

/* BODY's length is known at its end: its head is written twice. */
static int
container_seal_body(struct container_sealing *s)
{
    struct body_sealer sealer;
    struct leaftree tree;
    uint8_t salt[BODY_SALT_BYTES];
    const off_t head_at = lseek(s->out.fd, 0, SEEK_CUR);
    key_random(s->dek.bytes, sizeof(s->dek.bytes));
    key_random(salt, sizeof(salt));
    leaftree_init(&tree);
    enum err err = body_sealer_init(&sealer, s->suite, &s->dek, salt, s->offer_hash);
    if (err != ERR_OK)
        return container_seal_fail(s, "BODY", err);
    int code = container_seal_put(s, FRAMING_BODY, span_of(sealer.prefix, sizeof(sealer.prefix)));
    while (code == CLI_DONE && !sealer.done)
        code = container_seal_group(s, &sealer, &tree);
    struct seal *seal = &s->seal;
    seal->suite = s->suite;
    seal->chunk_count = sealer.next;
    seal->plain_len = sealer.plain_len;
    memcpy(seal->prefix, sealer.prefix, sizeof(seal->prefix));
    memcpy(seal->offer_hash, s->offer_hash, sizeof(seal->offer_hash));
    body_sealer_finish(&sealer);
    if (code != CLI_DONE)
        return code;
    uint8_t head[FRAMING_HEAD_BYTES];
    struct wire_writer w;
    wire_writer_init(&w, head, sizeof(head));
    framing_put_head(&w, FRAMING_BODY, body_bytes(seal->plain_len));
    err = leaftree_root(&tree, seal->root);
    if (err != ERR_OK)
        return container_seal_fail(s, "BODY", err);
    if (head_at < 0 || pwrite(s->out.fd, head, sizeof(head), head_at) != (ssize_t)sizeof(head)) {
        cli_say(s->cli, "%s: cannot write", s->out.path);
        return CLI_UNREACHABLE;
    }
    return CLI_DONE;
}

static int
container_seal_end(struct container_sealing *s)
{
    static uint8_t buf[RELEASE_BYTES_MAX];
    static struct release release;
    struct timespec at;
    struct span bytes;
    if (clock_gettime(CLOCK_REALTIME, &at) != 0 || at.tv_sec < 0)
        return container_seal_fail(s, "SEAL", ERR_CLOCK);
    s->seal.sealed_at = (uint64_t)at.tv_sec;
    enum err err = seal_sign(&s->seal, &s->key);
    if (err == ERR_OK)
        err = seal_encode(&s->seal, buf, sizeof(buf), &bytes);
    if (err != ERR_OK)
        return container_seal_fail(s, "SEAL", err);
    const int code = container_seal_put(s, FRAMING_SEAL, bytes);
    if (code != CLI_DONE)
        return code;
    release = (struct release){.suite = s->suite, .verdict = span_str(container_seal_verdict)};
    err = seal_hash(&s->seal, release.seal_hash);
    for (size_t i = 0; err == ERR_OK && i < s->recipient_count; i++)
        err = release_wrap(&release, &s->seal, &s->dek, s->recipient[i], NULL);
    if (err == ERR_OK)
        err = release_sign(&release, &s->release_key);
    if (err == ERR_OK)
        err = release_encode(&release, buf, sizeof(buf), &bytes);
    if (err != ERR_OK)
        return container_seal_fail(s, "RELEASE", err);
    return container_seal_put(s, FRAMING_RELEASE, bytes);
}

static int
container_seal_run(struct container_sealing *s, const char *out_path)
{
    int code = container_io_create(s->cli, out_path, &s->out);
    if (code != CLI_DONE)
        return code;
    code = container_seal_offer(s);
    if (code == CLI_DONE)
        code = container_seal_body(s);
    if (code == CLI_DONE)
        code = container_seal_end(s);
    if (code != CLI_DONE) {
        container_io_discard(&s->out);
        return code;
    }
    return container_io_publish(s->cli, &s->out);
}

int
container_seal_main(int argc, char **argv)
{
    static struct container_sealing s;
    struct cli cli;
    int at = 0;
    if (!cli_parse(argc, argv, "container seal", &cli))
        return CLI_USAGE;
    if (cli_operand_count(&cli) != 2)
        return cli_usage(&cli, "give IN and OUT");
    s.cli = &cli;
    s.in_path = cli_next_operand(&cli, &at);
    const char *out_path = cli_next_operand(&cli, &at);
    if (crypto_init() != ERR_OK)
        return container_seal_fail(&s, "start", ERR_CRYPTO);
    int code = container_seal_suite(&s);
    if (code == CLI_DONE)
        code = container_seal_keys(&s);
    if (code == CLI_DONE)
        code = container_seal_manifest(&s);
    if (code == CLI_DONE) {
        const bool from_stdin = strcmp(s.in_path, "-") == 0;
        s.in = from_stdin ? STDIN_FILENO : open(s.in_path, O_RDONLY | O_CLOEXEC);
        if (s.in < 0) {
            cli_say(&cli, "%s: cannot read: %s", s.in_path, strerrordesc_np(errno));
            code = CLI_UNREACHABLE;
        } else {
            code = container_seal_run(&s, out_path);
        }
        if (s.in > STDIN_FILENO)
            (void)close(s.in);
    }
    free(s.manifest);
    sign_key_wipe(&s.key);
    sign_key_wipe(&s.release_key);
    key_secret32_wipe(&s.dek);
    return code;
}
