/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/desk/vitals.h"

#include "tests/test.h"

#define ROLE_JSON(role, index, phase, stats)                                                 \
    "{\"index\":" #index ",\"landlock\":7,\"phase\":\"" phase "\",\"pid\":9,\"restarts\":2," \
    "\"role\":\"" role "\",\"seccomp\":true,\"stats\":\"" stats "\"}"
#define STATUS(roles) "{\"roles\":[" roles "],\"sandbox\":true,\"version\":\"1\"}"

static struct vitals v;
static char text[VITALS_METRICS_MAX];

static bool
metrics_have(const char *lines)
{
    struct span out;
    CHECK_EQ(vitals_metrics(&v, 0, text, sizeof(text) - 1, &out), ERR_OK);
    text[out.len] = 0;
    const bool has = strstr(text, lines) != NULL;
    if (!has)
        printf("# no %s in\n%s\n", lines, text);
    return has;
}

static bool
health_has(int64_t now, const char *part)
{
    struct span out;
    CHECK_EQ(vitals_health(&v, now, text, sizeof(text) - 1, &out), ERR_OK);
    text[out.len] = 0;
    const bool has = strstr(text, part) != NULL;
    if (!has)
        printf("# no %s in %s\n", part, text);
    return has;
}

static enum err
status(const char *json)
{
    return vitals_status(&v, span_str(json), 0);
}

static enum err
log_is(enum log_state state)
{
    const struct p_ledger_state p = {.state = (uint8_t)state, .size = 5};
    return vitals_log(&v, &p);
}

static void
well(void)
{
    vitals_finish(&v);
    vitals_init(&v);
    CHECK_EQ(status(STATUS(ROLE_JSON("edge", 0, "running", "a 1\\n") "," ROLE_JSON(
                 "edge", 1, "running", "a 2\\nb_total 3\\n") "," ROLE_JSON("clerk", 0, "running",
                                                                           "a 7\\n"))),
             ERR_OK);
    vitals_clerk(&v, 200, SPAN_LIT("{\"counters_unknown\":false}"), 0);
    CHECK_EQ(log_is(LOG_CONFIRMED), ERR_OK);
}

static void
test_health(void)
{
    TEST("a gateway of which nothing is known is not ready, and says what is missing")
    {
        vitals_init(&v);
        CHECK(!vitals_is_ready(&v, 0));
        CHECK(health_has(0, "\"the warden does not answer\""));
        CHECK(health_has(0, "\"clerk does not answer\""));
        CHECK(health_has(0, "\"the state of the log is not known\""));
        CHECK(health_has(0, "\"log\":\"unknown\""));
        CHECK(!v.was_ready);
    }
    TEST("a gateway whose parts are all well is ready")
    {
        well();
        CHECK(vitals_is_ready(&v, 0));
        CHECK(health_has(0, "\"ready\":true,\"reasons\":[]"));
        CHECK(health_has(0, "\"counters_known\":true,\"log\":\"confirmed\""));
        CHECK(v.was_ready);
    }
    TEST("an unconfirmed log is work, a quarantined one is not")
    {
        CHECK_EQ(log_is(LOG_UNCONFIRMED), ERR_OK);
        CHECK(vitals_is_ready(&v, 0) && health_has(0, "\"log\":\"unconfirmed\""));
        CHECK_EQ(log_is(LOG_QUARANTINED), ERR_OK);
        CHECK(!vitals_is_ready(&v, 0) && health_has(0, "\"the log is quarantined\""));
        CHECK(v.was_ready);
    }
    TEST("an answer that is old, or that says no, counts as none")
    {
        well();
        CHECK(vitals_is_ready(&v, VITALS_STALE_MS));
        CHECK(!vitals_is_ready(&v, VITALS_STALE_MS + 1));
        vitals_clerk(&v, 503, SPAN_LIT(""), 0);
        CHECK(!vitals_is_ready(&v, 0) && health_has(0, "clerk cannot work"));
    }
    TEST("a role that is not running, or that is gone, or a drain end readiness")
    {
        well();
        CHECK_EQ(status(STATUS(ROLE_JSON("edge", 3, "setting", ""))), ERR_OK);
        CHECK(!vitals_is_ready(&v, 0) && health_has(0, "\"edge 3 is not running\""));
        well();
        vitals_lost(&v, ROLE_CLERK);
        CHECK(!vitals_is_ready(&v, 0));
        well();
        vitals_lost(&v, ROLE_LEDGER);
        CHECK(!vitals_is_ready(&v, 0));
        well();
        v.is_draining = true;
        CHECK(!vitals_is_ready(&v, 0) && health_has(0, "\"the gateway is draining\""));
    }
    TEST("unknown counters are told, and do not stop the work")
    {
        well();
        vitals_clerk(&v, 200, SPAN_LIT("{\"counters_unknown\":true}"), 0);
        CHECK(vitals_is_ready(&v, 0) && health_has(0, "\"counters_known\":false"));
        vitals_clerk(&v, 200, SPAN_LIT("nonsense"), 0);
        CHECK(vitals_is_ready(&v, 0));
    }
    TEST("more is wrong than can be listed: a list that ends")
    {
        char json[8192] = "{\"roles\":[";
        size_t len = strlen(json);
        for (int i = 0; i < 24; i++)
            len += (size_t)snprintf(json + len, sizeof(json) - len, "%s%s", i == 0 ? "" : ",",
                                    ROLE_JSON("sealer", 0, "down", ""));
        (void)snprintf(json + len, sizeof(json) - len, "],\"sandbox\":false}");
        CHECK_EQ(status(json), ERR_OK);
        CHECK(!vitals_is_ready(&v, 0) && health_has(0, "\"sandbox\":false"));
    }
}

static void
test_words(void)
{
    TEST("what is no status is refused and changes nothing")
    {
        well();
        CHECK_EQ(status("{"), ERR_SHORT);
        CHECK_EQ(status("[]"), ERR_TYPE);
        CHECK_EQ(status("{\"roles\":[1],\"sandbox\":true}"), ERR_TYPE);
        CHECK_EQ(status("{\"roles\":[{}],\"sandbox\":true}"), ERR_MISSING);
        CHECK_EQ(status("{\"roles\":[]}"), ERR_MISSING);
        char many[16384] = "{\"roles\":[";
        size_t len = strlen(many);
        for (int i = 0; i <= VITALS_ROLES_MAX; i++)
            len += (size_t)snprintf(many + len, sizeof(many) - len, "%s%s", i == 0 ? "" : ",",
                                    ROLE_JSON("edge", 0, "down", ""));
        (void)snprintf(many + len, sizeof(many) - len, "],\"sandbox\":true}");
        CHECK_EQ(status(many), ERR_FULL);
        CHECK(vitals_is_ready(&v, 0));
    }
    TEST("states and zones that cannot be are violations of who sent them")
    {
        struct p_ledger_peer log = {.peer = SPAN_LIT("cn-lingang"), .state = LOG_CONFIRMED};
        struct p_peer_state peer = {.peer = SPAN_LIT("cn-lingang"), .up = 1};
        CHECK_EQ(log_is((enum log_state)3), ERR_RANGE);
        log.cosigned_size = 17;
        CHECK_EQ(vitals_log_peer(&v, &log), ERR_OK);
        CHECK_EQ(vitals_peer(&v, &peer), ERR_OK);
        CHECK_EQ(v.peer_count, 1);
        log.state = 9;
        CHECK_EQ(vitals_log_peer(&v, &log), ERR_RANGE);
        peer.peer = SPAN_LIT("a\"b");
        CHECK_EQ(vitals_peer(&v, &peer), ERR_RANGE);
        peer.peer = SPAN_LIT("");
        CHECK_EQ(vitals_peer(&v, &peer), ERR_RANGE);
        for (char c = 'b'; c < 'b' + CONFIG_PEERS_MAX - 1; c++) {
            peer.peer = span_of(&c, 1);
            CHECK_EQ(vitals_peer(&v, &peer), ERR_OK);
        }
        peer.peer = SPAN_LIT("one-too-many");
        CHECK_EQ(vitals_peer(&v, &peer), ERR_RANGE);
    }
}

static void
test_metrics(void)
{
    TEST("metrics say what the gateway is and how the log and its peers are")
    {
        CHECK(metrics_have("tdz_ready 1\n"));
        CHECK(metrics_have("tdz_sandbox 1\n"));
        CHECK(metrics_have("tdz_log_state{state=\"confirmed\"} 1\n"));
        CHECK(metrics_have("tdz_log_state{state=\"quarantined\"} 0\n"));
        CHECK(metrics_have("tdz_log_size 5\n"));
        CHECK(metrics_have("tdz_peer_up{zone=\"cn-lingang\"} 1\n"));
        CHECK(metrics_have("tdz_peer_cosigned_size{zone=\"cn-lingang\"} 17\n"));
        vitals_lost(&v, ROLE_LINK);
        CHECK(metrics_have("tdz_peer_up{zone=\"cn-lingang\"} 0\n"));
    }
    TEST("samples of one name stand together under one TYPE line")
    {
        CHECK(metrics_have("# TYPE tdz_edge_a gauge\n"
                           "tdz_edge_a{index=\"0\"} 1\n"
                           "tdz_edge_a{index=\"1\"} 2\n"));
        CHECK(metrics_have("# TYPE tdz_edge_b_total counter\n"
                           "tdz_edge_b_total{index=\"1\"} 3\n"));
        CHECK(metrics_have("# TYPE tdz_clerk_a gauge\ntdz_clerk_a{index=\"0\"} 7\n"));
        CHECK(metrics_have("# TYPE tdz_role_restarts_total counter\n"
                           "tdz_role_restarts_total{role=\"edge\",index=\"0\"} 2\n"));
    }
    TEST("a role can report names and numbers and nothing else")
    {
        struct span out;
        CHECK_EQ(status(STATUS(ROLE_JSON("edge", 0, "running",
                                         "good_total 3\\nBad 1\\nx{y=1} 2\\nz 1 2\\nw -1\\n"
                                         "noline\\n 5\\ngood_total 4\\n"
                                         "last 18446744073709551615"))),
                 ERR_OK);
        CHECK(metrics_have("# TYPE tdz_edge_good_total counter\n"
                           "tdz_edge_good_total{index=\"0\"} 3\n"
                           "# TYPE tdz_edge_last gauge\n"
                           "tdz_edge_last{index=\"0\"} 18446744073709551615\n"));
        CHECK(strstr(text, "Bad") == NULL && strstr(text, "x{y") == NULL);
        CHECK(strstr(text, "good_total{index=\"0\"} 4") == NULL);
        CHECK(strstr(text, "tdz_edge_z") == NULL && strstr(text, "tdz_edge_w") == NULL);
        CHECK_EQ(vitals_metrics(&v, 0, text, 200, &out), ERR_FULL);
        CHECK_EQ(vitals_health(&v, 0, text, 20, &out), ERR_FULL);
    }
    vitals_finish(&v);
}

int
main(void)
{
    test_health();
    test_words();
    test_metrics();
    return test_end();
}
