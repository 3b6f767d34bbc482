/* SPDX-License-Identifier: Apache-2.0 */
/* tdz-audit: the auditor's program. No network, no gateway, and nothing is written. */
#include "tools/audit_verify.h"
#include "tools/cli.h"

static const struct cli_entry audit_entries[] = {
    {CLI_GROUP, "auditors", NULL, NULL, NULL},
    {CLI_COMMAND, "verify", "PATH...", "check logs, evidence files and bundles of them",
     audit_verify_main},
    {CLI_OPTION, "--trust FILE", NULL, "whose keys count; without it, those found (not pinned)",
     NULL},
    {CLI_OPTION, "--json", NULL, "print one JSON object", NULL},
    {CLI_EXIT, "0", NULL, "everything holds", NULL},
    {CLI_EXIT, "1", NULL, "something does not; every failure is listed", NULL},
    {CLI_EXIT, "2", NULL, "usage, or a trust file that is wrong", NULL},
    {CLI_EXIT, "3", NULL, "a PATH could not be read", NULL},
    {CLI_COMMAND, "reconcile", "A B", "compare two zones' logs transfer by transfer",
     audit_reconcile_main},
    {CLI_OPTION, "--json", NULL, "print one JSON object", NULL},
    {CLI_EXIT, "0", NULL, "both say the same (open transfers are listed)", NULL},
    {CLI_EXIT, "1", NULL, "they do not", NULL},
    {CLI_EXIT, "2", NULL, "usage", NULL},
    {CLI_EXIT, "3", NULL, "a log could not be read", NULL},
};

const struct cli_program cli_program = {
    .name = "tdz-audit",
    .summary = "verify the transfer logs of trusted data zones off line",
    .entries = audit_entries,
    .entry_count = sizeof(audit_entries) / sizeof(audit_entries[0]),
};

int
main(int argc, char **argv)
{
    return cli_run(argc, argv);
}
