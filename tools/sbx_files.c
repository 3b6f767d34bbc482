/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON files of a sandbox: trust, configuration, corridor; and the signed register. */
#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/digest.h"
#include "crypto/filenote.h"
#include "crypto/x25519.h"
#include "policy/activation.h"
#include "schemas/canon.h"
#include "tools/cli.h"
#include "tools/notesign.h"
#include "tools/packs.h"
#include "tools/sbx.h"

enum { SBX_JSON_MAX = 256 * 1024 };
#define SBX_NOT_BEFORE INT64_C(1767225600) /* 2026-01-01 */
#define SBX_NOT_AFTER INT64_C(1924992000)  /* 2031-01-01 */

static enum err
sbx_save(const struct sbx *s, struct canon *w, const char *path, unsigned mode)
{
    char full[OUTDIR_PATH_MAX];
    struct span text;
    TRY(canon_finish(w, &text));
    TRY(outdir_path(full, s->dir, "%s", path));
    if (text.len == w->cap)
        return ERR_FULL;
    w->buf[text.len] = '\n';
    return outdir_write(full, mode, span_of(text.ptr, text.len + 1));
}

/* One row of keys. pub is raw. */
static enum err
sbx_trust_key(struct canon *w, const char *role, const char *alg, struct span pub, const char *name)
{
    uint8_t keyid[32];
    TRY(sign_keyid(pub, keyid));
    canon_object(w);
    canon_member_str(w, "alg", alg);
    canon_member_hex(w, "keyid", span_of(keyid, sizeof(keyid)));
    if (name != NULL)
        canon_member_str(w, "name", name);
    canon_member_int(w, "not_after", SBX_NOT_AFTER);
    canon_member_int(w, "not_before", SBX_NOT_BEFORE);
    canon_member_hex(w, "pub", pub);
    canon_member_str(w, "role", role);
    canon_member_str(w, "status", "active");
    canon_end(w);
    return ERR_OK;
}

static enum err
sbx_trust_zone(struct canon *w, const struct sbx_zone *zone)
{
    struct sign_key gateway SIGN_KEY_CLEAN;
    struct sign_key release SIGN_KEY_CLEAN;
    uint8_t kem[32];
    char vkey[NOTE_VKEY_MAX];
    TRY(sign_key_init(&gateway, zone->seeds.gateway.bytes));
    TRY(sign_key_init(&release, zone->seeds.release.bytes));
    TRY(x25519_public(&zone->seeds.kem, kem));
    canon_object(w);
    canon_member_str(w, "ca_pem", zone->ca_pem);
    canon_key(w, "keys");
    canon_array(w);
    TRY(sbx_trust_key(w, "gateway", "ed25519", span_of(gateway.pub.pub, 32), NULL));
    TRY(sbx_trust_key(w, "release", "ed25519", span_of(release.pub.pub, 32), NULL));
    TRY(sbx_trust_key(w, "kem", "x25519", span_of(kem, 32), NULL));
    for (size_t i = 0; i < SBX_OPERATORS; i++)
        TRY(sbx_trust_key(w, "operator", "ed25519", span_of(zone->operators[i].key.pub.pub, 32),
                          zone->operators[i].name));
    canon_end(w);
    canon_key(w, "logs");
    canon_array(w);
    TRY(note_key_text(&zone->log_vkey, vkey));
    canon_str(w, vkey);
    canon_end(w);
    canon_key(w, "witness");
    canon_array(w);
    TRY(note_key_text(&zone->witness_vkey, vkey));
    canon_str(w, vkey);
    canon_end(w);
    canon_end(w);
    return ERR_OK;
}

/* Indices of the zones in the order of their names, as canonical JSON wants its members. */
static void
sbx_order(const struct sbx *s, size_t order[static SBX_ZONES_MAX])
{
    for (size_t i = 0; i < s->zone_count; i++) {
        size_t at = i;
        for (; at > 0 && strcmp(s->zones[order[at - 1]].name, s->zones[i].name) > 0; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
}

enum err
sbx_files_trust(const struct sbx *s)
{
    size_t order[SBX_ZONES_MAX] = {0};
    struct canon w;
    char *buf = malloc(SBX_JSON_MAX);
    if (buf == NULL)
        return ERR_NOMEM;
    sbx_order(s, order);
    canon_init(&w, buf, SBX_JSON_MAX);
    canon_object(&w);
    canon_member_str(&w, "format", "tdz.trust/1");
    canon_key(&w, "quorum");
    canon_object(&w);
    /* Every zone's checkpoints need one other zone; with two zones, the peer. */
    for (size_t i = 0; i < s->zone_count; i++) {
        canon_key(&w, s->zones[order[i]].name);
        canon_array(&w);
        const size_t other = order[i] == 0 ? 1 : 0;
        if (s->zone_count > 1)
            canon_str(&w, s->zones[other].name);
        canon_end(&w);
    }
    canon_end(&w);
    canon_key(&w, "zones");
    canon_object(&w);
    enum err err = ERR_OK;
    for (size_t i = 0; i < s->zone_count && err == ERR_OK; i++) {
        canon_key(&w, s->zones[order[i]].name);
        err = sbx_trust_zone(&w, &s->zones[order[i]]);
    }
    canon_end(&w);
    canon_end(&w);
    if (err == ERR_OK)
        err = sbx_save(s, &w, "trust.json", 0644);
    free(buf);
    return err;
}

static void
sbx_listen(struct canon *w, const char *key, const struct sbx_zone *zone, unsigned offset)
{
    char address[128];
    /* Cleartext is for this host only. */
    const char *bind = strcmp(key, "plain") == 0 ? "127.0.0.1" : zone->bind;
    const int n = snprintf(address, sizeof(address), "%s:%u", bind, zone->base_port + offset);
    assert(n > 0 && (size_t)n < sizeof(address));
    canon_member_str(w, key, address);
}

enum err
sbx_files_config(const struct sbx *s, size_t zone_index)
{
    const struct sbx_zone *zone = &s->zones[zone_index];
    char buf[8192];
    char path[128];
    struct canon w;
    canon_init(&w, buf, sizeof(buf));
    canon_object(&w);
    canon_key(&w, "files");
    canon_object(&w);
    canon_member_str(&w, "certificate", "tls/cert.pem");
    canon_member_str(&w, "trust", "../trust.json");
    canon_member_str(&w, "vocabulary", "vocabulary.json");
    canon_end(&w);
    canon_key(&w, "folders");
    canon_object(&w);
    canon_member_str(&w, "agreements", "agreements");
    canon_member_str(&w, "keys", "keys");
    canon_member_str(&w, "lists", "lists");
    canon_member_str(&w, "log", "log");
    canon_member_str(&w, "partners", "partners");
    canon_member_str(&w, "policies", "policies");
    canon_member_str(&w, "spool", "state/spool");
    canon_member_str(&w, "state", "state");
    canon_end(&w);
    canon_member_str(&w, "format", "tdz.config/1");
    canon_member_str(&w, "gateway", "gw1");
    canon_key(&w, "listen");
    canon_object(&w);
    sbx_listen(&w, "desk", zone, 2);
    sbx_listen(&w, "partner", zone, 0);
    sbx_listen(&w, "peer", zone, 1);
    sbx_listen(&w, "plain", zone, 3);
    canon_end(&w);
    canon_member_str(&w, "origin", zone->log_vkey.name);
    canon_key(&w, "peers");
    canon_array(&w);
    for (size_t i = 0; i < s->zone_count; i++) {
        if (i == zone_index)
            continue;
        canon_object(&w);
        canon_member_str(&w, "gateway", "gw1");
        canon_member_str(&w, "host", s->zones[i].peer_host);
        canon_member_int(&w, "port", s->zones[i].peer_port);
        canon_member_str(&w, "zone", s->zones[i].name);
        canon_end(&w);
    }
    canon_end(&w);
    canon_member_str(&w, "pid_file", "pid");
    canon_member_str(&w, "zone", zone->name);
    canon_end(&w);
    const int n = snprintf(path, sizeof(path), "%s/config.json", zone->name);
    assert(n > 0 && (size_t)n < sizeof(path));
    return sbx_save(s, &w, path, 0644);
}

enum { SBX_LINES_MAX = SBX_OPERATORS * NOTE_LINE_MAX };

/* A note of text with a line of every operator of the zone, written to path and suffix. */
static enum err
sbx_note(const struct sbx_zone *zone, const char *path, const char *suffix, struct span text)
{
    char lines[SBX_LINES_MAX];
    char note[ACTIVATION_TEXT_MAX + SBX_LINES_MAX + 2];
    char note_path[OUTDIR_PATH_MAX];
    size_t lines_len = 0;
    size_t note_len = 0;
    for (size_t i = 0; i < SBX_OPERATORS; i++) {
        const struct sbx_operator *op = &zone->operators[i];
        TRY(notesign_add(&op->key, &op->vkey, text, lines, sizeof(lines), &lines_len));
    }
    TRY(note_join(text, span_of(lines, lines_len), note, sizeof(note), &note_len));
    const int n = snprintf(note_path, sizeof(note_path), "%s%s", path, suffix);
    if (n < 0 || (size_t)n >= sizeof(note_path))
        return ERR_TOO_LARGE;
    return outdir_write(note_path, 0644, span_of(note, note_len));
}

enum err
sbx_files_signed(const struct sbx_zone *zone, const char *path, const char *format,
                 struct span bytes)
{
    const char *slash = strrchr(path, '/');
    const struct span name = span_str(slash == NULL ? path : slash + 1);
    char text[FILENOTE_TEXT_MAX];
    size_t len = 0;
    TRY(filenote_text(format, name, bytes, text, &len));
    TRY(outdir_write(path, 0644, bytes));
    return sbx_note(zone, path, ".note", span_of(text, len));
}

/* The vocabulary of the zone, as it was written. */
static enum err
sbx_vocab(const struct sbx *s, const struct sbx_zone *zone, struct vocab *ret)
{
    char path[OUTDIR_PATH_MAX];
    char *bytes = NULL;
    size_t len = 0;
    uint8_t sha256[32];
    TRY(outdir_path(path, s->dir, "%s/vocabulary.json", zone->name));
    TRY(cli_read(path, JSON_BYTES_MAX, &bytes, &len));
    enum err err = digest_sha256(span_of(bytes, len), sha256);
    if (err == ERR_OK)
        err = vocab_read(ret, span_of(bytes, len), sha256, NULL);
    free(bytes);
    return err;
}

/* A policy with the activation of both operators, from before the sandbox on. One of another zone
 * is left out. */
static enum err
sbx_activated(const struct sbx *s, const struct sbx_zone *zone, const char *path, struct span bytes)
{
    struct activation a = {.activate_ms = SBX_NOT_BEFORE * 1000,
                           .author = span_str(zone->operators[0].name)};
    struct fault fault = {.code = ERR_OK};
    char text[ACTIVATION_TEXT_MAX];
    struct source doc;
    struct vocab v;
    size_t len = 0;
    bool is_ours = false;
    TRY(digest_sha256(bytes, a.policy));
    TRY(sbx_vocab(s, zone, &v));
    enum err err = source_read(&doc, &v, bytes, a.policy, &fault);
    if (err == ERR_OK) {
        a.id = doc.id;
        a.revision = doc.revision;
        a.zone = doc.zone;
        memcpy(a.vocabulary, v.sha256, 32);
        err = activation_text(&a, text, &len);
        is_ours = span_eq_str(doc.zone, zone->name);
        source_finish(&doc);
    } else {
        cli_fault(path, &fault);
    }
    vocab_finish(&v);
    TRY(err);
    if (!is_ours)
        return ERR_OK;
    TRY(outdir_write(path, 0644, bytes));
    return sbx_note(zone, path, ".activation", span_of(text, len));
}

static enum err
sbx_file(const struct sbx *s, const struct sbx_zone *zone, const char *path, const char *format,
         struct span bytes)
{
    return strcmp(format, "tdz.policy/1") == 0 ? sbx_activated(s, zone, path, bytes)
                                               : sbx_files_signed(zone, path, format, bytes);
}

/* Every *.json of an operator's own folder, signed into folder of the zone; a name that is there
 * already is replaced. */
static enum err
sbx_extra(const struct sbx *s, const struct sbx_zone *zone, const char *from, const char *folder,
          const char *format)
{
    char path[OUTDIR_PATH_MAX];
    if (from == NULL)
        return ERR_OK;
    DIR *dir = opendir(from);
    if (dir == NULL)
        return ERR_IO;
    enum err err = ERR_OK;
    for (struct dirent *e = readdir(dir); e != NULL && err == ERR_OK; e = readdir(dir)) {
        const size_t len = strlen(e->d_name);
        char *bytes = NULL;
        size_t bytes_len = 0;
        if (len < 6 || strcmp(e->d_name + len - 5, ".json") != 0)
            continue;
        err = outdir_path(path, from, "%s", e->d_name);
        if (err == ERR_OK)
            err = cli_read(path, 1 << 20, &bytes, &bytes_len);
        if (err == ERR_OK)
            err = outdir_path(path, s->dir, "%s/%s/%s", zone->name, folder, e->d_name);
        if (err == ERR_OK)
            err = sbx_file(s, zone, path, format, span_of(bytes, bytes_len));
        free(bytes);
    }
    (void)closedir(dir);
    return err;
}

enum err
sbx_files_register(const struct sbx *s, size_t zone_index)
{
    const struct sbx_zone *zone = &s->zones[zone_index];
    char path[OUTDIR_PATH_MAX];
    size_t count = 0;
    const struct pack *packs = packs_all(&count);
    /* Policies last: they are read with the vocabulary. */
    for (size_t i = 0; i < 2 * count; i++) {
        const struct pack *pack = &packs[i % count];
        const bool is_policy = strcmp(pack->format, "tdz.policy/1") == 0;
        /* A pack belongs to one zone, or to all when it names none. */
        if (is_policy != (i >= count) ||
            (pack->zone[0] != '\0' && strcmp(pack->zone, zone->name) != 0))
            continue;
        TRY(outdir_path(path, s->dir, "%s/%s/%s", zone->name, pack->folder, pack->name));
        TRY(sbx_file(s, zone, path, pack->format, span_of(pack->bytes, pack->len)));
    }
    TRY(sbx_extra(s, zone, s->extra_partners, "partners", "tdz.partner/1"));
    TRY(sbx_extra(s, zone, s->extra_agreements, "agreements", "tdz.agreement/1"));
    return sbx_extra(s, zone, s->extra_policies, "policies", "tdz.policy/1");
}
