/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/net/rate.h"

#include "tests/test.h"

int
main(void)
{
    TEST("a bucket gives its burst, then its rate, and never more than its burst")
    {
        struct rate_bucket b;
        rate_bucket_init(&b, 3, 2, 0);
        CHECK(rate_bucket_take(&b, 1, 0) && rate_bucket_take(&b, 2, 0));
        CHECK(!rate_bucket_take(&b, 1, 0) && !rate_bucket_take(&b, 1, 499));
        CHECK(rate_bucket_take(&b, 1, 500));
        CHECK(!rate_bucket_take(&b, 1, 400)); /* a clock that steps back gives nothing */
        CHECK(rate_bucket_take(&b, 3, INT64_MAX));
        CHECK(!rate_bucket_take(&b, 1, INT64_MAX));
    }
    TEST("a meter measures only while it runs, window by window")
    {
        struct rate_meter m = {0};
        CHECK(!rate_meter_is_slow(&m, 100, 1000, 1000000));
        CHECK_EQ(rate_meter_deadline(&m, 1000), INT64_MAX);
        rate_meter_run(&m, true, 5000);
        CHECK_EQ(rate_meter_deadline(&m, 1000), 6000);
        rate_meter_add(&m, 100);
        rate_meter_run(&m, true, 5500);
        CHECK(!rate_meter_is_slow(&m, 100, 1000, 5999));
        CHECK(!rate_meter_is_slow(&m, 100, 1000, 6000));
        rate_meter_add(&m, 99);
        CHECK(!rate_meter_is_slow(&m, 0, 1000, 7000));
        CHECK(rate_meter_is_slow(&m, 100, 1000, 7000));
        rate_meter_run(&m, false, 7000);
        CHECK(!rate_meter_is_slow(&m, 100, 1000, 9000));
    }
    return test_end();
}
