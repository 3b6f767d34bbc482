/* SPDX-License-Identifier: Apache-2.0 */
/* A whole corridor on one host: zones, their authorities, keys, trust, policies, agreements,
 * partners and people, written below one folder. Spec: cli.md, tdz sandbox. */
#ifndef TDZ_TOOLS_SBX_H
#define TDZ_TOOLS_SBX_H

#include "crypto/certmake.h"
#include "crypto/note.h"
#include "crypto/sign.h"
#include "tools/outdir.h"

enum { SBX_ZONES_MAX = 4, SBX_OPERATORS = 2, SBX_PORTS = 4 };
enum { SBX_BASE_PORT = 18440, SBX_PORT_STEP = 10 };

/* Seeds of a gateway's key set; file names in keys/ are these with ".key". */
#define SBX_SEEDS(SEED) \
    SEED(gateway)       \
    SEED(release) SEED(log) SEED(witness) SEED(kem) SEED(storage) SEED(counting) SEED(token)

struct sbx_seeds {
#define SEED(name) struct secret32 name;
    SBX_SEEDS(SEED)
#undef SEED
};

struct sbx_operator {
    char name[32]; /* op-my-1 */
    struct sign_key key;
    struct note_key vkey;
};

struct sbx_zone {
    char name[64];
    char short_name[8]; /* my */
    uint16_t base_port; /* partner +0, peer +1, desk +2, plain +3 */
    char bind[64];
    char peer_host[256]; /* how others reach its peer listener */
    uint16_t peer_port;
    struct certmake_ca *ca;
    char ca_pem[CERTMAKE_PEM_MAX];
    struct sbx_seeds seeds;
    struct sbx_operator operators[SBX_OPERATORS];
    struct note_key log_vkey;
    struct note_key witness_vkey;
};

struct sbx {
    char dir[OUTDIR_PATH_MAX];    /* absolute */
    const char *extra_agreements; /* folders of more files, or NULL */
    const char *extra_policies;
    const char *extra_partners;
    size_t zone_count;
    struct sbx_zone zones[SBX_ZONES_MAX];
};

/* Writes all material of every zone. ERR_IO, ERR_CRYPTO, ERR_NOMEM, ERR_FULL. */
MUST_USE enum err sbx_make(struct sbx *sandbox);
/* Wipes keys and frees authorities. */
void sbx_make_finish(struct sbx *sandbox);

/* corridor.json, from zones, packs and ports. */
MUST_USE enum err sbx_corridor_write(const struct sbx *sandbox);
/* trust.json of all zones, once at the root. */
MUST_USE enum err sbx_files_trust(const struct sbx *sandbox);
/* config.json of one zone. */
MUST_USE enum err sbx_files_config(const struct sbx *sandbox, size_t zone);
/* Policies, lists, agreements, partners and vocabulary of one zone, each with its note. */
MUST_USE enum err sbx_files_register(const struct sbx *sandbox, size_t zone);
/* Signs a file of the register for all operators of a zone and writes <path>.note. */
MUST_USE enum err sbx_files_signed(const struct sbx_zone *zone, const char *path,
                                   const char *format, struct span bytes);

/* People and partners of the sandbox: PERSON(name, zone index, role). */
#define SBX_PEOPLE(PERSON)               \
    PERSON("hospital-kl", 0, "partner")  \
    PERSON("carmaker-my", 0, "partner")  \
    PERSON("insurer-kl", 0, "partner")   \
    PERSON("lab-shanghai", 1, "partner") \
    PERSON("carmaker-sh", 1, "partner")  \
    PERSON("insurer-sh", 1, "partner")   \
    PERSON("op-my-1", 0, "operator")     \
    PERSON("op-my-2", 0, "operator")     \
    PERSON("op-cn-1", 1, "operator")     \
    PERSON("op-cn-2", 1, "operator")     \
    PERSON("auditor-my", 0, "auditor")   \
    PERSON("auditor-cn", 1, "auditor")

/* Gateways of a sandbox that is written: start, stop, look. Exit codes of cli.h. */
int sbx_run_start(const char *dir, const char *only_zone);
int sbx_run_stop(const char *dir, const char *only_zone);
int sbx_run_status(const char *dir);

#endif
