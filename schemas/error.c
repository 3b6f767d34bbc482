/* SPDX-License-Identifier: Apache-2.0 */
#include "schemas/error.h"

const char *
error_text(enum err e)
{
    switch (e) {
    case ERR_OK:
        return "done";
#define ERR(name, value, sentence) \
    case name:                     \
        return sentence;
#include "schemas/error.def"
#undef ERR
    }
    return "unknown error";
}

const char *
error_name(enum err e)
{
    switch (e) {
    case ERR_OK:
        return "ERR_OK";
#define ERR(name, value, sentence) \
    case name:                     \
        return #name;
#include "schemas/error.def"
#undef ERR
    }
    return "ERR_UNKNOWN";
}
