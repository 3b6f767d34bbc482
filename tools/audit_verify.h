/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of tdz-audit: functions of its table. */
#ifndef TDZ_TOOLS_AUDIT_VERIFY_H
#define TDZ_TOOLS_AUDIT_VERIFY_H

int audit_verify_main(int argc, char **argv);
int audit_reconcile_main(int argc, char **argv);
int audit_policy_main(int argc, char **argv);
int audit_replay_main(int argc, char **argv);

#endif
