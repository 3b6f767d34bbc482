/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of gateway/net share: certificates from files, signers, and two TLS ends in one
 * process joined by copying bytes. */
#ifndef TDZ_TESTS_UNIT_NET_NETTEST_H
#define TDZ_TESTS_UNIT_NET_NETTEST_H

#include "crypto/tlssign.h"
#include "gateway/net/tls.h"

enum { NETTEST_FILE_MAX = 128 * 1024 };

/* The folder make.sh wrote; kept by reference. */
void nettest_set_dir(const char *dir);
/* Reads dir/name into static memory that the next eight calls leave alone; aborts when absent. */
struct span nettest_file(const char *name);

/* A TLS end: key holder and context. name is a stem below the certificates' folder; ca lists
 * zones as "zone" names separated by spaces, each trusting its own ca.pem. */
struct nettest_end {
    struct tlskey_lib *lib;
    struct tlssign_key *key;
    unsigned sides;
    unsigned sign_count;
    enum err sign_err; /* forced failure when not ERR_OK */
    struct tlsctx *ctx;
};
void nettest_end_init(struct nettest_end *end, bool is_server, const char *stem, bool h2,
                      bool http1, uint64_t rekey_bytes);
void nettest_trust(struct nettest_end *end, const char *zone, const char *crl_file);
void nettest_end_finish(struct nettest_end *end);

/* Moves all waiting ciphertext from one end into the other; true if any moved. */
bool nettest_move(struct tls *from, struct tls *to);
/* Shakes hands until both are done or fail; the last results of either. */
void nettest_shake(struct tls *client, struct tls *server, enum err *ret_client,
                   enum err *ret_server);

#endif
