#include "dnsd/net/own.h"

#include <assert.h>
#include <linux/filter.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

enum {
	INSTRUCTIONS = 4096,		/* the kernel's most */
	EACH = 12,			/* of them for an address, at most */
	LO = 1				/* lo's number in every network namespace */
};

struct program {
	unsigned short n;
	struct sock_filter v[INSTRUCTIONS];
};

static void
put_step(struct program *p, uint16_t code, uint8_t yes, uint8_t no, uint32_t k)
{
	assert(p->n < INSTRUCTIONS);
	p->v[p->n++] = (struct sock_filter){ code, yes, no, k };
}

/* Offsets of words of the IP header; `from` = of the source, else of the destination. */
static uint32_t
word_at(uint8_t family, bool from, unsigned word)
{
	uint32_t first = family == 4 ? (from ? 12 : 16) : (from ? 8 : 24);

	return (uint32_t)SKF_NET_OFF + first + 4 * word;
}

/* What follows a comparison that held: the packet passes if it arrived on lo. */
static void
put_verdict(struct program *p)
{
	put_step(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)SKF_AD_OFF + SKF_AD_IFINDEX);
	put_step(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, LO);
	put_step(p, BPF_RET | BPF_K, 0, 0, UINT32_MAX);
	put_step(p, BPF_RET | BPF_K, 0, 0, 0);
}

/* If the source is `ip`, the verdict; else it goes on behind it.  Each word that differs jumps
 * over the rest of the comparison and the verdict's four instructions. */
static void
put_address(struct program *p, uint8_t family, const uint8_t *ip)
{
	unsigned words = (unsigned)addr_len(family) / 4;

	for (unsigned i = 0; i < words; i++) {
		uint32_t word = (uint32_t)ip[4 * i] << 24 | (uint32_t)ip[4 * i + 1] << 16 |
		    (uint32_t)ip[4 * i + 2] << 8 | ip[4 * i + 3];

		put_step(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, word_at(family, true, i));
		put_step(p, BPF_JMP | BPF_JEQ | BPF_K, 0, (uint8_t)(2 * (words - 1 - i) + 4), word);
	}
	put_verdict(p);
}

/* If source and destination are the same, the verdict. */
static void
put_same(struct program *p, uint8_t family)
{
	unsigned words = (unsigned)addr_len(family) / 4;

	for (unsigned i = 0; i < words; i++) {
		put_step(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, word_at(family, false, i));
		put_step(p, BPF_MISC | BPF_TAX, 0, 0, 0);
		put_step(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, word_at(family, true, i));
		put_step(p, BPF_JMP | BPF_JEQ | BPF_X, 0, (uint8_t)(4 * (words - 1 - i) + 4), 0);
	}
	put_verdict(p);
}

static bool
in_vrf(int fd)
{
	char name[IF_NAMESIZE] = "";
	socklen_t len = sizeof(name);

	return getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len) == 0 && len != 0 &&
	    name[0] != '\0';
}

bool
own_guard(int fd, const struct addr *to, const struct addr *listen, size_t n)
{
	struct program p = { .n = 0 };
	struct sock_fprog prog = { .filter = p.v };

	if (in_vrf(fd))
		return false;
	if (addr_is_zero(to->ip))
		put_same(&p, to->family);
	for (size_t i = 0; i < n; i++) {
		if (listen[i].family != to->family || addr_is_zero(listen[i].ip))
			continue;
		if (p.n + EACH >= INSTRUCTIONS)
			return false;
		put_address(&p, to->family, listen[i].ip);
	}
	put_step(&p, BPF_RET | BPF_K, 0, 0, UINT32_MAX);
	prog.len = p.n;
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) == 0;
}

bool
own_is(const struct addr *listen, size_t n, const struct addr *from, const uint8_t *to)
{
	for (size_t i = 0; i < n; i++)
		if (listen[i].family == from->family &&
		    memcmp(addr_is_zero(listen[i].ip) ? to : listen[i].ip, from->ip, 16) == 0)
			return true;
	return false;
}
