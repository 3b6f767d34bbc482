/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/net/tls.h"

#include "tests/test.h"
#include "tests/unit/net/nettest.h"

#define ZONE "my-cyberjaya"

static struct nettest_end server; /* the partner listener */
static struct nettest_end peer_server;
static struct nettest_end *listener = &server;
static struct tls *client_tls;
static struct tls *server_tls;

struct outcome {
    enum err client;
    enum err server;
    enum err read; /* what the client reads first after its own handshake */
    int alert;     /* as the client received it */
    enum err named;
    struct identity id;
};

/* One handshake of the client certificate stem against the partner listener. */
static struct outcome
meet(const char *stem)
{
    struct outcome o = {.alert = TLS_NO_ALERT};
    struct nettest_end client;
    nettest_end_init(&client, false, stem, true, true, 0);
    nettest_trust(&client, ZONE, NULL);
    CHECK_EQ(tls_new(client.ctx, NULL, "localhost", &client_tls), ERR_OK);
    CHECK_EQ(tls_new(server.ctx, NULL, NULL, &server_tls), ERR_OK);
    nettest_shake(client_tls, server_tls, &o.client, &o.server);
    uint8_t buf[64];
    size_t len = 0;
    o.read = tls_read(client_tls, buf, sizeof(buf), &len);
    o.alert = tls_alert_received(client_tls);
    o.named = o.server == ERR_OK ? tls_identity(server_tls, &o.id) : ERR_STATE;
    tls_free(client_tls);
    tls_free(server_tls);
    nettest_end_finish(&client);
    return o;
}

static void
check_alert(const char *stem, const char *alert)
{
    const struct outcome o = meet(stem);
    if (o.server != ERR_PROTOCOL || strcmp(tls_alert_text(o.alert), alert) != 0)
        printf("# %s: server %d, alert %s\n", stem, o.server, tls_alert_text(o.alert));
    CHECK_EQ(o.server, ERR_PROTOCOL);
    CHECK_EQ(o.read, ERR_PROTOCOL);
    CHECK(strcmp(tls_alert_text(o.alert), alert) == 0);
}

static void
check_nobody(const char *stem)
{
    const struct outcome o = meet(stem);
    if (o.server != ERR_OK || o.named != ERR_DENIED)
        printf("# %s: server %d, named %d\n", stem, o.server, o.named);
    CHECK_EQ(o.client, ERR_OK);
    CHECK_EQ(o.server, ERR_OK);
    CHECK_EQ(o.read, ERR_AGAIN);
    CHECK_EQ(o.named, ERR_DENIED);
    static const uint8_t zeros[IDENTITY_FINGERPRINT_LEN];
    CHECK(memcmp(o.id.fingerprint, zeros, sizeof(zeros)) != 0);
}

/* A connected pair of peers: my-cyberjaya's listener and a client with stem. */
static void
connect_pair(struct nettest_end *client, const char *stem, const char *expect)
{
    enum err c = ERR_BUG;
    enum err s = ERR_BUG;
    nettest_end_init(client, false, stem, true, true, 0);
    nettest_trust(client, ZONE, NULL);
    CHECK_EQ(tls_new(client->ctx, expect, NULL, &client_tls), ERR_OK);
    CHECK_EQ(tls_new(server.ctx, NULL, NULL, &server_tls), ERR_OK);
    nettest_shake(client_tls, server_tls, &c, &s);
    CHECK_EQ(c, ERR_OK);
    CHECK_EQ(s, ERR_OK);
}

static void
drop_pair(struct nettest_end *client)
{
    tls_free(client_tls);
    tls_free(server_tls);
    nettest_end_finish(client);
}

/* Sends total bytes of a known pattern; returns how many arrived as sent. */
static uint64_t
carry(struct tls *from, struct tls *to, uint64_t total)
{
    static uint8_t block[100000];
    static uint8_t got[70000];
    for (size_t i = 0; i < sizeof(block); i++)
        block[i] = (uint8_t)(i * 31 + 7);
    uint64_t sent = 0;
    uint64_t good = 0;
    while (good < total) {
        const size_t at = (size_t)(sent % sizeof(block));
        size_t want = sizeof(block) - at;
        if (want > total - sent)
            want = (size_t)(total - sent);
        size_t len = 0;
        if (want > 0 && tls_write(from, span_of(block + at, want), &len) == ERR_OK)
            sent += len;
        (void)nettest_move(from, to);
        size_t n = 0;
        while (tls_read(to, got, sizeof(got), &n) == ERR_OK) {
            for (size_t i = 0; i < n; i++, good++) {
                if (got[i] != block[good % sizeof(block)])
                    return good;
            }
            (void)nettest_move(from, to);
        }
        (void)nettest_move(to, from);
        if (tls_read(from, got, sizeof(got), &n) != ERR_AGAIN)
            return good;
    }
    return good;
}

static void
test_identity_and_alerts(void)
{
    TEST("a registered partner is named, with the fingerprint of its certificate")
    {
        const struct outcome o = meet("partners/hospital-kl");
        CHECK_EQ(o.client, ERR_OK);
        CHECK_EQ(o.server, ERR_OK);
        CHECK_EQ(o.named, ERR_OK);
        CHECK_EQ(o.id.role, IDENTITY_PARTNER);
        CHECK(strcmp(o.id.name, "hospital-kl") == 0 && strcmp(o.id.zone, ZONE) == 0);
    }
    TEST("a thousand other names do not hide the one URI")
    {
        const struct outcome o = meet("bad/san-1000");
        CHECK_EQ(o.named, ERR_OK);
        CHECK(strcmp(o.id.name, "hospital-kl") == 0);
    }
    TEST("each certificate that fails gets the alert of the contract")
    {
        check_alert("bad/expired", "certificate_expired");
        check_alert("bad/other-ca-leaf", "unknown_ca");
        check_alert("bad/other-zone-ca", "unknown_ca");
        check_alert("bad/self-signed", "unknown_ca");
        check_alert("bad/issuer-not-ca", "unknown_ca");
        check_alert("bad/not-yet-valid", "bad_certificate");
        check_alert("bad/eku-server", "unsupported_certificate");
    }
    TEST("a certificate that names nobody completes the handshake")
    {
        static const char *const stems[] = {
            "bad/san-none",     "bad/san-no-uri",     "bad/san-two-uris", "bad/san-uri-twice",
            "bad/san-escape",   "bad/san-upper-case", "bad/san-query",    "bad/san-slash",
            "bad/san-userinfo", "bad/san-http",       "bad/role-unknown", "bad/other-zone-san"};
        for (size_t i = 0; i < sizeof(stems) / sizeof(stems[0]); i++)
            check_nobody(stems[i]);
    }
}

static void
test_revocation(void)
{
    TEST("a revocation list refuses the revoked, takes effect at once, and is replaced whole")
    {
        struct nettest_end client;
        connect_pair(&client, "bad/revoked", NULL);
        CHECK_EQ(tls_recheck(server_tls), ERR_OK);
        nettest_trust(&server, ZONE, "bad/crl.pem");
        CHECK_EQ(tls_recheck(server_tls), ERR_DENIED);
        drop_pair(&client);
        check_alert("bad/revoked", "certificate_revoked");
        CHECK_EQ(meet("partners/hospital-kl").named, ERR_OK);
        nettest_trust(&server, ZONE, ZONE "/crl.pem");
        CHECK_EQ(meet("bad/revoked").server, ERR_OK);
    }
    TEST("trust that is wrong is refused and the old trust stays in force")
    {
        const struct span ca = nettest_file(ZONE "/ca.pem");
        const struct span other = nettest_file("cn-lingang/ca.pem");
        const struct span crl = nettest_file("cn-lingang/crl.pem");
        const struct span none = span_of(NULL, 0);
        const struct tlsctx_zone junk = {SPAN_LIT("z"), SPAN_LIT("junk"), none};
        const struct tlsctx_zone wrong_crl = {SPAN_LIT("z"), ca, crl};
        const struct tlsctx_zone bad_crl = {SPAN_LIT("z"), ca, SPAN_LIT("junk")};
        const struct tlsctx_zone no_name = {none, ca, none};
        const struct tlsctx_zone twice[] = {{SPAN_LIT("a"), ca, none}, {SPAN_LIT("b"), ca, none}};
        const struct tlsctx_zone same[] = {{SPAN_LIT("a"), ca, none}, {SPAN_LIT("a"), other, none}};
        const struct tlsctx_zone half[] = {{SPAN_LIT("a"), ca, none}, {SPAN_LIT("b"), other, crl}};
        CHECK_EQ(tlsctx_trust(server.ctx, &junk, 1), ERR_SYNTAX);
        CHECK_EQ(tlsctx_trust(server.ctx, &bad_crl, 1), ERR_SYNTAX);
        CHECK_EQ(tlsctx_trust(server.ctx, &wrong_crl, 1), ERR_CONFIG);
        CHECK_EQ(tlsctx_trust(server.ctx, &no_name, 1), ERR_CONFIG);
        CHECK_EQ(tlsctx_trust(server.ctx, twice, 2), ERR_CONFIG);
        CHECK_EQ(tlsctx_trust(server.ctx, same, 2), ERR_CONFIG);
        CHECK_EQ(tlsctx_trust(server.ctx, half, 2), ERR_CONFIG);
        CHECK_EQ(tlsctx_trust(server.ctx, twice, 0), ERR_CONFIG);
        CHECK_EQ(tlsctx_trust(server.ctx, twice, TLSCTX_ZONES_MAX + 1), ERR_CONFIG);
        CHECK_EQ(meet("partners/hospital-kl").named, ERR_OK);
    }
    TEST("of two trusted zones neither authority can make a name in the other")
    {
        const struct span none = span_of(NULL, 0);
        const struct tlsctx_zone both[] = {
            {SPAN_LIT(ZONE), nettest_file(ZONE "/ca.pem"), none},
            {SPAN_LIT("cn-lingang"), nettest_file("cn-lingang/ca.pem"), none}};
        CHECK_EQ(tlsctx_trust(server.ctx, both, 2), ERR_OK);
        CHECK_EQ(meet("partners/lab-shanghai").named, ERR_OK);
        CHECK_EQ(meet("partners/hospital-kl").named, ERR_OK);
        check_nobody("bad/other-zone-ca");
        check_nobody("bad/other-zone-san");
        nettest_trust(&server, ZONE, NULL);
    }
}

static void
test_key_elsewhere(void)
{
    struct nettest_end client;
    TEST("the private key is asked for exactly one signature a handshake")
    {
        const unsigned before = server.sign_count;
        connect_pair(&client, "partners/hospital-kl", NULL);
        CHECK_EQ(server.sign_count, before + 1);
        CHECK_EQ(client.sign_count, 1);
        CHECK(strcmp(tls_group(server_tls), "none") != 0);
        CHECK(strncmp(tls_cipher(server_tls), "TLS_", 4) == 0);
        drop_pair(&client);
    }
    TEST("a signer that refuses fails the handshake")
    {
        server.sign_err = ERR_TIMEOUT;
        const struct outcome o = meet("partners/hospital-kl");
        CHECK_EQ(o.server, ERR_PROTOCOL);
        CHECK(o.client != ERR_OK);
        server.sign_err = ERR_OK;
        server.sides = TLSSIGN_CLIENT; /* a key that may not speak for a server */
        CHECK_EQ(meet("partners/hospital-kl").server, ERR_PROTOCOL);
        server.sides = TLSSIGN_SERVER;
    }
    TEST("a certificate that cannot be used is refused at set-up")
    {
        struct tlsctx *ctx = NULL;
        struct tlsctx_profile p = {.lib = server.lib, .is_server = true, .offer_h2 = true};
        p.cert_pem = SPAN_LIT("junk");
        CHECK_EQ(tlsctx_new(&p, &ctx), ERR_SYNTAX);
        p.cert_pem = SPAN_LIT("-----BEGIN CERTIFICATE-----\n"
                              "MIIBNTCB6KADAgECAhRW2zJxVTrr8V7sIoHiVjw1fRh4CTAFBgMrZXAwDzENMAsG\n"
                              "-----END CERTIFICATE-----\n");
        CHECK_EQ(tlsctx_new(&p, &ctx), ERR_SYNTAX);
    }
}

static void
test_stream(void)
{
    struct nettest_end client;
    TEST("bytes cross unchanged both ways, more than all buffers hold")
    {
        connect_pair(&client, "partners/hospital-kl", NULL);
        CHECK_EQ(carry(client_tls, server_tls, 3000001), 3000001);
        CHECK_EQ(carry(server_tls, client_tls, 3000001), 3000001);
        drop_pair(&client);
    }
    TEST("a writer is stopped when nothing is taken away, and goes on afterwards")
    {
        static uint8_t block[TLS_OUT_BYTES * 2];
        size_t len = 0;
        connect_pair(&client, "partners/hospital-kl", NULL);
        CHECK_EQ(tls_write(client_tls, span_of(block, sizeof(block)), &len), ERR_OK);
        CHECK(len < sizeof(block) && !tls_can_write(client_tls));
        CHECK_EQ(tls_write(client_tls, span_of(block, 1), &len), ERR_AGAIN);
        (void)nettest_move(client_tls, server_tls);
        CHECK(tls_can_write(client_tls));
        drop_pair(&client);
    }
    TEST("a clean close is told from a cut")
    {
        uint8_t buf[16];
        size_t len = 0;
        connect_pair(&client, "partners/hospital-kl", NULL);
        CHECK_EQ(tls_read(server_tls, buf, sizeof(buf), &len), ERR_AGAIN);
        tls_close(client_tls);
        CHECK_EQ(tls_write(client_tls, SPAN_LIT("x"), &len), ERR_CLOSED);
        (void)nettest_move(client_tls, server_tls);
        tls_in_eof(server_tls);
        CHECK_EQ(tls_read(server_tls, buf, sizeof(buf), &len), ERR_CLOSED);
        drop_pair(&client);

        connect_pair(&client, "partners/hospital-kl", NULL);
        CHECK_EQ(tls_write(client_tls, SPAN_LIT("half"), &len), ERR_OK);
        (void)nettest_move(client_tls, server_tls);
        tls_in_eof(server_tls);
        CHECK_EQ(tls_read(server_tls, buf, sizeof(buf), &len), ERR_OK);
        CHECK_EQ(len, 4);
        CHECK_EQ(tls_read(server_tls, buf, sizeof(buf), &len), ERR_SHORT);
        drop_pair(&client);
    }
    TEST("a cut in the middle of a record is a cut, and a changed byte breaks the connection")
    {
        uint8_t buf[16];
        size_t len = 0;
        for (int flip = 0; flip < 2; flip++) {
            connect_pair(&client, "partners/hospital-kl", NULL);
            CHECK_EQ(tls_write(client_tls, SPAN_LIT("halfhalf"), &len), ERR_OK);
            const struct span out = tls_out(client_tls);
            uint8_t *ptr = NULL;
            size_t cap = 0;
            tls_in_room(server_tls, &ptr, &cap);
            const size_t take = flip != 0 ? out.len : out.len - 1;
            memcpy(ptr, out.ptr, take);
            if (flip != 0)
                ptr[take - 1] ^= 1;
            tls_in_filled(server_tls, take);
            tls_in_eof(server_tls);
            CHECK_EQ(tls_read(server_tls, buf, sizeof(buf), &len),
                     flip != 0 ? ERR_PROTOCOL : ERR_SHORT);
            CHECK_EQ(tls_alert_sent(server_tls) != TLS_NO_ALERT, flip != 0);
            drop_pair(&client);
        }
    }
}

static void
test_rekey(void)
{
    struct nettest_end client;
    enum err c = ERR_BUG;
    enum err s = ERR_BUG;
    TEST("keys are renewed after the configured number of bytes, without a break")
    {
        nettest_end_init(&client, false, "partners/hospital-kl", true, true, 1 << 20);
        nettest_trust(&client, ZONE, NULL);
        CHECK_EQ(tls_new(client.ctx, NULL, NULL, &client_tls), ERR_OK);
        CHECK_EQ(tls_new(server.ctx, NULL, NULL, &server_tls), ERR_OK);
        nettest_shake(client_tls, server_tls, &c, &s);
        CHECK_EQ(carry(client_tls, server_tls, 5 << 20), 5 << 20);
        CHECK_EQ(tls_rekeys(client_tls), 4);
        CHECK_EQ(carry(server_tls, client_tls, 100000), 100000);
        drop_pair(&client);
    }
    TEST("a peer that renews keys for nothing is cut off")
    {
        nettest_end_init(&client, false, "partners/hospital-kl", true, true, 1);
        nettest_trust(&client, ZONE, NULL);
        CHECK_EQ(tls_new(client.ctx, NULL, NULL, &client_tls), ERR_OK);
        CHECK_EQ(tls_new(server.ctx, NULL, NULL, &server_tls), ERR_OK);
        nettest_shake(client_tls, server_tls, &c, &s);
        enum err err = ERR_AGAIN;
        int writes = 0;
        while (writes < 100 && (err == ERR_AGAIN || err == ERR_OK)) {
            uint8_t buf[64];
            size_t len = 0;
            CHECK_EQ(tls_write(client_tls, SPAN_LIT("x"), &len), ERR_OK);
            (void)nettest_move(client_tls, server_tls);
            err = tls_read(server_tls, buf, sizeof(buf), &len);
            (void)nettest_move(server_tls, client_tls);
            CHECK(tls_read(client_tls, buf, sizeof(buf), &len) != ERR_OK);
            writes++;
        }
        CHECK_EQ(err, ERR_PROTOCOL);
        CHECK_EQ(writes, 18);
        drop_pair(&client);
    }
}

static void
shake_alpn(bool client_h2, bool client_h1, enum err *ret_server, bool *ret_h2, int *ret_alert)
{
    struct nettest_end client;
    enum err c = ERR_BUG;
    nettest_end_init(&client, false, "partners/hospital-kl", client_h2, client_h1, 0);
    nettest_trust(&client, ZONE, NULL);
    CHECK_EQ(tls_new(client.ctx, NULL, NULL, &client_tls), ERR_OK);
    CHECK_EQ(tls_new(listener->ctx, NULL, NULL, &server_tls), ERR_OK);
    nettest_shake(client_tls, server_tls, &c, ret_server);
    *ret_h2 = *ret_server == ERR_OK && tls_is_h2(server_tls);
    *ret_alert = tls_alert_sent(server_tls);
    drop_pair(&client);
}

static void
test_alpn_and_peer(void)
{
    enum err s = ERR_BUG;
    bool h2 = false;
    int alert = 0;
    TEST("h2 is preferred, http/1.1 is served, and no common protocol is an alert")
    {
        shake_alpn(true, true, &s, &h2, &alert);
        CHECK(s == ERR_OK && h2);
        shake_alpn(false, true, &s, &h2, &alert);
        CHECK(s == ERR_OK && !h2);
        listener = &peer_server;
        shake_alpn(false, true, &s, &h2, &alert);
        CHECK_EQ(s, ERR_PROTOCOL);
        CHECK(strcmp(tls_alert_text(alert), "no_application_protocol") == 0);
        listener = &server;
    }
    TEST("a corridor client accepts the peer of its zone and no other server of that zone")
    {
        struct nettest_end client;
        enum err c = ERR_BUG;
        nettest_trust(&peer_server, "cn-lingang", NULL);
        nettest_trust(&server, "cn-lingang", NULL);
        nettest_end_init(&client, false, "cn-lingang/peer", true, false, 0);
        nettest_trust(&client, ZONE, NULL);
        for (int i = 0; i < 3; i++) {
            struct nettest_end *far = i == 2 ? &server : &peer_server;
            CHECK_EQ(tls_new(client.ctx, i == 1 ? "my-perlis" : ZONE, NULL, &client_tls), ERR_OK);
            CHECK_EQ(tls_new(far->ctx, NULL, NULL, &server_tls), ERR_OK);
            nettest_shake(client_tls, server_tls, &c, &s);
            CHECK_EQ(c, i == 0 ? ERR_OK : ERR_DENIED);
            tls_free(client_tls);
            tls_free(server_tls);
        }
        nettest_end_finish(&client);
        nettest_trust(&server, ZONE, NULL);
    }
    TEST("bytes that are no TLS end the handshake with an alert, and an early end is a cut")
    {
        CHECK_EQ(tls_new(server.ctx, NULL, NULL, &server_tls), ERR_OK);
        uint8_t *ptr = NULL;
        size_t cap = 0;
        tls_in_room(server_tls, &ptr, &cap);
        CHECK_EQ(cap, TLS_IN_BYTES);
        memcpy(ptr, "GET / HTTP/1.1\r\n", 16);
        tls_in_filled(server_tls, 16);
        CHECK_EQ(tls_in_pending(server_tls), 16);
        CHECK_EQ(tls_handshake(server_tls), ERR_PROTOCOL);
        CHECK_EQ(tls_handshake(server_tls), ERR_PROTOCOL);
        struct identity id;
        CHECK_EQ(tls_identity(server_tls, &id), ERR_DENIED);
        CHECK_EQ(tls_recheck(server_tls), ERR_DENIED);
        tls_free(server_tls);
        CHECK_EQ(tls_new(server.ctx, NULL, NULL, &server_tls), ERR_OK);
        tls_in_eof(server_tls);
        CHECK_EQ(tls_handshake(server_tls), ERR_SHORT);
        tls_free(server_tls);
    }
}

int
main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    nettest_set_dir(argv[1]);
    nettest_end_init(&server, true, ZONE "/partner", true, true, 0);
    nettest_trust(&server, ZONE, NULL);
    nettest_end_init(&peer_server, true, ZONE "/peer", true, false, 0);
    nettest_trust(&peer_server, ZONE, NULL);
    test_identity_and_alerts();
    test_revocation();
    test_key_elsewhere();
    test_stream();
    test_rekey();
    test_alpn_and_peer();
    nettest_end_finish(&peer_server);
    nettest_end_finish(&server);
    return test_end();
}
