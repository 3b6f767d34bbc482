/* SPDX-License-Identifier: Apache-2.0 */
/* tdz container open, inspect, verify: the reading side of the one-file form. */
#include "crypto/crypto.h"
#include "schemas/canon.h"
#include "tools/commands.h"
#include "tools/container_io.h"

#include <inttypes.h>

enum { CONTAINER_SENDERS_MAX = 8 };

struct container_senders {
    size_t count;
    struct sign_pub pub[CONTAINER_SENDERS_MAX];
};

static int
container_senders(const struct cli *cli, struct container_senders *ret)
{
    int at = 0;
    for (const char *path = cli_next_value(cli, "--sender", &at); path != NULL;
         path = cli_next_value(cli, "--sender", &at)) {
        struct secret32 raw;
        if (ret->count == CONTAINER_SENDERS_MAX)
            return cli_usage(cli, "at most %d senders", CONTAINER_SENDERS_MAX);
        const int code = container_io_key(cli, path, &raw);
        if (code != CLI_DONE)
            return code;
        if (sign_pub_init(&ret->pub[ret->count++], SIGN_ED25519, span_of(raw.bytes, 32)) != ERR_OK)
            return CLI_USAGE;
    }
    return CLI_DONE;
}

/* Every record there is must be signed by one of the senders. */
static int
container_signatures(const struct cli *cli, const struct container_file *f,
                     const struct container_senders *by)
{
    enum err err = offer_verify(&f->offer, f->suite, by->pub, by->count, NULL);
    if (err != ERR_OK)
        return container_io_refuse(cli, f, "OFFER", err);
    if (f->has_seal)
        err = seal_verify(&f->seal, by->pub, by->count, NULL);
    if (err != ERR_OK)
        return container_io_refuse(cli, f, "SEAL", err);
    if (f->has_release)
        err = release_verify(&f->release, by->pub, by->count, NULL);
    if (err != ERR_OK)
        return container_io_refuse(cli, f, "RELEASE", err);
    return CLI_DONE;
}

struct container_opening {
    const struct cli *cli;
    const struct container_file *file;
    struct body_opener opener;
    struct container_out out;
};

static int
container_open_chunk(void *user, uint64_t index, struct span sealed)
{
    static uint8_t plain[BODY_CHUNK_BYTES];
    struct container_opening *o = user;
    size_t len = 0;
    const enum err err =
        body_open_chunk(&o->opener, index, sealed, NULL, plain, sizeof(plain), &len);
    if (err != ERR_OK)
        return container_io_refuse(o->cli, o->file, "BODY", err);
    return container_io_write(o->cli, &o->out, span_of(plain, len));
}

static int
container_open_body(const struct cli *cli, const struct container_file *f,
                    const struct secret32 *dek, const char *out_path)
{
    static struct container_opening o;
    o.cli = cli;
    o.file = f;
    const enum err err =
        body_opener_init(&o.opener, f->suite, dek, f->prefix, f->offer_hash, f->seal.plain_len);
    if (err != ERR_OK)
        return container_io_refuse(cli, f, "BODY", err);
    int code = container_io_create(cli, out_path, &o.out);
    if (code == CLI_DONE) {
        /* Nothing has the name OUT before the last chunk and the root are found good. */
        code = container_io_body(cli, f, container_open_chunk, &o);
        if (code == CLI_DONE)
            code = container_io_publish(cli, &o.out);
        else
            container_io_discard(&o.out);
    }
    body_opener_finish(&o.opener);
    return code;
}

static int
container_open_run(const struct cli *cli, const struct container_file *f,
                   const struct container_senders *by, const char *out_path)
{
    struct secret32 SECRET32_CLEAN sk;
    struct secret32 SECRET32_CLEAN dek;
    int code = container_io_key(cli, cli_value(cli, "--recipient-key"), &sk);
    if (code == CLI_DONE)
        code = container_signatures(cli, f, by);
    if (code != CLI_DONE)
        return code;
    if (!f->has_seal || !f->has_release)
        return container_io_refuse(cli, f, "it has no SEAL or no RELEASE yet", ERR_MISSING);
    const enum err err = release_unwrap(&f->release, &f->seal, &sk, NULL, &dek);
    if (err != ERR_OK)
        return container_io_refuse(cli, f, "RELEASE", err);
    return container_open_body(cli, f, &dek, out_path);
}

int
container_open_main(int argc, char **argv)
{
    static struct container_file f;
    struct container_senders by = {.count = 0};
    struct cli cli;
    int at = 0;
    if (!cli_parse(argc, argv, "container open", &cli))
        return CLI_USAGE;
    if (cli_operand_count(&cli) != 2)
        return cli_usage(&cli, "give IN and OUT");
    const char *in_path = cli_next_operand(&cli, &at);
    const char *out_path = cli_next_operand(&cli, &at);
    if (cli_value(&cli, "--recipient-key") == NULL || cli_value(&cli, "--sender") == NULL)
        return cli_usage(&cli, "--recipient-key and --sender are needed");
    if (crypto_init() != ERR_OK)
        return CLI_REFUSED;
    int code = container_senders(&cli, &by);
    if (code != CLI_DONE)
        return code;
    code = container_io_open(&cli, in_path, &f);
    if (code == CLI_DONE)
        code = container_open_run(&cli, &f, &by, out_path);
    container_io_close(&f);
    return code;
}

static void
container_member_sigs(struct canon *w, const struct sigs *sigs)
{
    canon_key(w, "signed_by");
    canon_array(w);
    for (size_t i = 0; i < sigs->count; i++)
        canon_hex(w, span_of(sigs->one[i].keyid, SIGN_KEYID_BYTES));
    canon_end(w);
}

static void
container_member_release(struct canon *w, const struct release *release)
{
    uint8_t hash[32];
    canon_key(w, "release");
    canon_object(w);
    if (release_hash(release, hash) == ERR_OK)
        canon_member_hex(w, "hash", span_of(hash, 32));
    canon_key(w, "recipients");
    canon_array(w);
    for (size_t i = 0; i < release->wrap_count; i++)
        canon_hex(w, span_of(release->wrap[i].recipient, SIGN_KEYID_BYTES));
    canon_end(w);
    container_member_sigs(w, &release->sigs);
    canon_member_span(w, "verdict", release->verdict);
    canon_end(w);
}

static void
container_member_seal(struct canon *w, const struct seal *seal)
{
    uint8_t hash[32];
    canon_key(w, "seal");
    canon_object(w);
    canon_key(w, "bytes");
    canon_u64_str(w, seal->plain_len);
    canon_key(w, "chunks");
    canon_u64_str(w, seal->chunk_count);
    if (seal_hash(seal, hash) == ERR_OK)
        canon_member_hex(w, "hash", span_of(hash, 32));
    canon_member_hex(w, "root", span_of(seal->root, 32));
    canon_key(w, "sealed_at");
    canon_u64_str(w, seal->sealed_at);
    container_member_sigs(w, &seal->sigs);
    canon_end(w);
}

static int
container_print_json(const struct container_file *f)
{
    static char buf[4 * OFFER_MANIFEST_MAX];
    struct canon w;
    struct span text;
    canon_init(&w, buf, sizeof(buf));
    canon_object(&w);
    canon_key(&w, "offer");
    canon_object(&w);
    canon_member_hex(&w, "hash", span_of(f->offer_hash, 32));
    canon_key(&w, "manifest");
    canon_raw(&w, f->offer.manifest);
    container_member_sigs(&w, &f->offer.sigs);
    canon_end(&w);
    if (f->has_receipt) {
        canon_key(&w, "receipt");
        canon_object(&w);
        container_member_sigs(&w, &f->receipt.sigs);
        canon_member_int(&w, "status", f->receipt.status);
        canon_end(&w);
    }
    if (f->has_release)
        container_member_release(&w, &f->release);
    if (f->has_seal)
        container_member_seal(&w, &f->seal);
    canon_member_str(&w, "suite", suite_info(f->suite)->name);
    canon_end(&w);
    if (canon_finish(&w, &text) != ERR_OK)
        return CLI_REFUSED;
    printf("%.*s\n", (int)text.len, (const char *)text.ptr);
    return CLI_DONE;
}

static void
container_print_hex(const char *name, const uint8_t *hash)
{
    char hex[65];
    if (text_hex(span_of(hash, 32), hex, sizeof(hex)) == ERR_OK)
        printf("  %-10s %s\n", name, hex);
}

static void
container_print_sigs(const struct sigs *sigs)
{
    for (size_t i = 0; i < sigs->count; i++)
        container_print_hex("signed by", sigs->one[i].keyid);
}

/* A verdict is the peer's text: printed only if it is plain ASCII, so that no terminal is driven.
 */
static void
container_print_text(const char *name, struct span text)
{
    printf("  %-10s ", name);
    for (size_t i = 0; i < text.len; i++)
        (void)putchar(text.ptr[i] >= 0x20 && text.ptr[i] < 0x7f ? text.ptr[i] : '?');
    (void)putchar('\n');
}

static void
container_print(const struct container_file *f)
{
    uint8_t hash[32];
    printf("suite %d (%s)\nOFFER\n", (int)f->suite, suite_info(f->suite)->name);
    container_print_hex("hash", f->offer_hash);
    container_print_text("manifest", f->offer.manifest);
    container_print_sigs(&f->offer.sigs);
    if (f->has_body)
        printf("BODY\n  bytes      %" PRIu64 "\n", f->body_len);
    if (f->has_seal && seal_hash(&f->seal, hash) == ERR_OK) {
        printf("SEAL\n");
        container_print_hex("hash", hash);
        container_print_hex("root", f->seal.root);
        printf("  plaintext  %" PRIu64 " bytes in %" PRIu64 " chunks\n  sealed at  %" PRIu64 "\n",
               f->seal.plain_len, f->seal.chunk_count, f->seal.sealed_at);
        container_print_sigs(&f->seal.sigs);
    }
    if (f->has_release && release_hash(&f->release, hash) == ERR_OK) {
        printf("RELEASE\n");
        container_print_hex("hash", hash);
        container_print_text("verdict", f->release.verdict);
        for (size_t i = 0; i < f->release.wrap_count; i++)
            container_print_hex("for", f->release.wrap[i].recipient);
        container_print_sigs(&f->release.sigs);
    }
    if (f->has_receipt) {
        printf("RECEIPT\n  status     %d\n", (int)f->receipt.status);
        container_print_sigs(&f->receipt.sigs);
    }
}

int
container_inspect_main(int argc, char **argv)
{
    static struct container_file f;
    struct cli cli;
    int at = 0;
    if (!cli_parse(argc, argv, "container inspect", &cli))
        return CLI_USAGE;
    if (cli_operand_count(&cli) != 1)
        return cli_usage(&cli, "give IN");
    if (crypto_init() != ERR_OK)
        return CLI_REFUSED;
    int code = container_io_open(&cli, cli_next_operand(&cli, &at), &f);
    if (code == CLI_DONE && cli_has(&cli, "--json"))
        code = container_print_json(&f);
    else if (code == CLI_DONE)
        container_print(&f);
    container_io_close(&f);
    return code;
}

int
container_verify_main(int argc, char **argv)
{
    static struct container_file f;
    struct container_senders by = {.count = 0};
    struct cli cli;
    int at = 0;
    if (!cli_parse(argc, argv, "container verify", &cli))
        return CLI_USAGE;
    if (cli_operand_count(&cli) != 1)
        return cli_usage(&cli, "give IN");
    if (crypto_init() != ERR_OK)
        return CLI_REFUSED;
    int code = container_senders(&cli, &by);
    if (code != CLI_DONE)
        return code;
    code = container_io_open(&cli, cli_next_operand(&cli, &at), &f);
    if (code == CLI_DONE && by.count > 0)
        code = container_signatures(&cli, &f, &by);
    if (code == CLI_DONE && f.has_body && !f.has_seal)
        code = container_io_refuse(&cli, &f, "BODY without SEAL", ERR_MISSING);
    if (code == CLI_DONE && f.has_seal)
        code = container_io_body(&cli, &f, NULL, NULL);
    if (code == CLI_DONE)
        printf("records, hashes and body agree; signatures %s\n",
               by.count > 0 ? "verify" : "not checked: no --sender given");
    container_io_close(&f);
    return code;
}
