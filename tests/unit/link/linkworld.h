/* SPDX-License-Identifier: Apache-2.0 */
/* Both ends of a corridor in one process: outbound and inbound engines, TLS and HTTP/2 between them
 * over a socketpair, and a clerk and a ledger played by the test. */
#ifndef TDZ_TESTS_UNIT_LINK_LINKWORLD_H
#define TDZ_TESTS_UNIT_LINK_LINKWORLD_H

#include "gateway/link/corridor_conn.h"
#include "gateway/link/inbound.h"
#include "gateway/link/intake.h"
#include "gateway/link/outbound.h"
#include "tests/unit/net/nettest.h"

#define LINKWORLD_HERE "my-cyberjaya"
#define LINKWORLD_THERE "cn-lingang"

enum { LINKWORLD_ASKED_MAX = 64, LINKWORLD_STAGES_MAX = 4096 };

struct linkworld_asked {
    struct inbound_request *request;
    uint8_t what; /* enum corridor_kind; 0: ledger, 100: log */
    size_t len;
    uint8_t body[4096];
};

struct linkworld {
    struct nettest_end here; /* the exporting gateway, a client */
    struct nettest_end there;
    struct outbound *out;
    struct inbound *in;
    struct corridor_conn *client;
    struct conn *server;
    struct h2server_budget budget;
    int fds[2];
    int64_t now;
    bool is_begun;
    /* the dataset */
    uint8_t transfer[16];
    uint8_t offer_hash[32];
    uint8_t seal[1024];
    size_t seal_len;
    uint8_t root[32];
    uint64_t body_len;
    uint64_t groups;
    int body_fd;
    int groups_fd;
    /* the other zone's clerk */
    int import_body;
    int import_groups;
    bool has_offer;
    bool refuses;    /* 403 with a parcel */
    bool is_done;    /* BODY_STATE complete came */
    uint64_t held;   /* of the last BODY_STATE */
    bool clerk_dumb; /* does not answer */
    struct linkworld_asked asked[LINKWORLD_ASKED_MAX];
    size_t asked_count;
    unsigned in_count[6]; /* CORRIDOR_IN by kind */
    unsigned ended;       /* hostile connections */
    enum err ended_why;
    unsigned disk_failures;
    char log_path[128];
    char witness_path[128];
    /* our clerk */
    uint8_t stages[LINKWORLD_STAGES_MAX];
    size_t stage_count;
    uint64_t acked;
    uint8_t parcel[64];
    size_t parcel_len;
    char detail[128];
    struct p_parcel_sent sent;
    unsigned sent_count;
    unsigned witness_count;
    uint16_t witness_status;
    uint8_t answer[4096];
    size_t answer_len;
    enum err client_end; /* how the last connection ended at the client */
    unsigned up_count;
    unsigned down_count;
};

void linkworld_init(struct linkworld *w, const char *certs);
void linkworld_finish(struct linkworld *w);
/* A dataset of so many plaintext bytes, its SEAL and its files; forgets the one before. */
void linkworld_dataset(struct linkworld *w, uint64_t plain_len);
void linkworld_connect(struct linkworld *w);
void linkworld_cut(struct linkworld *w);
void linkworld_forward(struct linkworld *w, bool has_go);
/* Other certificates from now on: stems of the certificates' folder; NULL keeps the present one. */
void linkworld_certificates(struct linkworld *w, const char *here, const char *there);
/* One turn of everybody; false when nothing is left to do. */
bool linkworld_turn(struct linkworld *w);
void linkworld_run(struct linkworld *w);
bool linkworld_has_stage(const struct linkworld *w, enum forward_stage stage);
/* The import's body is byte for byte the export's. */
bool linkworld_is_same(const struct linkworld *w);
/* A request of ours beside the outbound engine, as a hostile peer would make it; returns its
 * status after the run, 0 when the connection ended. */
uint16_t linkworld_request(struct linkworld *w, enum http_method method, const char *target,
                           struct span body, const char *versions);

#endif
