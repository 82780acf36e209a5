/*
 * siphash: SipHash-2-4 with 64 bits (Aumasson and Bernstein 2012), a keyed hash.
 *
 * Who does not know the key can neither foretell a hash nor choose inputs that collide: it
 * signs cookies (RFC 9018) and spreads what strangers choose over tables.  Knows nothing of
 * either.  Pure; any thread.
 */
#ifndef NEARCAST_SIPHASH_H
#define NEARCAST_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/* The hash as a number; its authors write it with the least significant octet first. */
uint64_t siphash(const uint8_t key[16], const uint8_t *data, size_t len);

#endif
