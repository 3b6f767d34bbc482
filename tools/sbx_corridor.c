/* SPDX-License-Identifier: Apache-2.0 */
/* corridor.json: where everything of a sandbox is, for people and tests; and its reading back. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "schemas/canon.h"
#include "tools/cli.h"
#include "tools/packs.h"
#include "tools/sbx.h"

enum { CORRIDOR_MAX = 256 * 1024 };

static void
corridor_path(const struct sbx *s, struct canon *w, const char *key, const char *suffix,
              const char *name)
{
    char relative[512];
    char path[OUTDIR_PATH_MAX];
    int n = snprintf(relative, sizeof(relative), "%s", name);
    assert(n >= 0 && (size_t)n < sizeof(relative));
    n = snprintf(path, sizeof(path), "%s/%s%s", s->dir, relative, suffix);
    if (n < 0 || (size_t)n >= sizeof(path)) {
        w->err = ERR_TOO_LARGE;
        return;
    }
    canon_member_str(w, key, path);
}

static void
corridor_url(struct canon *w, const char *key, const char *scheme, const char *host, unsigned port)
{
    char url[400];
    const int n = snprintf(url, sizeof(url), "%s://%s:%u", scheme, host, port);
    assert(n > 0 && (size_t)n < sizeof(url));
    canon_member_str(w, key, url);
}

static void
corridor_zone(const struct sbx *s, struct canon *w, const struct sbx_zone *zone)
{
    canon_key(w, zone->name);
    canon_object(w);
    corridor_path(s, w, "ca", "/ca/ca.pem", zone->name);
    corridor_path(s, w, "config", "/config.json", zone->name);
    corridor_url(w, "desk_url", "https", zone->bind, zone->base_port + 2U);
    corridor_path(s, w, "log_dir", "/log", zone->name);
    corridor_url(w, "partner_url", "https", zone->bind, zone->base_port);
    corridor_url(w, "peer_url", "https", zone->peer_host, zone->peer_port);
    corridor_path(s, w, "pid", "/pid", zone->name);
    corridor_url(w, "plain_url", "http", "127.0.0.1", zone->base_port + 3U);
    corridor_path(s, w, "state_dir", "/state", zone->name);
    canon_end(w);
}

struct corridor_person {
    const char *name;
    size_t zone;
    const char *role;
};

static const struct corridor_person corridor_people[] = {
#define PERSON(name, zone, role) {name, zone, role},
    SBX_PEOPLE(PERSON)
#undef PERSON
};
enum { CORRIDOR_PEOPLE = sizeof(corridor_people) / sizeof(corridor_people[0]) };

/* The next person of role after last in the order of names, or NULL. */
static const struct corridor_person *
corridor_next(const struct sbx *s, const char *role, const char *last)
{
    const struct corridor_person *best = NULL;
    for (size_t i = 0; i < CORRIDOR_PEOPLE; i++) {
        const struct corridor_person *p = &corridor_people[i];
        if (p->zone >= s->zone_count || strcmp(p->role, role) != 0)
            continue;
        if (last != NULL && strcmp(p->name, last) <= 0)
            continue;
        if (best == NULL || strcmp(p->name, best->name) < 0)
            best = p;
    }
    return best;
}

static void
corridor_people_of(const struct sbx *s, struct canon *w, const char *key, const char *role)
{
    canon_key(w, key);
    canon_object(w);
    const struct corridor_person *p = corridor_next(s, role, NULL);
    for (; p != NULL; p = corridor_next(s, role, p->name)) {
        char folder[128];
        const int n = snprintf(folder, sizeof(folder), "%ss/%s", role, p->name);
        assert(n > 0 && (size_t)n < sizeof(folder));
        canon_key(w, p->name);
        canon_object(w);
        corridor_path(s, w, "cert", "/cert.pem", folder);
        corridor_path(s, w, "key", "/key.pem", folder);
        corridor_path(s, w, "profile", "", folder);
        canon_member_str(w, "zone", s->zones[p->zone].name);
        canon_end(w);
    }
    canon_end(w);
}

static void
corridor_agreements(struct canon *w)
{
    size_t count = 0;
    const struct pack *packs = packs_all(&count);
    canon_key(w, "agreements");
    canon_array(w);
    for (size_t i = 0; i < count; i++) {
        const size_t len = strlen(packs[i].name);
        if (strcmp(packs[i].folder, "agreements") == 0 && len > 5)
            canon_string(w, span_of(packs[i].name, len - 5));
    }
    canon_end(w);
}

enum err
sbx_corridor_write(const struct sbx *s)
{
    char path[OUTDIR_PATH_MAX];
    struct canon w;
    struct span text;
    char *buf = malloc(CORRIDOR_MAX);
    if (buf == NULL)
        return ERR_NOMEM;
    canon_init(&w, buf, CORRIDOR_MAX);
    canon_object(&w);
    corridor_agreements(&w);
    corridor_people_of(s, &w, "auditors", "auditor");
    corridor_people_of(s, &w, "operators", "operator");
    corridor_people_of(s, &w, "partners", "partner");
    corridor_path(s, &w, "trust", "trust.json", "");
    canon_key(&w, "zones");
    canon_object(&w);
    const char *last = NULL;
    for (size_t done = 0; done < s->zone_count; done++) {
        const struct sbx_zone *best = NULL;
        for (size_t i = 0; i < s->zone_count; i++) {
            const struct sbx_zone *zone = &s->zones[i];
            if (last != NULL && strcmp(zone->name, last) <= 0)
                continue;
            if (best == NULL || strcmp(zone->name, best->name) < 0)
                best = zone;
        }
        assert(best != NULL);
        corridor_zone(s, &w, best);
        last = best->name;
    }
    canon_end(&w);
    canon_end(&w);
    enum err err = canon_finish(&w, &text);
    if (err == ERR_OK)
        err = outdir_path(path, s->dir, "corridor.json");
    if (err == ERR_OK)
        err = outdir_write(path, 0644, text);
    free(buf);
    return err;
}
