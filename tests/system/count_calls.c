/*
 * Preloaded into dnsd by test_packet_path.py: counts what the threads of the packet path
 * call.  A thread is on the packet path from its first recvmmsg on.  The counts lie in
 * the file COUNT_CALLS names, mapped, so that the test reads them while dnsd runs.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { THREADS = 16 };

/* The test knows this layout. */
static struct {
	uint64_t received, sent, allocations, locks, threads;
	uint64_t thread[THREADS];
} none, *counts = &none;

static __thread int on_path;

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void __libc_free(void *p);

static int (*real_recvmmsg)(int, struct mmsghdr *, unsigned, int, struct timespec *);
static int (*real_sendmmsg)(int, struct mmsghdr *, unsigned, int);
static int (*real_mutex_lock)(pthread_mutex_t *);
static int (*real_rdlock)(pthread_rwlock_t *);
static int (*real_wrlock)(pthread_rwlock_t *);

static void
count(uint64_t *what, uint64_t n)
{
	__atomic_fetch_add(what, n, __ATOMIC_RELAXED);
}

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("COUNT_CALLS");
	int fd = path != NULL ? open(path, O_RDWR) : -1;

	real_recvmmsg = (int (*)(int, struct mmsghdr *, unsigned, int, struct timespec *))dlsym(RTLD_NEXT, "recvmmsg");
	real_sendmmsg = (int (*)(int, struct mmsghdr *, unsigned, int))dlsym(RTLD_NEXT, "sendmmsg");
	real_mutex_lock = (int (*)(pthread_mutex_t *))dlsym(RTLD_NEXT, "pthread_mutex_lock");
	real_rdlock = (int (*)(pthread_rwlock_t *))dlsym(RTLD_NEXT, "pthread_rwlock_rdlock");
	real_wrlock = (int (*)(pthread_rwlock_t *))dlsym(RTLD_NEXT, "pthread_rwlock_wrlock");
	if (fd >= 0)
		counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd < 0 || counts == MAP_FAILED)
		abort();
	close(fd);
}

int
recvmmsg(int fd, struct mmsghdr *m, unsigned n, int flags, struct timespec *timeout)
{
	int got;

	if (!on_path) {
		uint64_t i = __atomic_fetch_add(&counts->threads, 1, __ATOMIC_RELAXED);
		on_path = 1;
		if (i < THREADS)
			counts->thread[i] = (uint64_t)gettid();
	}
	got = real_recvmmsg(fd, m, n, flags, timeout);
	if (got > 0)
		count(&counts->received, (uint64_t)got);
	return got;
}

int
sendmmsg(int fd, struct mmsghdr *m, unsigned n, int flags)
{
	int sent = real_sendmmsg(fd, m, n, flags);

	/* alike replies share a message (outbox.h), each with an iovec of its own */
	for (int i = 0; i < sent; i++)
		count(&counts->sent, m[i].msg_hdr.msg_iovlen);
	return sent;
}

void *
malloc(size_t size)
{
	count(&counts->allocations, (uint64_t)on_path);
	return __libc_malloc(size);
}

void *
calloc(size_t n, size_t size)
{
	count(&counts->allocations, (uint64_t)on_path);
	return __libc_calloc(n, size);
}

void *
realloc(void *p, size_t size)
{
	count(&counts->allocations, (uint64_t)on_path);
	return __libc_realloc(p, size);
}

void
free(void *p)
{
	count(&counts->allocations, (uint64_t)on_path);
	__libc_free(p);
}

int
pthread_mutex_lock(pthread_mutex_t *mutex)
{
	count(&counts->locks, (uint64_t)on_path);
	return real_mutex_lock(mutex);
}

int
pthread_rwlock_rdlock(pthread_rwlock_t *lock)
{
	count(&counts->locks, (uint64_t)on_path);
	return real_rdlock(lock);
}

int
pthread_rwlock_wrlock(pthread_rwlock_t *lock)
{
	count(&counts->locks, (uint64_t)on_path);
	return real_wrlock(lock);
}
