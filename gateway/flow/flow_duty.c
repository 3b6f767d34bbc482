/* SPDX-License-Identifier: Apache-2.0 */
/* What a decision obliges people to do after the crossing. The gateway cannot file a notification;
 * it tells its operators that one is due, when the dataset settles. */
#include "gateway/flow/stages.h"

void
flow_duty_tell(struct flow *f, const struct store_row *row)
{
    struct json_doc doc;
    const struct json_node *duties = NULL;
    const struct json_node *notify = NULL;
    int64_t hours = 0;
    if (flow_part_json(f, row, STORE_DECISION, row->n, &doc) != ERR_OK)
        return; /* what is not stored obliges to nothing */
    duties = json_get(&doc, &doc.nodes[0], "obligations");
    if (duties != NULL && duties->type == JSON_OBJECT)
        notify = json_get(&doc, duties, "notify");
    if (notify == NULL || notify->type != JSON_OBJECT)
        return;
    if (json_need_int(&doc, notify, "within_hours", 0, JSON_INT_MAX, &hours, NULL) != ERR_OK)
        hours = 0; /* no term is set */
    f->out.notice(f->out.ctx, FLOW_NOTICE_DUTY, row->id, (uint64_t)hours);
}
