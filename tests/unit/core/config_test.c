/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/core/config.h"

#include <sys/wait.h>
#include <unistd.h>

#include "tdz_config.h"
#include "tests/test.h"

static const char base[] =
    "{\"format\":\"tdz.config/1\",\"zone\":\"my-a\",\"gateway\":\"gw1\",\"origin\":\"o\",\n"
    "\"listen\":{\"partner\":\"127.0.0.1:1\",\"peer\":\"[::1]:2\",\"desk\":\"127.0.0.1:3\"},\n"
    "\"folders\":{\"state\":\"s\",\"spool\":\"p\",\"log\":\"l\",\"keys\":\"k\",\"policies\":\"o\","
    "\"agreements\":\"a\",\"partners\":\"r\"},\n"
    "\"files\":{\"trust\":\"t\",\"vocabulary\":\"v\",\"certificate\":\"c\"}";

static struct config config;
static struct config slice;
static struct fault fault;

/* base, a comma and more (or nothing), and the closing brace. */
static enum err
read_with(const char *more)
{
    char text[8192];
    const int n = snprintf(text, sizeof(text), "%s%s%s}", base, more[0] == '\0' ? "" : ",\n", more);
    memset(&fault, 0, sizeof(fault));
    return config_read(span_of(text, (size_t)n), &config, &fault);
}

static void
test_reading(void)
{
    TEST("a minimal configuration is read and everything else has its default")
    {
        CHECK_EQ(read_with(""), ERR_OK);
        CHECK(strcmp(config_str(&config, CONFIG_ZONE), "my-a") == 0);
        CHECK_EQ(config_int(&config, CONFIG_LIMIT_HEADER_BYTES), 16384);
        CHECK_EQ(config_int(&config, CONFIG_DRAIN_S), 10);
        CHECK(config_bool(&config, CONFIG_SANDBOX));
        CHECK(config_str(&config, CONFIG_USER)[0] == '\0');
        CHECK_EQ(config_peer_count(&config), 0);
        CHECK(config_instances(&config, ROLE_INSPECTOR) == 4 &&
              config_instances(&config, ROLE_CLERK) == 1);
        CHECK(strcmp(config_path(CONFIG_DRAIN_S), "timeouts.drain_s") == 0);
    }
    TEST("keys that are given replace their defaults")
    {
        CHECK_EQ(read_with("\"edge\":{\"workers\":2},\"limits\":{\"streams\":7},\"sandbox\":true"),
                 ERR_OK);
        CHECK_EQ(config_instances(&config, ROLE_EDGE), 2);
        CHECK_EQ(config_int(&config, CONFIG_LIMIT_STREAMS), 7);
    }
    TEST("peers are a list, each once, none in the own zone")
    {
        CHECK_EQ(read_with("\"peers\":[{\"zone\":\"cn-b\",\"gateway\":\"g\",\"host\":\"h\","
                           "\"port\":9},{\"zone\":\"my-c\",\"gateway\":\"g\",\"host\":\"i\","
                           "\"port\":10}]"),
                 ERR_OK);
        CHECK_EQ(config_peer_count(&config), 2);
        CHECK(config_peer_zone(&config, SPAN_LIT("my-c")) == config_peer(&config, 1));
        CHECK(config_peer_zone(&config, SPAN_LIT("my-d")) == NULL);
        CHECK_EQ(config_peer(&config, 1)->port, 10);
        CHECK_EQ(read_with("\"peers\":[{\"zone\":\"b\",\"gateway\":\"g\",\"host\":\"h\",\"port\":9}"
                           ",{\"zone\":\"b\",\"gateway\":\"g\",\"host\":\"i\",\"port\":9}]"),
                 ERR_DUPLICATE);
        CHECK_EQ(read_with("\"peers\":[{\"zone\":\"my-a\",\"gateway\":\"g\",\"host\":\"h\","
                           "\"port\":9}]"),
                 ERR_CONFIG);
        CHECK_EQ(read_with("\"peers\":{}"), ERR_TYPE);
        CHECK_EQ(read_with("\"peers\":[{\"zone\":\"b\"}]"), ERR_MISSING);
        CHECK_EQ(read_with("\"peers\":[{\"zone\":\"b\",\"gateway\":\"g\",\"host\":\"h\",\"port\":0}"
                           "]"),
                 ERR_RANGE);
    }
    TEST("more peers than the limit are refused")
    {
        char text[4096] = "\"peers\":[";
        size_t len = strlen(text);
        for (int i = 0; i <= CONFIG_PEERS_MAX; i++)
            len +=
                (size_t)snprintf(text + len, sizeof(text) - len,
                                 "%s{\"zone\":\"z%d\",\"gateway\":\"g\",\"host\":\"h\",\"port\":1}",
                                 i == 0 ? "" : ",", i);
        (void)snprintf(text + len, sizeof(text) - len, "]");
        CHECK_EQ(read_with(text), ERR_FULL);
    }
}

static void
test_refusals(void)
{
    TEST("an unknown key is an error that names its line and column")
    {
        CHECK_EQ(read_with("\"limit\":{\"streams\":7}"), ERR_UNKNOWN_FIELD);
        CHECK(fault.line == 5 && fault.column == 1);
        CHECK_EQ(read_with("\"limits\":{ \"stream\":7}"), ERR_UNKNOWN_FIELD);
        CHECK(fault.line == 5 && fault.column == 12);
        CHECK_EQ(read_with("\"\":{\"zone\":\"x\"}"), ERR_UNKNOWN_FIELD);
    }
    TEST("wrong types, ranges and values are errors with a place")
    {
        CHECK_EQ(read_with("\"limits\":{\"streams\":\"7\"}"), ERR_TYPE);
        CHECK(fault.line == 5 && strcmp(fault.where, "limits.streams") == 0);
        CHECK_EQ(read_with("\"limits\":{\"streams\":0}"), ERR_RANGE);
        CHECK_EQ(read_with("\"limits\":[]"), ERR_TYPE);
        CHECK_EQ(read_with("\"sandbox\":1"), ERR_TYPE);
        CHECK_EQ(read_with("\"user\":\"\\u0041\\u0000\""), ERR_SYNTAX);
        CHECK_EQ(read_with("\"zone\":\"again\""), ERR_DUPLICATE);
        CHECK_EQ(read_with("\"timeouts\":{\"retry_min_ms\":5000,\"retry_max_ms\":100}"),
                 ERR_CONFIG);
    }
    TEST("a build with its sandbox runs with nothing else")
    {
        CHECK_EQ(read_with("\"sandbox\":false"), TDZ_SANDBOX_STRICT ? ERR_CONFIG : ERR_OK);
    }
    TEST("what is missing, of another version or too large is refused")
    {
        static char huge[CONFIG_FILE_MAX + 1];
        CHECK_EQ(config_read(SPAN_LIT("{}"), &config, &fault), ERR_MISSING);
        CHECK_EQ(config_read(SPAN_LIT("[]"), &config, &fault), ERR_TYPE);
        CHECK_EQ(config_read(SPAN_LIT("{\"format\":\"tdz.config/2\"}"), &config, &fault),
                 ERR_VERSION);
        CHECK_EQ(config_read(SPAN_LIT("{\"format\":\"tdz.config/1\"}"), &config, &fault),
                 ERR_MISSING);
        CHECK_EQ(config_read(SPAN_LIT("{"), &config, &fault), ERR_SHORT);
        CHECK_EQ(config_read(span_of(huge, sizeof(huge)), &config, &fault), ERR_TOO_LARGE);
    }
    TEST("addresses are host and port, in brackets for IPv6, cleartext on loopback only")
    {
        char host[256];
        uint16_t port = 0;
        static const char *const bad[] = {"",        "h",     ":1",   "h:",   "h:0",
                                          "h:65536", "a:b:1", "[]:1", "h:01", "h:1x"};
        CHECK_EQ(config_address(SPAN_LIT("[::1]:443"), false, host, &port), ERR_OK);
        CHECK(strcmp(host, "::1") == 0 && port == 443);
        CHECK_EQ(config_address(SPAN_LIT("a.b:0"), true, host, &port), ERR_OK);
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
            CHECK_EQ(config_address(span_str(bad[i]), false, host, &port), ERR_SYNTAX);
        CHECK_EQ(read_with("\"retain_days\":3,\"log\":{\"batch_ms\":1}"), ERR_OK);
    }
}

static void
test_slices(void)
{
    static uint8_t buf[CONFIG_SLICE_MAX];
    size_t len = 0;
    TEST("a role's slice has its keys, and no key it may not see")
    {
        CHECK_EQ(read_with("\"limits\":{\"streams\":9},\"peers\":[{\"zone\":\"b\",\"gateway\":\"g\""
                           ",\"host\":\"h\",\"port\":9}]"),
                 ERR_OK);
        CHECK_EQ(config_slice(&config, ROLE_EDGE, buf, sizeof(buf), &len), ERR_OK);
        CHECK_EQ(config_from_slice(span_of(buf, len), &slice), ERR_OK);
        CHECK_EQ(config_int(&slice, CONFIG_LIMIT_STREAMS), 9);
        CHECK(strcmp(config_str(&slice, CONFIG_ZONE), "my-a") == 0);
        CHECK(!slice.values[CONFIG_DIR_KEYS].visible && !slice.values[CONFIG_LISTEN_DESK].visible);
        CHECK_EQ(config_slice(&config, ROLE_LINK, buf, sizeof(buf), &len), ERR_OK);
        CHECK_EQ(config_from_slice(span_of(buf, len), &slice), ERR_OK);
        CHECK(config_peer_count(&slice) == 1 && config_peer(&slice, 0)->port == 9);
        CHECK_EQ(config_slice(&config, ROLE_INSPECTOR, buf, sizeof(buf), &len), ERR_OK);
        CHECK_EQ(config_from_slice(span_of(buf, len), &slice), ERR_OK);
        CHECK(!slice.peers_visible && slice.peer_count == 0);
    }
    TEST("reading a key that is not in the slice ends the process")
    {
        const pid_t pid = fork();
        if (pid == 0) {
            (void)close(STDERR_FILENO);
            _exit((int)config_int(&slice, CONFIG_LIMIT_STREAMS));
        }
        int status = 0;
        CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
    }
    TEST("a slice that is cut, lengthened or repeats a key is refused")
    {
        CHECK_EQ(config_slice(&config, ROLE_LINK, buf, sizeof(buf), &len), ERR_OK);
        for (size_t cut = 0; cut < len; cut++)
            CHECK(config_from_slice(span_of(buf, cut), &slice) != ERR_OK);
        CHECK_EQ(config_from_slice(span_of(buf, len - 1), &slice), ERR_SHORT);
        buf[len] = 0;
        CHECK_EQ(config_from_slice(span_of(buf, len + 1), &slice), ERR_TRAILING);
        CHECK_EQ(config_from_slice(SPAN_LIT("\0\1\xff\xff\0\0"), &slice), ERR_PROTOCOL);
        CHECK_EQ(config_slice(&config, ROLE_LINK, buf, 16, &len), ERR_FULL);
    }
}

int
main(void)
{
    test_reading();
    test_refusals();
    test_slices();
    return test_end();
}
