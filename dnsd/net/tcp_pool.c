#include "dnsd/net/tcp_pool.h"

#include <assert.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <pthread.h>
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

struct tcp_pool_network {
	struct tcp_pool_network *next;	/* in its bucket */
	struct cds_list_head members, holding;
	size_t held;			/* octets */
	unsigned count;			/* counted against the limit */
	unsigned refs;			/* members pointing here: those leaving included */
	uint8_t family;
	uint8_t ip[16];			/* masked */
};

struct tcp_pool {
	pthread_mutex_t lock;
	struct cds_list_head members[2];	/* strangers, own: next is the one listed first */
	struct cds_list_head holding;
	size_t held;			/* atomic; octets */
	unsigned count;			/* atomic */
	uint8_t key[16];		/* random, so that no client can choose its bucket */
	struct tcp_pool_network *buckets[BUCKETS];
};

#define MEMBER_OF(link, name) cds_list_entry((link), struct tcp_pool_member, name)

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
	CDS_INIT_LIST_HEAD(&pool->members[false]);
	CDS_INIT_LIST_HEAD(&pool->members[true]);
	CDS_INIT_LIST_HEAD(&pool->holding);
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

/* ---- networks ---- */

static struct tcp_pool_network **
network_place(struct tcp_pool *pool, uint8_t family, const uint8_t ip[16])
{
	struct tcp_pool_network **at = &pool->buckets[siphash(pool->key, ip, 16) % BUCKETS];

	while (*at != NULL && ((*at)->family != family || memcmp((*at)->ip, ip, 16) != 0))
		at = &(*at)->next;
	return at;
}

/* The entry of an address's network, made if need be. */
static struct tcp_pool_network *
network_get(struct tcp_pool *pool, const struct addr *addr, const struct tcp_pool_limits *limits)
{
	struct tcp_pool_network **at;
	uint8_t ip[16];

	memcpy(ip, addr->ip, 16);
	addr_mask(ip, addr->family == 4 ? limits->prefix4 : limits->prefix6);
	at = network_place(pool, addr->family, ip);
	if (*at == NULL && (*at = calloc(1, sizeof(**at))) != NULL) {
		(*at)->family = addr->family;
		memcpy((*at)->ip, ip, 16);
		CDS_INIT_LIST_HEAD(&(*at)->members);
		CDS_INIT_LIST_HEAD(&(*at)->holding);
	}
	return *at;
}

static void
network_drop_unused(struct tcp_pool *pool, struct tcp_pool_network *network)
{
	struct tcp_pool_network **at;

	if (network->refs != 0)
		return;
	at = network_place(pool, network->family, network->ip);
	*at = network->next;
	free(network);
}

/* ---- memory ---- */

uint32_t
tcp_pool_socket_octets(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(info);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) < 0)
		return 0;
	return info[SK_MEMINFO_RMEM_ALLOC] + info[SK_MEMINFO_WMEM_QUEUED];
}

static bool
is_holder(const struct tcp_pool_member *m)
{
	return (m->kept | m->socket) != 0;
}

/* Replaces what a member is said to hold. */
static void
account(struct tcp_pool *pool, struct tcp_pool_member *m, size_t kept, size_t socket)
{
	bool was = is_holder(m);
	size_t before = (size_t)m->kept + m->socket, now = kept + socket;

	if (now < TCP_POOL_LEAST)
		now = kept = socket = 0;
	m->kept = (uint32_t)kept;
	m->socket = (uint32_t)socket;
	m->network->held += now - before;
	__atomic_store_n(&pool->held, pool->held + now - before, __ATOMIC_RELAXED);
	if (was && now == 0) {
		cds_list_del(&m->holding);
		cds_list_del(&m->holding_same);
	} else if (!was && now != 0) {
		cds_list_add_tail(&m->holding, &pool->holding);
		cds_list_add_tail(&m->holding_same, &m->network->holding);
	}
}

/* False if it was a holder only by what its socket held, and that has been read since. */
static bool
still_holds(struct tcp_pool *pool, struct tcp_pool_member *m)
{
	account(pool, m, m->kept, tcp_pool_socket_octets(m->fd));
	return is_holder(m);
}

/* ---- who goes ---- */

/* Shuts a connection down.  From here on it is not counted; its owner will see the end of the
 * stream and close it. */
static void
send_away(struct tcp_pool *pool, struct tcp_pool_member *m)
{
	assert(!m->leaving && m->network->count != 0 && pool->count != 0);
	account(pool, m, 0, 0);
	cds_list_del(&m->all);
	cds_list_del(&m->same);
	m->leaving = true;
	m->network->count--;
	__atomic_store_n(&pool->count, pool->count - 1, __ATOMIC_RELAXED);
	shutdown(m->fd, SHUT_RDWR);
}

/* Moves a member to where its time belongs in a list.  It was active lately, so the search begins
 * at the end. */
static void
link_by_time(struct cds_list_head *head, struct cds_list_head *l, uint64_t ms, bool of_network)
{
	struct cds_list_head *after;

	cds_list_del(l);
	after = head->prev;
	for (unsigned i = 0; i < LOOK_MAX && after != head; i++, after = after->prev)
		if ((of_network ? MEMBER_OF(after, same) : MEMBER_OF(after, all))->listed_ms <= ms)
			break;
	cds_list_add_tail(l, after->next);		/* before what follows `after` */
}

static void
relist(struct tcp_pool *pool, struct tcp_pool_member *m, uint64_t active_ms)
{
	m->listed_ms = active_ms;
	link_by_time(&pool->members[m->own], &m->all, active_ms, false);
	link_by_time(&m->network->members, &m->same, active_ms, true);
}

/* The member idle for longest in a list, which is put in order on the way; NULL = all hold memory.
 * Members behind the one found were listed later, so that they have been active later too. */
static struct tcp_pool_member *
find_idle(struct tcp_pool *pool, struct cds_list_head *head, bool of_network)
{
	struct cds_list_head *l = head->next, *next;
	struct tcp_pool_member *found = NULL;

	for (unsigned i = 0; i < LOOK_MAX && l != head; i++, l = next) {
		struct tcp_pool_member *m = of_network ? MEMBER_OF(l, same) : MEMBER_OF(l, all);
		uint64_t active_ms = __atomic_load_n(&m->active_ms, __ATOMIC_RELAXED);

		next = l->next;
		if (active_ms != m->listed_ms)
			relist(pool, m, active_ms);
		if (is_holder(m))
			continue;
		if (l->next == next)
			return m;
		if (found == NULL || m->listed_ms < found->listed_ms)
			found = m;
	}
	return found;
}

/* Of one network's holders (NULL: of all strangers', or all our own) the one that has got nothing
 * done for longest, since `before_ms` or earlier; NULL = none. */
static struct tcp_pool_member *
find_holder(struct tcp_pool *pool, struct tcp_pool_network *network, bool own, uint64_t before_ms)
{
	struct cds_list_head *head = network != NULL ? &network->holding : &pool->holding;
	struct cds_list_head *l = head->next, *next;

	for (unsigned i = 0; i < LOOK_MAX && l != head; i++, l = next) {
		struct tcp_pool_member *m =
		    network != NULL ? MEMBER_OF(l, holding_same) : MEMBER_OF(l, holding);

		next = l->next;
		if (m->since_ms > before_ms)
			return NULL;
		if ((network != NULL || m->own == own) && still_holds(pool, m))
			return m;
	}
	return NULL;
}

/* Sends away who is worth least: of a network (else NULL), of all strangers, or all our own. */
static bool
make_room(struct tcp_pool *pool, struct tcp_pool_network *network, bool own, uint64_t now_ms)
{
	struct cds_list_head *head = network != NULL ? &network->members : &pool->members[own];
	uint64_t before_ms = now_ms > TCP_POOL_GRACE_MS ? now_ms - TCP_POOL_GRACE_MS : 0;
	struct tcp_pool_member *m = find_holder(pool, network, own, before_ms);

	if (m == NULL)
		m = find_idle(pool, head, network != NULL);
	if (m == NULL)
		m = find_holder(pool, network, own, UINT64_MAX);
	if (m == NULL)
		return false;
	send_away(pool, m);
	return true;
}

/* One of our own comes in the place of a stranger, if there is any; a stranger never in its. */
static bool
make_room_for(struct tcp_pool *pool, const struct tcp_pool_member *m,
    const struct tcp_pool_limits *limits, uint64_t now_ms, unsigned *evicted)
{
	if (m->network->count >= limits->same) {
		if (!make_room(pool, m->network, m->own, now_ms))
			return false;
		++*evicted;
	}
	if (pool->count >= limits->all) {
		if (!make_room(pool, NULL, false, now_ms) &&
		    (!m->own || !make_room(pool, NULL, true, now_ms)))
			return false;
		++*evicted;
	}
	return true;
}

static bool
add_locked(struct tcp_pool *pool, struct tcp_pool_member *m, const struct addr *addr,
    const struct tcp_pool_limits *limits, uint64_t now_ms, unsigned *evicted)
{
	m->network = network_get(pool, addr, limits);
	if (m->network == NULL)
		return false;
	if (!make_room_for(pool, m, limits, now_ms, evicted)) {
		network_drop_unused(pool, m->network);
		return false;
	}
	m->network->count++;
	m->network->refs++;
	__atomic_store_n(&pool->count, pool->count + 1, __ATOMIC_RELAXED);
	cds_list_add_tail(&m->all, &pool->members[m->own]);
	cds_list_add_tail(&m->same, &m->network->members);
	return true;
}

bool
tcp_pool_add(struct tcp_pool *pool, struct tcp_pool_member *m, const struct addr *addr,
    const struct tcp_pool_limits *limits, uint64_t now_ms, unsigned *evicted)
{
	bool added;

	m->listed_ms = m->active_ms = m->since_ms = now_ms;
	m->kept = m->socket = 0;
	m->leaving = false;
	*evicted = 0;
	pthread_mutex_lock(&pool->lock);
	added = add_locked(pool, m, addr, limits, now_ms, evicted);
	pthread_mutex_unlock(&pool->lock);
	return added;
}

void
tcp_pool_close(struct tcp_pool *pool, struct tcp_pool_member *m, bool reset)
{
	static const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (reset)
		setsockopt(m->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	pthread_mutex_lock(&pool->lock);
	assert(m->network->refs != 0 && m->network->count <= m->network->refs);
	if (!m->leaving) {
		account(pool, m, 0, 0);
		cds_list_del(&m->all);
		cds_list_del(&m->same);
		m->network->count--;
		__atomic_store_n(&pool->count, pool->count - 1, __ATOMIC_RELAXED);
	}
	close(m->fd);
	m->network->refs--;
	network_drop_unused(pool, m->network);
	pthread_mutex_unlock(&pool->lock);
}

bool
tcp_pool_evict(struct tcp_pool *pool, uint64_t now_ms)
{
	bool evicted;

	pthread_mutex_lock(&pool->lock);
	evicted = make_room(pool, NULL, false, now_ms) || make_room(pool, NULL, true, now_ms);
	pthread_mutex_unlock(&pool->lock);
	return evicted;
}

bool
tcp_pool_is_leaving(struct tcp_pool *pool, const struct tcp_pool_member *m)
{
	bool leaving;

	pthread_mutex_lock(&pool->lock);
	leaving = m->leaving;
	pthread_mutex_unlock(&pool->lock);
	return leaving;
}

/* ---- who holds too much ---- */

/* The network that holds most, of those whose strangers have held for longest; NULL = none. */
static struct tcp_pool_network *
largest_network(const struct tcp_pool *pool)
{
	const struct cds_list_head *l = pool->holding.next;
	struct tcp_pool_network *found = NULL;

	for (unsigned i = 0; i < LOOK_MAX && l != &pool->holding; i++, l = l->next) {
		const struct tcp_pool_member *m = MEMBER_OF(l, holding);

		if (!m->own && (found == NULL || m->network->held > found->held))
			found = m->network;
	}
	return found;
}

/* Sends the largest holder of a network away, of those who have held for longest. */
static bool
shrink(struct tcp_pool *pool, struct tcp_pool_network *network)
{
	struct cds_list_head *l = network->holding.next, *next;
	struct tcp_pool_member *found = NULL;

	for (unsigned i = 0; i < LOOK_MAX && l != &network->holding; i++, l = next) {
		struct tcp_pool_member *m = MEMBER_OF(l, holding_same);

		next = l->next;
		if (still_holds(pool, m) && (found == NULL ||
		    m->kept + m->socket > found->kept + found->socket))
			found = m;
	}
	/* what others have read meanwhile may have been enough */
	if (found == NULL ||
	    (network->held <= TCP_POOL_HELD_SAME && pool->held <= TCP_POOL_HELD_ALL))
		return false;
	send_away(pool, found);
	return true;
}

static unsigned
hold_locked(struct tcp_pool *pool, struct tcp_pool_member *m, size_t kept, size_t socket,
    bool done, uint64_t now_ms)
{
	struct tcp_pool_network *network;

	if (m->leaving)
		return 0;
	if (done || !is_holder(m)) {
		account(pool, m, 0, 0);		/* and to the end of the lists */
		m->since_ms = now_ms;
	}
	account(pool, m, kept, socket);
	if (m->network->held > TCP_POOL_HELD_SAME)
		return shrink(pool, m->network);
	if (pool->held <= TCP_POOL_HELD_ALL || (network = largest_network(pool)) == NULL)
		return 0;
	return shrink(pool, network);
}

unsigned
tcp_pool_hold(struct tcp_pool *pool, struct tcp_pool_member *m, size_t kept, size_t socket,
    bool done, uint64_t now_ms)
{
	unsigned gone;

	pthread_mutex_lock(&pool->lock);
	gone = hold_locked(pool, m, kept, socket, done, now_ms);
	pthread_mutex_unlock(&pool->lock);
	return gone;
}

unsigned
tcp_pool_count(const struct tcp_pool *pool)
{
	return __atomic_load_n(&pool->count, __ATOMIC_RELAXED);
}

size_t
tcp_pool_held(const struct tcp_pool *pool)
{
	return __atomic_load_n(&pool->held, __ATOMIC_RELAXED);
}
