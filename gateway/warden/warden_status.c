/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/warden/warden_status.h"

#include "schemas/canon.h"
#include "tdz_config.h"

static const char *const warden_phases[] = {"down",  "giving",  "setting",
                                            "ready", "running", "drained"};

static void
warden_status_child(struct canon *json, const struct warden_child *child)
{
    canon_object(json);
    canon_member_int(json, "index", child->index);
    canon_member_int(json, "landlock", child->landlock_abi);
    canon_member_str(json, "phase", warden_phases[child->phase]);
    canon_member_int(json, "pid", child->pid);
    canon_member_int(json, "restarts", child->restarts);
    canon_member_str(json, "role", role_name(child->role));
    canon_member_bool(json, "seccomp", child->sandboxed);
    /* Numbers only, from our own roles; cut short where many are long. */
    const bool room = json->cap - json->len > sizeof(child->stats) * 2;
    canon_member_span(json, "stats", span_of(child->stats, room ? child->stats_len : 0));
    canon_end(json);
}

enum err
warden_status_answer(struct warden *w, struct chan *chan, const struct msg *question)
{
    static char text[MSG_PAYLOAD_MAX];
    struct canon json;
    struct msg answer = {.type = MSG_STATUS};
    const struct chan_ticket ticket = chan_ticket_of(chan, question);
    canon_init(&json, text, sizeof(text));
    canon_object(&json);
    canon_key(&json, "roles");
    canon_array(&json);
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        for (unsigned i = 0; i < ROLE_INDEX_MAX; i++) {
            if (w->children[role][i] != NULL)
                warden_status_child(&json, w->children[role][i]);
        }
    }
    canon_end(&json);
    canon_member_bool(&json, "sandbox", config_bool(w->config, CONFIG_SANDBOX));
    canon_member_str(&json, "version", TDZ_VERSION);
    canon_end(&json);
    /* Statistics that cannot be shown are no reason to end desk. */
    if (canon_finish(&json, &answer.body) != ERR_OK)
        answer.body = SPAN_LIT("{}");
    (void)!chan_answer(&ticket, &answer);
    return ERR_OK;
}
