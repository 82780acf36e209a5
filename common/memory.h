/*
 * memory: large blocks, given back without making others wait.
 *
 * The kernel takes back a block of a hundred megabytes in one go, and on a kernel that does
 * not preempt itself nothing else runs on that core meanwhile: 5 ms for 70 MB, in which
 * queries wait.  The same holds for reading a large file in one call.  Here both are done
 * in steps, between which a waiting worker has its turn.  Any thread.
 */
#ifndef NEARCAST_MEMORY_H
#define NEARCAST_MEMORY_H

#include <stddef.h>
#include <sys/types.h>

/* free(), for a block from malloc, calloc or realloc of which `len` octets were asked for.
 * NULL is fine. */
void memory_free(void *p, size_t len);

/* read(), but of no more octets than are read in a moment. */
ssize_t memory_read(int fd, void *to, size_t len);

#endif
