/* SPDX-License-Identifier: Apache-2.0 */
/* The two documents that say what this listener is. */
#include "gateway/edge/edge_priv.h"
#include "gateway/edge/openapi.h"
#include "schemas/canon.h"
#include "tdz_config.h"

enum { EDGE_DOC_MAX = 2048 };

void
edge_openapi(struct edge_exchange *x)
{
    reply_header(&x->reply, "cache-control", SPAN_LIT("no-cache"));
    reply_send(&x->reply, 200, "application/json", openapi_text());
}

void
edge_service(struct edge_exchange *x)
{
    const struct edge_config *c = &x->edge->config;
    char text[EDGE_DOC_MAX];
    struct canon w;
    struct span body;
    canon_init(&w, text, sizeof(text));
    canon_object(&w);
    canon_member_str(&w, "gateway", c->gateway);
    canon_key(&w, "limits");
    canon_object(&w);
    canon_member_int(&w, "dataset_bytes", (int64_t)c->dataset_bytes_max);
    canon_member_int(&w, "decisions_per_second", c->decisions_rate);
    canon_member_int(&w, "facts_bytes", c->facts_bytes_max);
    canon_member_int(&w, "name_bytes", c->name_bytes_max);
    canon_end(&w);
    canon_key(&w, "links");
    canon_object(&w);
    canon_member_str(&w, "dataset", "/v1/agreements/{agreement}/datasets/{name}");
    canon_member_str(&w, "decisions", "/v1/decisions");
    canon_member_str(&w, "inbox", "/v1/inbox");
    canon_member_str(&w, "log", "/log/checkpoint");
    canon_member_str(&w, "openapi", "/openapi.json");
    canon_member_str(&w, "transfers", "/v1/transfers");
    canon_end(&w);
    canon_member_str(&w, "party", x->who->name);
    canon_member_str(&w, "role", identity_role_text(x->who->role));
    canon_member_str(&w, "service", "tdz-gateway");
    canon_member_str(&w, "version", TDZ_VERSION);
    canon_member_str(&w, "zone", c->zone);
    canon_end(&w);
    if (canon_finish(&w, &body) != ERR_OK) {
        edge_refuse(x, PROBLEM_INTERNAL, span_of(NULL, 0));
        return;
    }
    reply_header(&x->reply, "link", SPAN_LIT("</openapi.json>; rel=\"service-desc\""));
    reply_header(&x->reply, "cache-control", SPAN_LIT("no-cache"));
    reply_send(&x->reply, 200, "application/json", body);
}
