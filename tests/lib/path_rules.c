/*
 * path_rules: watches dnsd's packet path from inside, loaded by LD_PRELOAD.
 *
 * Between one recvmmsg's return and the next call of recvmmsg a UDP worker is on the packet
 * path.  There everything but sendmmsg is a breach of the rules and is counted:
 * every system call, by the kernel (syscall user dispatch: it raises SIGSYS instead of
 * doing it, and the handler does it), allocations and locks by standing in for libc's.
 * At exit the sums go to the file PATH_RULES_OUT.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_SYS_DISPATCH_ON 1
#endif

enum { ALLOW = 0, BLOCK = 1, NUMBERS = 512 };

static uint64_t n_received, n_recvmmsg, n_sendmmsg, n_allocs, n_frees, n_locks, n_unarmed;
static uint64_t n_syscalls[NUMBERS];
static __thread volatile char selector;
static __thread char armed, on_path;

static void
count(uint64_t *counter, uint64_t n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

/* The worker made a system call on the path: counted, then done.  Until the next batch this
 * thread is free, so that sigreturn itself passes. */
static void
on_sigsys(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	greg_t *r = uc->uc_mcontext.gregs;
	unsigned number = (unsigned)info->si_syscall;

	(void)sig;
	selector = ALLOW;
	count(&n_syscalls[number < NUMBERS ? number : 0], 1);
	r[REG_RAX] = syscall((long)number, r[REG_RDI], r[REG_RSI], r[REG_RDX], r[REG_R10],
	    r[REG_R8], r[REG_R9]);
	if (r[REG_RAX] == -1)
		r[REG_RAX] = -errno;
}

static void
arm(void)
{
	struct sigaction sa = { .sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO };

	armed = 1;
	sigaction(SIGSYS, &sa, NULL);
	if (prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, &selector) < 0)
		count(&n_unarmed, 1);
}

int
recvmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags, struct timespec *timeout)
{
	long got;

	selector = ALLOW;
	on_path = 0;
	if (!armed)
		arm();
	got = syscall(SYS_recvmmsg, fd, msgs, n, flags, timeout);
	count(&n_recvmmsg, 1);
	if (got > 0 && msgs[0].msg_len != 0) {	/* a wake-up to end is no batch */
		count(&n_received, (uint64_t)got);
		on_path = 1;
		selector = BLOCK;
	}
	return (int)got;
}

int
sendmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags)
{
	char path = on_path;
	long sent;

	selector = ALLOW;
	sent = syscall(SYS_sendmmsg, fd, msgs, n, flags);
	count(&n_sendmmsg, 1);
	if (path)
		selector = BLOCK;
	return (int)sent;
}

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

void *
malloc(size_t size)
{
	count(&n_allocs, (uint64_t)on_path);
	return __libc_malloc(size);
}

void *
calloc(size_t n, size_t size)
{
	count(&n_allocs, (uint64_t)on_path);
	return __libc_calloc(n, size);
}

void *
realloc(void *p, size_t size)
{
	count(&n_allocs, (uint64_t)on_path);
	return __libc_realloc(p, size);
}

void *
aligned_alloc(size_t align, size_t size)
{
	count(&n_allocs, (uint64_t)on_path);
	return __libc_memalign(align, size);
}

void
free(void *p)
{
	count(&n_frees, (uint64_t)on_path);
	__libc_free(p);
}

#define LOCK(name, type)						\
int									\
name(type *lock)							\
{									\
	static int (*real)(type *);					\
									\
	if (real == NULL)						\
		real = (int (*)(type *))dlsym(RTLD_NEXT, #name);	\
	count(&n_locks, (uint64_t)on_path);				\
	return real(lock);						\
}

LOCK(pthread_mutex_lock, pthread_mutex_t)
LOCK(pthread_mutex_trylock, pthread_mutex_t)
LOCK(pthread_rwlock_rdlock, pthread_rwlock_t)
LOCK(pthread_rwlock_wrlock, pthread_rwlock_t)
LOCK(pthread_spin_lock, pthread_spinlock_t)

__attribute__((destructor)) static void
report(void)
{
	const char *path = getenv("PATH_RULES_OUT");
	FILE *f = path != NULL ? fopen(path, "w") : NULL;

	if (f == NULL)
		return;
	fprintf(f, "received %lu\nrecvmmsg %lu\nsendmmsg %lu\nallocs %lu\nfrees %lu\nlocks %lu\n"
	    "unarmed %lu\n",
	    n_received, n_recvmmsg, n_sendmmsg, n_allocs, n_frees, n_locks, n_unarmed);
	for (unsigned i = 0; i < NUMBERS; i++)
		if (n_syscalls[i] != 0)
			fprintf(f, "syscall_%u %lu\n", i, n_syscalls[i]);
	fclose(f);
}
