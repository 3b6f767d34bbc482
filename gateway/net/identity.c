/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/net/identity.h"

static const struct {
    enum identity_role role;
    const char *text;
} identity_roles[] = {{IDENTITY_PARTNER, "partner"},
                      {IDENTITY_OPERATOR, "operator"},
                      {IDENTITY_AUDITOR, "auditor"},
                      {IDENTITY_PEER, "peer"}};

enum { IDENTITY_ROLE_COUNT = sizeof(identity_roles) / sizeof(identity_roles[0]) };

const char *
identity_role_text(enum identity_role role)
{
    for (size_t i = 0; i < IDENTITY_ROLE_COUNT; i++) {
        if (identity_roles[i].role == role)
            return identity_roles[i].text;
    }
    return "none";
}

static bool
identity_is_alnum(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static enum err
identity_zone(struct span s, char out[static IDENTITY_PART_MAX + 1])
{
    if (s.len == 0)
        return ERR_SYNTAX;
    if (s.len > IDENTITY_PART_MAX)
        return ERR_TOO_LARGE;
    for (size_t i = 0; i < s.len; i++) {
        const bool inside = i > 0 && i + 1 < s.len;
        if (!identity_is_alnum(s.ptr[i]) && !(inside && s.ptr[i] == '-'))
            return ERR_SYNTAX;
    }
    memcpy(out, s.ptr, s.len);
    out[s.len] = 0;
    return ERR_OK;
}

static enum err
identity_name(struct span s, char out[static IDENTITY_PART_MAX + 1])
{
    if (s.len == 0)
        return ERR_SYNTAX;
    if (s.len > IDENTITY_PART_MAX)
        return ERR_TOO_LARGE;
    for (size_t i = 0; i < s.len; i++) {
        const uint8_t c = s.ptr[i];
        if (!identity_is_alnum(c) && !(i > 0 && (c == '.' || c == '_' || c == '-')))
            return ERR_SYNTAX;
    }
    memcpy(out, s.ptr, s.len);
    out[s.len] = 0;
    return ERR_OK;
}

/* The bytes before the first slash; rest starts behind it. */
static enum err
identity_segment(struct span *rest, struct span *ret_segment)
{
    const uint8_t *slash = rest->len == 0 ? NULL : memchr(rest->ptr, '/', rest->len);
    if (slash == NULL)
        return ERR_SYNTAX;
    const size_t len = (size_t)(slash - rest->ptr);
    *ret_segment = span_of(rest->ptr, len);
    *rest = span_from(*rest, len + 1);
    return ERR_OK;
}

enum err
identity_parse(struct span uri, struct identity *ret_identity)
{
    const struct span scheme = SPAN_LIT("spiffe://");
    if (uri.len > IDENTITY_URI_MAX)
        return ERR_TOO_LARGE;
    if (!span_starts(uri, scheme))
        return ERR_SYNTAX;
    struct span rest = span_from(uri, scheme.len);
    struct span zone;
    struct span role;
    TRY(identity_segment(&rest, &zone));
    TRY(identity_segment(&rest, &role));
    struct identity id;
    memset(&id, 0, sizeof(id));
    TRY(identity_zone(zone, id.zone));
    TRY(identity_name(rest, id.name));
    for (size_t i = 0; i < IDENTITY_ROLE_COUNT; i++) {
        if (span_eq_str(role, identity_roles[i].text)) {
            id.role = identity_roles[i].role;
            *ret_identity = id;
            return ERR_OK;
        }
    }
    return ERR_SYNTAX;
}
