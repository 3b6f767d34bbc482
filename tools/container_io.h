/* SPDX-License-Identifier: Apache-2.0 */
/* What the container commands share: key files, output that appears whole or not at all, and the
 * records of a container file. Everything prints its own reason on stderr. */
#ifndef TDZ_TOOLS_CONTAINER_IO_H
#define TDZ_TOOLS_CONTAINER_IO_H

#include "crypto/framing.h"
#include "crypto/offer.h"
#include "crypto/receipt.h"
#include "crypto/release.h"
#include "schemas/text.h"
#include "tools/cli.h"

enum { CONTAINER_IO_PATH_MAX = 4096 };

/* A key of 32 bytes: a file of 32 raw bytes, or of 64 hex digits and at most one newline. Returns
 * an exit code: CLI_DONE, CLI_USAGE (not a key), CLI_UNREACHABLE. */
int container_io_key(const struct cli *cli, const char *path, struct secret32 *ret);

/* A file written under a temporary name in the folder of path. */
struct container_out {
    int fd;
    const char *path; /* the caller's, kept */
    char temp[CONTAINER_IO_PATH_MAX];
};

/* CLI_DONE or CLI_UNREACHABLE. After CLI_DONE end it with publish or discard. */
int container_io_create(const struct cli *cli, const char *path, struct container_out *ret);
/* Makes the content durable, then gives it its name, replacing an older file. */
int container_io_publish(const struct cli *cli, struct container_out *out);
void container_io_discard(struct container_out *out);

/* Writes all of bytes; CLI_DONE or CLI_UNREACHABLE. */
int container_io_write(const struct cli *cli, struct container_out *out, struct span bytes);

/* Reads until buf is full or the file ends; false after printing the reason. */
bool container_io_read(const struct cli *cli, const char *path, int fd, uint8_t *buf, size_t cap,
                       size_t *ret_len);

/* A container file: its framing checked, its small records read and decoded, its body left on disk.
 * offer is always there; the others when has_* says so. */
struct container_file {
    const char *path;
    int fd;
    enum suite suite;
    struct json_doc manifest; /* memory of scratch */
    struct offer offer;
    uint8_t offer_hash[32];
    bool has_body;
    bool has_seal;
    bool has_release;
    bool has_receipt;
    uint64_t body_at;
    uint64_t body_len;
    uint8_t prefix[BODY_PREFIX_BYTES];
    struct seal seal;
    struct release release;
    struct receipt receipt;
    uint8_t *records; /* bytes that offer and release view */
    struct offer_scratch *scratch;
};

/* Opens and decodes path, a file (no pipe), and checks what needs no key: canonical manifest; one
 * suite in all records; SEAL of this OFFER and of a body of this length and prefix; RELEASE and
 * RECEIPT of this SEAL; verdict strict JSON. CLI_DONE, CLI_REFUSED or CLI_UNREACHABLE. The caller
 * closes it with container_io_close in any case. */
int container_io_open(const struct cli *cli, const char *path, struct container_file *ret);
void container_io_close(struct container_file *f);

/* Prints "PATH: WHAT: SENTENCE" and returns CLI_REFUSED. */
int container_io_refuse(const struct cli *cli, const struct container_file *f, const char *what,
                        enum err err);

/* Splits len bytes (at most a group) into sealed chunks; returns how many. */
size_t container_io_chunks(const uint8_t *bytes, size_t len, struct span ret_chunks[static 64]);

/* Called for each sealed chunk in order: index, bytes. */
typedef int (*container_io_each)(void *user, uint64_t index, struct span sealed);

/* Reads the body once, gives each chunk to each (may be NULL), and compares the root of the tree
 * with SEAL. CLI_DONE, CLI_REFUSED, CLI_UNREACHABLE, or what each returned other than CLI_DONE. */
int container_io_body(const struct cli *cli, const struct container_file *f, container_io_each each,
                      void *user);

#endif
