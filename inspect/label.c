/* SPDX-License-Identifier: Apache-2.0 */
#include "inspect/label.h"

#include <assert.h>

static const struct {
    const char *name;
    enum label parent; /* itself: none */
    unsigned rank;     /* of the one label named for a column */
} label_table[LABEL_COUNT] = {
    [LABEL_AI_PROMPT] = {"ai_prompt", LABEL_AI_PROMPT, 2},
    [LABEL_AI_TRAINING_SET] = {"ai_training_set", LABEL_AI_TRAINING_SET, 2},
    [LABEL_AI_WEIGHTS] = {"ai_weights", LABEL_AI_WEIGHTS, 2},
    [LABEL_BIOMETRIC] = {"biometric", LABEL_SENSITIVE_PERSONAL, 6},
    [LABEL_BUSINESS] = {"business", LABEL_BUSINESS, 0},
    [LABEL_CORE] = {"core", LABEL_IMPORTANT, 8},
    [LABEL_CREDENTIAL] = {"credential", LABEL_CREDENTIAL, 9},
    [LABEL_EXPORT_CONTROLLED] = {"export_controlled", LABEL_EXPORT_CONTROLLED, 7},
    [LABEL_FINANCIAL_ACCOUNT] = {"financial_account", LABEL_SENSITIVE_PERSONAL, 6},
    [LABEL_GENETIC] = {"genetic", LABEL_SENSITIVE_PERSONAL, 6},
    [LABEL_GOVERNMENT] = {"government", LABEL_GOVERNMENT, 7},
    [LABEL_HEALTH] = {"health", LABEL_SENSITIVE_PERSONAL, 6},
    [LABEL_IMPORTANT] = {"important", LABEL_IMPORTANT, 7},
    [LABEL_LOCATION_TRACK] = {"location_track", LABEL_SENSITIVE_PERSONAL, 6},
    [LABEL_MINOR] = {"minor", LABEL_SENSITIVE_PERSONAL, 6},
    [LABEL_OPAQUE] = {"opaque", LABEL_OPAQUE, 3},
    [LABEL_PERSONAL] = {"personal", LABEL_PERSONAL, 4},
    [LABEL_QUASI] = {"quasi", LABEL_QUASI, 1},
    [LABEL_RELIGION] = {"religion", LABEL_SENSITIVE_PERSONAL, 6},
    [LABEL_SENSITIVE_PERSONAL] = {"sensitive_personal", LABEL_PERSONAL, 5},
    [LABEL_STATE_SECRET] = {"state_secret", LABEL_STATE_SECRET, 8},
};

const char *
label_name(enum label label)
{
    assert((unsigned)label < LABEL_COUNT);
    return label_table[label].name;
}

enum err
label_find(struct span name, enum label *ret)
{
    for (unsigned i = 0; i < LABEL_COUNT; i++) {
        if (span_eq_str(name, label_table[i].name)) {
            *ret = (enum label)i;
            return ERR_OK;
        }
    }
    return ERR_NOT_FOUND;
}

uint32_t
label_close(uint32_t set)
{
    uint32_t closed = set;
    /* Two rounds: no label has more than a parent and a grandparent. */
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < LABEL_COUNT; i++)
            if ((closed & LABEL_BIT(i)) != 0)
                closed |= LABEL_BIT(label_table[i].parent);
    return closed;
}

bool
label_covers(enum label declared, uint32_t observed)
{
    uint32_t allowed = label_close(LABEL_BIT(declared)) | LABEL_BIT(LABEL_BUSINESS);
    if ((allowed & LABEL_BIT(LABEL_PERSONAL)) != 0)
        allowed |= LABEL_BIT(LABEL_QUASI);
    return (observed & ~allowed) == 0;
}

enum label
label_top(uint32_t set)
{
    enum label top = LABEL_BUSINESS;
    for (unsigned i = 0; i < LABEL_COUNT; i++)
        if ((set & LABEL_BIT(i)) != 0 && label_table[i].rank > label_table[top].rank)
            top = (enum label)i;
    return top;
}
