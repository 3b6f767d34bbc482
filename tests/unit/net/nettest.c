/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/net/nettest.h"

#include <stdio.h>
#include <stdlib.h>

static struct {
    const char *dir;
    unsigned next;
    uint8_t file[8][NETTEST_FILE_MAX];
} nettest;

static void
nettest_die(const char *what)
{
    fprintf(stderr, "nettest: %s\n", what);
    abort();
}

void
nettest_set_dir(const char *dir)
{
    nettest.dir = dir;
}

struct span
nettest_file(const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/%s", nettest.dir, name);
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        nettest_die(path);
    uint8_t *buf = nettest.file[nettest.next++ % 8];
    const size_t len = fread(buf, 1, NETTEST_FILE_MAX, f);
    (void)fclose(f);
    return span_of(buf, len);
}

static enum err
nettest_sign(void *ctx, struct span tbs, uint8_t *sig, size_t cap, size_t *ret_len)
{
    struct nettest_end *end = ctx;
    end->sign_count++;
    if (end->sign_err != ERR_OK)
        return end->sign_err;
    return tlssign_sign(end->key, end->sides, tbs, sig, cap, ret_len);
}

void
nettest_end_init(struct nettest_end *end, bool is_server, const char *stem, bool h2, bool http1,
                 uint64_t rekey_bytes)
{
    char name[256];
    memset(end, 0, sizeof(*end));
    if (tlskey_lib_new(&end->lib) != ERR_OK)
        nettest_die("no provider");
    (void)snprintf(name, sizeof(name), "%s.key", stem);
    if (tlssign_new(nettest_file(name), &end->key) != ERR_OK)
        nettest_die(name);
    end->sides = is_server ? TLSSIGN_SERVER : TLSSIGN_CLIENT;
    (void)snprintf(name, sizeof(name), "%s.pem", stem);
    const struct tlsctx_profile profile = {.lib = end->lib,
                                           .is_server = is_server,
                                           .cert_pem = nettest_file(name),
                                           .signer = {nettest_sign, end},
                                           .offer_h2 = h2,
                                           .offer_http1 = http1,
                                           .rekey_bytes = rekey_bytes};
    if (tlsctx_new(&profile, &end->ctx) != ERR_OK)
        nettest_die("no context");
}

void
nettest_trust(struct nettest_end *end, const char *zone, const char *crl_file)
{
    char name[256];
    (void)snprintf(name, sizeof(name), "%s/ca.pem", zone);
    const struct tlsctx_zone trust = {span_str(zone), nettest_file(name),
                                      crl_file == NULL ? span_of(NULL, 0) : nettest_file(crl_file)};
    if (tlsctx_trust(end->ctx, &trust, 1) != ERR_OK)
        nettest_die("no trust");
}

void
nettest_end_finish(struct nettest_end *end)
{
    tlsctx_free(end->ctx);
    tlssign_free(end->key);
    tlskey_lib_free(end->lib);
    memset(end, 0, sizeof(*end));
}

bool
nettest_move(struct tls *from, struct tls *to)
{
    bool moved = false;
    for (;;) {
        const struct span out = tls_out(from);
        uint8_t *ptr = NULL;
        size_t cap = 0;
        tls_in_room(to, &ptr, &cap);
        const size_t len = out.len < cap ? out.len : cap;
        if (len == 0)
            return moved;
        memcpy(ptr, out.ptr, len);
        tls_in_filled(to, len);
        tls_out_taken(from, len);
        moved = true;
    }
}

void
nettest_shake(struct tls *client, struct tls *server, enum err *ret_client, enum err *ret_server)
{
    *ret_client = ERR_AGAIN;
    *ret_server = ERR_AGAIN;
    for (int turn = 0; turn < 20; turn++) {
        if (*ret_client == ERR_AGAIN)
            *ret_client = tls_handshake(client);
        bool moved = nettest_move(client, server);
        if (*ret_server == ERR_AGAIN)
            *ret_server = tls_handshake(server);
        moved = nettest_move(server, client) || moved;
        if (!moved && *ret_client != ERR_AGAIN && *ret_server != ERR_AGAIN)
            return;
    }
}
