#include "dnsd/net/tcp_pool.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/siphash.h"

enum {
	BUCKETS = 4096,
	LOOK_MAX = 128			/* members looked at, at most, to find one or its place */
};

struct tcp_pool_address {
	struct tcp_pool_address *next;	/* in its bucket */
	struct tcp_pool_link members;
	unsigned count;			/* counted against the limit */
	unsigned refs;			/* members pointing here: those leaving included */
	uint8_t family;
	uint8_t ip[16];
};

struct tcp_pool {
	pthread_mutex_t lock;
	struct tcp_pool_link members;	/* head: next is the one listed first */
	unsigned count;
	uint8_t key[16];		/* random, so that no client can choose its bucket */
	struct tcp_pool_address *buckets[BUCKETS];
};

#define MEMBER_OF(link, name) ((struct tcp_pool_member *)(void *) \
	((char *)(link) - offsetof(struct tcp_pool_member, name)))

static void
link_init(struct tcp_pool_link *head)
{
	head->prev = head->next = head;
}

static void
link_append(struct tcp_pool_link *head, struct tcp_pool_link *l)
{
	l->next = head;
	l->prev = head->prev;
	head->prev->next = l;
	head->prev = l;
}

static void
link_remove(struct tcp_pool_link *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
}

struct tcp_pool *
tcp_pool_new(struct err *err)
{
	struct tcp_pool *pool = calloc(1, sizeof(*pool));

	if (pool == NULL || getrandom(pool->key, sizeof(pool->key), 0) != sizeof(pool->key)) {
		err_set(err, "TCP connections: %s", strerror(errno));
		free(pool);
		return NULL;
	}
	pthread_mutex_init(&pool->lock, NULL);
	link_init(&pool->members);
	return pool;
}

void
tcp_pool_free(struct tcp_pool *pool)
{
	if (pool == NULL)
		return;
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

static struct tcp_pool_address **
address_place(struct tcp_pool *pool, uint8_t family, const uint8_t ip[16])
{
	struct tcp_pool_address **at = &pool->buckets[siphash(pool->key, ip, 16) % BUCKETS];

	while (*at != NULL && ((*at)->family != family || memcmp((*at)->ip, ip, 16) != 0))
		at = &(*at)->next;
	return at;
}

/* The entry of an address, made if need be. */
static struct tcp_pool_address *
address_get(struct tcp_pool *pool, const struct addr *addr)
{
	struct tcp_pool_address **at = address_place(pool, addr->family, addr->ip);

	if (*at == NULL && (*at = calloc(1, sizeof(**at))) != NULL) {
		(*at)->family = addr->family;
		memcpy((*at)->ip, addr->ip, 16);
		link_init(&(*at)->members);
	}
	return *at;
}

static void
address_drop_unused(struct tcp_pool *pool, struct tcp_pool_address *address)
{
	struct tcp_pool_address **at;

	if (address->refs != 0)
		return;
	at = address_place(pool, address->family, address->ip);
	*at = address->next;
	free(address);
}

/* Moves a member to where its time belongs in a list.  It was active lately, so the search begins
 * at the end. */
static void
link_by_time(struct tcp_pool_link *head, struct tcp_pool_link *l, uint64_t ms, bool of_address)
{
	struct tcp_pool_link *after;

	link_remove(l);
	after = head->prev;
	for (unsigned i = 0; i < LOOK_MAX && after != head; i++, after = after->prev)
		if ((of_address ? MEMBER_OF(after, same) : MEMBER_OF(after, all))->listed_ms <= ms)
			break;
	link_append(after->next, l);		/* before what follows `after` */
}

static void
relist(struct tcp_pool *pool, struct tcp_pool_member *m, uint64_t active_ms)
{
	m->listed_ms = active_ms;
	link_by_time(&pool->members, &m->all, active_ms, false);
	link_by_time(&m->address->members, &m->same, active_ms, true);
}

/* The member idle for longest in a list, which is put in order on the way; NULL = none.  Members
 * behind the one found were listed later, so that they have been active later too. */
static struct tcp_pool_member *
find_idle(struct tcp_pool *pool, struct tcp_pool_link *head, bool of_address)
{
	struct tcp_pool_link *l = head->next, *next;

	for (unsigned i = 0; i < LOOK_MAX && l != head; i++, l = next) {
		struct tcp_pool_member *m = of_address ? MEMBER_OF(l, same) : MEMBER_OF(l, all);
		uint64_t active_ms = __atomic_load_n(&m->active_ms, __ATOMIC_RELAXED);

		next = l->next;
		if (active_ms != m->listed_ms)
			relist(pool, m, active_ms);
		if (l->next == next && !__atomic_load_n(&m->busy, __ATOMIC_RELAXED))
			return m;
	}
	return NULL;
}

/* Shuts a connection down.  From here on it is not counted; its owner will see the end of the
 * stream and close it. */
static void
send_away(struct tcp_pool *pool, struct tcp_pool_member *m)
{
	assert(!m->leaving && m->address->count != 0 && pool->count != 0);
	link_remove(&m->all);
	link_remove(&m->same);
	m->leaving = true;
	m->address->count--;
	pool->count--;
	shutdown(m->fd, SHUT_RDWR);
}

static bool
make_room(struct tcp_pool *pool, struct tcp_pool_link *head, bool of_address, bool *evicted)
{
	struct tcp_pool_member *m = find_idle(pool, head, of_address);

	if (m == NULL)
		return false;
	send_away(pool, m);
	*evicted = true;
	return true;
}

static bool
add_locked(struct tcp_pool *pool, struct tcp_pool_member *m, const struct addr *addr,
    unsigned max_all, unsigned max_same, bool *evicted)
{
	m->address = address_get(pool, addr);
	if (m->address == NULL)
		return false;
	if ((m->address->count >= max_same &&
	    !make_room(pool, &m->address->members, true, evicted)) ||
	    (pool->count >= max_all && !make_room(pool, &pool->members, false, evicted))) {
		address_drop_unused(pool, m->address);
		return false;
	}
	m->address->count++;
	m->address->refs++;
	pool->count++;
	link_append(&pool->members, &m->all);
	link_append(&m->address->members, &m->same);
	return true;
}

bool
tcp_pool_add(struct tcp_pool *pool, struct tcp_pool_member *m, const struct addr *addr,
    unsigned max_all, unsigned max_same, uint64_t now_ms, bool *evicted)
{
	bool added;

	m->listed_ms = m->active_ms = now_ms;
	m->busy = m->leaving = false;
	*evicted = false;
	pthread_mutex_lock(&pool->lock);
	added = add_locked(pool, m, addr, max_all, max_same, evicted);
	pthread_mutex_unlock(&pool->lock);
	return added;
}

void
tcp_pool_close(struct tcp_pool *pool, struct tcp_pool_member *m)
{
	pthread_mutex_lock(&pool->lock);
	assert(m->address->refs != 0 && m->address->count <= m->address->refs);
	if (!m->leaving) {
		link_remove(&m->all);
		link_remove(&m->same);
		m->address->count--;
		pool->count--;
	}
	close(m->fd);
	m->address->refs--;
	address_drop_unused(pool, m->address);
	pthread_mutex_unlock(&pool->lock);
}

bool
tcp_pool_evict(struct tcp_pool *pool)
{
	bool evicted = false;

	pthread_mutex_lock(&pool->lock);
	make_room(pool, &pool->members, false, &evicted);
	pthread_mutex_unlock(&pool->lock);
	return evicted;
}

unsigned
tcp_pool_count(struct tcp_pool *pool)
{
	unsigned count;

	pthread_mutex_lock(&pool->lock);
	count = pool->count;
	pthread_mutex_unlock(&pool->lock);
	return count;
}
