/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/keeper/spoolkeys.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "crypto/aead.h"
#include "schemas/wire.h"

/* A slot: u32 day (0 = free), nonce[12], AES-256-GCM(storage, key, aad = "tdz/v1/spoolkey" day). */
enum { SLOT_BYTES = 4 + 12 + 32 + 16 };
enum { HEADER_BYTES = 8 };
static const uint8_t spoolkeys_magic[HEADER_BYTES] = {'T', 'D', 'Z', 'K', 0, 0, 0, 1};

struct spoolkeys_slot {
    uint32_t day;
    struct secret64 *key; /* first 32 bytes; NULL when free or torn */
    bool torn;            /* not readable: left alone, nothing was acknowledged under it */
};

struct spoolkeys {
    int fd;
    size_t torn_count;
    bool failed; /* an fsync failed: nothing is known about the file any more */
    struct aead *seal;
    struct aead *open;
    struct secret64 *storage;
    struct key_arena *arena;
    struct spoolkeys_slot slots[SPOOLKEYS_SLOTS];
};

static struct span
spoolkeys_slot_aad(uint32_t day, uint8_t buf[static 20])
{
    struct wire_writer w;
    wire_writer_init(&w, buf, 20);
    wire_put_bytes(&w, SPAN_LIT("tdz/v1/spoolkey"));
    wire_put_u32(&w, day);
    assert(w.err == ERR_OK);
    return span_of(buf, w.len);
}

static enum err
spoolkeys_pwrite(struct spoolkeys *keys, struct span bytes, off_t at)
{
    if (keys->failed)
        return ERR_IO;
    const ssize_t n = pwrite(keys->fd, bytes.ptr, bytes.len, at);
    if (n != (ssize_t)bytes.len || fdatasync(keys->fd) != 0) {
        keys->failed = true;
        return ERR_IO;
    }
    return ERR_OK;
}

static off_t
spoolkeys_slot_at(size_t index)
{
    return (off_t)(HEADER_BYTES + index * SLOT_BYTES);
}

static enum err
spoolkeys_slot_read(struct spoolkeys *keys, size_t index, struct span bytes)
{
    uint8_t aad[20];
    struct wire_reader r;
    wire_reader_init(&r, bytes);
    const uint32_t day = wire_get_u32(&r);
    if (day == 0)
        return ERR_OK;
    uint8_t nonce[12];
    wire_get_copy(&r, nonce, sizeof(nonce));
    struct secret64 *key = NULL;
    TRY(key_arena_take(keys->arena, &key));
    TRY(aead_key(keys->open, keys->storage->bytes));
    const enum err err = aead_open(keys->open, nonce, spoolkeys_slot_aad(day, aad),
                                   wire_get_bytes(&r, 48), key->bytes, sizeof(key->bytes));
    aead_forget(keys->open);
    if (err == ERR_OK) {
        keys->slots[index] = (struct spoolkeys_slot){.day = day, .key = key};
        return ERR_OK;
    }
    key_arena_give(keys->arena, key);
    if (err != ERR_AUTH)
        return err;
    /* One torn write can be the trace of a power cut; two say that the storage key is another. */
    keys->slots[index].torn = true;
    return ++keys->torn_count > 1 ? ERR_AUTH : ERR_OK;
}

static enum err
spoolkeys_load(struct spoolkeys *keys)
{
    uint8_t buf[SLOT_BYTES];
    uint8_t header[HEADER_BYTES];
    const ssize_t n = pread(keys->fd, header, sizeof(header), 0);
    if (n == 0)
        return spoolkeys_pwrite(keys, span_of(spoolkeys_magic, HEADER_BYTES), 0);
    if (n < 0)
        return ERR_IO;
    if (n != HEADER_BYTES ||
        !span_eq(span_of(header, HEADER_BYTES), span_of(spoolkeys_magic, HEADER_BYTES)))
        return ERR_SYNTAX;
    for (size_t i = 0; i < SPOOLKEYS_SLOTS; i++) {
        const ssize_t got = pread(keys->fd, buf, sizeof(buf), spoolkeys_slot_at(i));
        if (got == 0)
            return ERR_OK;
        if (got < 0)
            return ERR_IO;
        /* A slot cut short was never acknowledged: the file ends before it was synced. */
        if (got < SLOT_BYTES)
            return ERR_OK;
        TRY(spoolkeys_slot_read(keys, i, span_of(buf, sizeof(buf))));
    }
    return ERR_OK;
}

enum err
spoolkeys_open(int fd, const struct secret32 *storage, struct spoolkeys **ret)
{
    struct spoolkeys *keys = calloc(1, sizeof(*keys));
    if (keys == NULL) {
        (void)close(fd);
        return ERR_NOMEM;
    }
    keys->fd = fd;
    enum err err = key_arena_new(SPOOLKEYS_SLOTS + 1, &keys->arena);
    if (err == ERR_OK)
        err = key_arena_take(keys->arena, &keys->storage);
    if (err == ERR_OK)
        memcpy(keys->storage->bytes, storage->bytes, sizeof(storage->bytes));
    if (err == ERR_OK)
        err = aead_new(AEAD_AES_256_GCM, AEAD_SEAL, &keys->seal);
    if (err == ERR_OK)
        err = aead_new(AEAD_AES_256_GCM, AEAD_OPEN, &keys->open);
    if (err == ERR_OK)
        err = spoolkeys_load(keys);
    if (err != ERR_OK) {
        spoolkeys_close(keys);
        return err;
    }
    *ret = keys;
    return ERR_OK;
}

void
spoolkeys_close(struct spoolkeys *keys)
{
    if (keys == NULL)
        return;
    aead_free(keys->seal);
    aead_free(keys->open);
    key_arena_free(keys->arena);
    if (keys->fd >= 0)
        (void)close(keys->fd);
    free(keys);
}

static struct spoolkeys_slot *
spoolkeys_find(struct spoolkeys *keys, uint32_t day)
{
    for (size_t i = 0; i < SPOOLKEYS_SLOTS; i++)
        if (keys->slots[i].key != NULL && keys->slots[i].day == day)
            return &keys->slots[i];
    return NULL;
}

static enum err
spoolkeys_new_day(struct spoolkeys *keys, uint32_t day, struct spoolkeys_slot **ret)
{
    size_t index = 0;
    while (index < SPOOLKEYS_SLOTS && (keys->slots[index].key != NULL || keys->slots[index].torn))
        index++;
    if (index == SPOOLKEYS_SLOTS)
        return ERR_FULL;
    uint8_t aad[20];
    uint8_t bytes[SLOT_BYTES];
    uint8_t nonce[12];
    struct wire_writer w;
    struct secret64 *key = NULL;
    TRY(key_arena_take(keys->arena, &key));
    key_random(key->bytes, 32);
    key_random(nonce, sizeof(nonce));
    wire_writer_init(&w, bytes, sizeof(bytes));
    wire_put_u32(&w, day);
    wire_put_bytes(&w, span_of(nonce, sizeof(nonce)));
    enum err err = aead_key(keys->seal, keys->storage->bytes);
    if (err == ERR_OK)
        err = aead_seal(keys->seal, nonce, spoolkeys_slot_aad(day, aad), span_of(key->bytes, 32),
                        bytes + w.len, sizeof(bytes) - w.len);
    aead_forget(keys->seal);
    if (err == ERR_OK)
        err = spoolkeys_pwrite(keys, span_of(bytes, sizeof(bytes)), spoolkeys_slot_at(index));
    if (err != ERR_OK) {
        key_arena_give(keys->arena, key);
        return err;
    }
    keys->slots[index] = (struct spoolkeys_slot){.day = day, .key = key};
    *ret = &keys->slots[index];
    return ERR_OK;
}

/* purpose, transfer and the hash the wrap is bound to. */
static struct span
spoolkeys_aad(enum spoolkeys_purpose purpose, const uint8_t transfer[static 16],
              const uint8_t bind[static 32], uint8_t buf[static 64])
{
    struct wire_writer w;
    wire_writer_init(&w, buf, 64);
    wire_put_bytes(&w, SPAN_LIT("tdz/v1/wrap"));
    wire_put_u8(&w, (uint8_t)purpose);
    wire_put_bytes(&w, span_of(transfer, 16));
    wire_put_bytes(&w, span_of(bind, 32));
    assert(w.err == ERR_OK);
    return span_of(buf, w.len);
}

enum err
spoolkeys_wrap(struct spoolkeys *keys, uint32_t day, enum spoolkeys_purpose purpose,
               const uint8_t transfer[static 16], const uint8_t bind[static 32],
               const struct secret32 *dek, uint8_t ret_wrap[static SPOOLKEYS_WRAP_BYTES])
{
    assert(day > 0);
    struct spoolkeys_slot *slot = spoolkeys_find(keys, day);
    if (slot == NULL)
        TRY(spoolkeys_new_day(keys, day, &slot));
    uint8_t aad[64];
    uint8_t out[SPOOLKEYS_WRAP_BYTES];
    uint8_t nonce[12];
    struct wire_writer w;
    key_random(nonce, sizeof(nonce));
    wire_writer_init(&w, out, sizeof(out));
    wire_put_u8(&w, 1);
    wire_put_u8(&w, (uint8_t)purpose);
    wire_put_u32(&w, day);
    wire_put_bytes(&w, span_of(nonce, sizeof(nonce)));
    TRY(aead_key(keys->seal, slot->key->bytes));
    const enum err err = aead_seal(keys->seal, nonce, spoolkeys_aad(purpose, transfer, bind, aad),
                                   span_of(dek->bytes, 32), out + w.len, sizeof(out) - w.len);
    aead_forget(keys->seal);
    if (err == ERR_OK)
        memcpy(ret_wrap, out, sizeof(out));
    return err;
}

enum err
spoolkeys_unwrap(struct spoolkeys *keys, struct span wrap, enum spoolkeys_purpose purpose,
                 const uint8_t transfer[static 16], const uint8_t bind[static 32],
                 struct secret32 *ret_dek)
{
    uint8_t aad[64];
    uint8_t nonce[12];
    struct wire_reader r;
    if (wrap.len != SPOOLKEYS_WRAP_BYTES)
        return ERR_SYNTAX;
    wire_reader_init(&r, wrap);
    const uint8_t version = wire_get_u8(&r);
    const uint8_t said = wire_get_u8(&r);
    const uint32_t day = wire_get_u32(&r);
    wire_get_copy(&r, nonce, sizeof(nonce));
    const struct span ct = wire_get_bytes(&r, 48);
    TRY(wire_reader_finish(&r));
    if (version != 1)
        return ERR_SYNTAX;
    if (said != (uint8_t)purpose)
        return ERR_AUTH;
    const struct spoolkeys_slot *slot = spoolkeys_find(keys, day);
    if (slot == NULL)
        return ERR_NOT_FOUND;
    TRY(aead_key(keys->open, slot->key->bytes));
    const enum err err = aead_open(keys->open, nonce, spoolkeys_aad(purpose, transfer, bind, aad),
                                   ct, ret_dek->bytes, sizeof(ret_dek->bytes));
    aead_forget(keys->open);
    return err;
}

enum err
spoolkeys_destroy_before(struct spoolkeys *keys, uint32_t first_day)
{
    static const uint8_t zeros[SLOT_BYTES];
    for (size_t i = 0; i < SPOOLKEYS_SLOTS; i++) {
        if (keys->slots[i].key == NULL || keys->slots[i].day >= first_day)
            continue;
        key_arena_give(keys->arena, keys->slots[i].key);
        keys->slots[i] = (struct spoolkeys_slot){0};
        TRY(spoolkeys_pwrite(keys, span_of(zeros, sizeof(zeros)), spoolkeys_slot_at(i)));
    }
    return ERR_OK;
}
