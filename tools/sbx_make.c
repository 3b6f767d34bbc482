/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, authorities, certificates and profiles of a sandbox. */
#include <assert.h>
#include <stdio.h>

#include "crypto/key.h"
#include "tools/sbx.h"

enum { SBX_CERT_DAYS = 365, SBX_CA_DAYS = 3650 };

static enum err
sbx_write(const struct sbx *s, const char *path, unsigned mode, struct span bytes)
{
    char full[OUTDIR_PATH_MAX];
    TRY(outdir_path(full, s->dir, "%s", path));
    return outdir_write(full, mode, bytes);
}

/* A certificate of zone with its key, as <path>/cert.pem and key.pem. */
static enum err
sbx_leaf(const struct sbx *s, const struct sbx_zone *zone, const char *path,
         const char *common_name, const char *alt_names, unsigned uses)
{
    char file[OUTDIR_PATH_MAX];
    char cert[CERTMAKE_PEM_MAX];
    char key[CERTMAKE_PEM_MAX];
    enum err err = certmake_leaf(zone->ca, common_name, alt_names, uses, SBX_CERT_DAYS, cert, key);
    if (err == ERR_OK)
        err = outdir_path(file, s->dir, "%s/cert.pem", path);
    if (err == ERR_OK)
        err = outdir_write(file, 0644, span_str(cert));
    if (err == ERR_OK)
        err = outdir_path(file, s->dir, "%s/key.pem", path);
    if (err == ERR_OK)
        err = outdir_write(file, 0600, span_str(key));
    key_wipe(key, sizeof(key));
    return err;
}

/* A profile: cert.pem, key.pem, ca.pem, url; of operators and auditors also desk_url. */
static enum err
sbx_person(const struct sbx *s, const char *name, size_t zone_index, const char *role)
{
    const struct sbx_zone *zone = &s->zones[zone_index];
    char path[512];
    char alt[512];
    char url[128];
    int n = snprintf(path, sizeof(path), "%ss/%s", role, name);
    assert(n > 0 && (size_t)n < sizeof(path));
    n = snprintf(alt, sizeof(alt), "URI:spiffe://%s/%s/%s", zone->name, role, name);
    assert(n > 0 && (size_t)n < sizeof(alt));
    n = snprintf(url, sizeof(url), "https://%s:%u\n", zone->bind, (unsigned)zone->base_port);
    assert(n > 0 && (size_t)n < sizeof(url));
    TRY(sbx_leaf(s, zone, path, name, alt, CERTMAKE_CLIENT));
    char file[600];
    n = snprintf(file, sizeof(file), "%s/ca.pem", path);
    assert(n > 0 && (size_t)n < sizeof(file));
    TRY(sbx_write(s, file, 0644, span_str(zone->ca_pem)));
    n = snprintf(file, sizeof(file), "%s/url", path);
    assert(n > 0 && (size_t)n < sizeof(file));
    TRY(sbx_write(s, file, 0644, span_str(url)));
    if (strcmp(role, "partner") == 0)
        return ERR_OK;
    n = snprintf(url, sizeof(url), "https://%s:%u\n", zone->bind, (unsigned)zone->base_port + 2);
    assert(n > 0 && (size_t)n < sizeof(url));
    n = snprintf(file, sizeof(file), "%s/desk_url", path);
    assert(n > 0 && (size_t)n < sizeof(file));
    return sbx_write(s, file, 0644, span_str(url));
}

static enum err
sbx_operators(const struct sbx *s, size_t zone_index)
{
    const struct sbx_zone *zone = &s->zones[zone_index];
    for (size_t i = 0; i < SBX_OPERATORS; i++) {
        const struct sbx_operator *op = &zone->operators[i];
        char path[OUTDIR_PATH_MAX];
        TRY(sbx_person(s, op->name, zone_index, "operator"));
        TRY(outdir_path(path, s->dir, "operators/%s/sign.key", op->name));
        /* libsodium's secret key begins with the seed. */
        TRY(outdir_write(path, 0600, span_of(op->key.secret.bytes, SIGN_SEED_BYTES)));
    }
    return ERR_OK;
}

static enum err
sbx_vkey(const struct sbx_zone *zone, const char *suffix, const struct secret32 *seed, uint8_t type,
         struct note_key *ret)
{
    char name[NOTE_NAME_MAX + 1];
    struct sign_key key SIGN_KEY_CLEAN;
    TRY(sign_key_init(&key, seed->bytes));
    const int n = snprintf(name, sizeof(name), "%s/gw1/%s", zone->name, suffix);
    assert(n > 0 && (size_t)n < sizeof(name));
    return note_key_init(span_str(name), type, key.pub.pub, ret);
}

static enum err
sbx_keys(struct sbx *s, size_t zone_index, const char *half_year)
{
    struct sbx_zone *zone = &s->zones[zone_index];
    char path[OUTDIR_PATH_MAX];
#define SEED(name_)                                                       \
    key_random(zone->seeds.name_.bytes, 32);                              \
    TRY(outdir_path(path, s->dir, "%s/keys/" #name_ ".key", zone->name)); \
    TRY(outdir_write(path, 0600, span_of(zone->seeds.name_.bytes, 32)));
    SBX_SEEDS(SEED)
#undef SEED
    for (size_t i = 0; i < SBX_OPERATORS; i++) {
        struct sbx_operator *op = &zone->operators[i];
        struct secret32 seed SECRET32_CLEAN;
        key_random(seed.bytes, sizeof(seed.bytes));
        TRY(sign_key_init(&op->key, seed.bytes));
        const int n = snprintf(op->name, sizeof(op->name), "op-%s-%zu", zone->short_name, i + 1);
        assert(n > 0 && (size_t)n < sizeof(op->name));
        TRY(note_key_init(span_str(op->name), NOTE_ED25519, op->key.pub.pub, &op->vkey));
    }
    TRY(sbx_vkey(zone, half_year, &zone->seeds.log, NOTE_ED25519, &zone->log_vkey));
    return sbx_vkey(zone, "witness", &zone->seeds.witness, NOTE_COSIGNATURE, &zone->witness_vkey);
}

static enum err
sbx_authority(struct sbx *s, size_t zone_index)
{
    struct sbx_zone *zone = &s->zones[zone_index];
    char key[CERTMAKE_PEM_MAX];
    char name[128];
    char path[OUTDIR_PATH_MAX];
    char alt[512];
    int n = snprintf(name, sizeof(name), "TDZ sandbox CA %s", zone->name);
    assert(n > 0 && (size_t)n < sizeof(name));
    TRY(certmake_ca_new(name, SBX_CA_DAYS, &zone->ca));
    TRY(certmake_ca_pem(zone->ca, zone->ca_pem, key));
    enum err err = outdir_path(path, s->dir, "%s/ca/ca.key", zone->name);
    if (err == ERR_OK)
        err = outdir_write(path, 0600, span_str(key));
    key_wipe(key, sizeof(key));
    TRY(err);
    TRY(outdir_path(path, s->dir, "%s/ca/ca.pem", zone->name));
    TRY(outdir_write(path, 0644, span_str(zone->ca_pem)));
    const bool plain_ip = strcmp(zone->bind, "127.0.0.1") == 0;
    n = snprintf(alt, sizeof(alt), "DNS:localhost,IP:127.0.0.1%s%s,URI:spiffe://%s/peer/gw1",
                 plain_ip ? "" : ",IP:", plain_ip ? "" : zone->bind, zone->name);
    assert(n > 0 && (size_t)n < sizeof(alt));
    n = snprintf(name, sizeof(name), "%s/tls", zone->name);
    assert(n > 0 && (size_t)n < sizeof(name));
    TRY(sbx_leaf(s, zone, name, zone->name, alt, CERTMAKE_SERVER | CERTMAKE_CLIENT));
    /* The gateway's TLS key belongs to keeper's key set, not beside its certificate. */
    char from[OUTDIR_PATH_MAX];
    TRY(outdir_path(from, s->dir, "%s/tls/key.pem", zone->name));
    TRY(outdir_path(path, s->dir, "%s/keys/tls.key", zone->name));
    return rename(from, path) == 0 ? ERR_OK : ERR_IO;
}

static enum err
sbx_zone_make(struct sbx *s, size_t zone_index, const char *half_year)
{
    static const char *const folders[] = {"state", "state/spool", "log", "lists", "keys"};
    const struct sbx_zone *zone = &s->zones[zone_index];
    char path[OUTDIR_PATH_MAX];
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        TRY(outdir_path(path, s->dir, "%s/%s", zone->name, folders[i]));
        TRY(outdir_make(path, 0700));
    }
    TRY(sbx_keys(s, zone_index, half_year));
    TRY(sbx_authority(s, zone_index));
    TRY(sbx_operators(s, zone_index));
    TRY(sbx_files_config(s, zone_index));
    return sbx_files_register(s, zone_index);
}

enum err
sbx_make(struct sbx *sandbox)
{
    static const struct {
        const char *name;
        size_t zone;
        const char *role;
    } people[] = {
#define PERSON(name, zone, role) {name, zone, role},
        SBX_PEOPLE(PERSON)
#undef PERSON
    };
    assert(sandbox->zone_count >= 1 && sandbox->zone_count <= SBX_ZONES_MAX);
    for (size_t i = 0; i < sandbox->zone_count; i++)
        TRY(sbx_zone_make(sandbox, i, "2026h2"));
    for (size_t i = 0; i < sizeof(people) / sizeof(people[0]); i++) {
        if (people[i].zone >= sandbox->zone_count || strcmp(people[i].role, "operator") == 0)
            continue;
        TRY(sbx_person(sandbox, people[i].name, people[i].zone, people[i].role));
    }
    TRY(sbx_files_trust(sandbox));
    return sbx_corridor_write(sandbox);
}

void
sbx_make_finish(struct sbx *sandbox)
{
    for (size_t i = 0; i < sandbox->zone_count; i++) {
        struct sbx_zone *zone = &sandbox->zones[i];
        key_wipe(&zone->seeds, sizeof(zone->seeds));
        for (size_t k = 0; k < SBX_OPERATORS; k++)
            sign_key_wipe(&zone->operators[k].key);
        certmake_ca_free(zone->ca);
        zone->ca = NULL;
    }
}
