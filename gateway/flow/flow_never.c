/* SPDX-License-Identifier: Apache-2.0 */
/* What another role's error means for an import: that the question may be asked again, or that
 * asking is no use. What is no use is believed when it was said a few times, for a role may still
 * be reading its new files; then the import is refused, logged and receipted. The export side's
 * rules are in s5_decide.c. */
#include "gateway/flow/stages.h"

enum { NEVER_SAID = 3, NEVER_LOST = 8, NEVER_FORGOTTEN = 64 };

bool
flow_never_passes(uint16_t err)
{
    static const enum err passing[] = {ERR_NOMEM,  ERR_SYS,       ERR_IO,         ERR_FULL,
                                       ERR_CRYPTO, ERR_NOT_YET,   ERR_CLOSED,     ERR_TIMEOUT,
                                       ERR_AGAIN,  ERR_ROLE_LOST, ERR_QUARANTINE, ERR_CANCELLED,
                                       ERR_CLOCK,  ERR_NO_SPACE};
    for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
        if (err == (uint16_t)-passing[i])
            return true;
    return false;
}

const char *
flow_never_reason(uint16_t err, const char *other)
{
    switch (err) {
    case (uint16_t)-ERR_KEY_UNKNOWN: /* what a revoked key signed is as if nobody had */
    case (uint16_t)-ERR_KEY_REVOKED:
    case (uint16_t)-ERR_SIGNATURE:
        return "release-untrusted";
    case (uint16_t)-ERR_PROTOCOL:
        return "release-unusable";
    default:
        return other;
    }
}

bool
flow_never_said(struct flow_run *run)
{
    return ++run->refusals >= NEVER_SAID;
}

bool
flow_never_forgotten(struct flow_run *run)
{
    return ++run->recalls >= NEVER_FORGOTTEN;
}

bool
flow_never_lost(struct flow_run *run)
{
    return ++run->losses >= NEVER_LOST;
}
