#include "healthd/check/running.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/* One check of one address; check "" = none. */
struct one {
	char check[64];
	struct addr addr;
};

struct page {
	struct one now;
	struct one blamed;
	uint64_t blamed_ms;
	struct one aside[RUNNING_MAX];
	unsigned n_aside;		/* ever; the last RUNNING_MAX of them are there */
};

static struct page *page;		/* shared by the keeper's children; NULL = none */

static void
set_one(struct one *one, const struct conf_check *check, const struct addr *addr)
{
	size_t len = strnlen(check->name, sizeof(one->check) - 1);

	memcpy(one->check, check->name, len);
	one->check[len] = '\0';
	one->addr = *addr;
}

static bool
same(const struct one *a, const struct one *b)
{
	return strcmp(a->check, b->check) == 0 && addr_equal(&a->addr, &b->addr) &&
	    a->addr.port == b->addr.port;
}

int
running_open(struct err *err)
{
	void *at = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
	    -1, 0);

	if (at == MAP_FAILED)
		return err_set(err, "mmap: %s", strerror(errno));
	page = at;
	return 0;
}

void
running_note(const struct conf_check *check, const struct addr *addr)
{
	if (page != NULL)
		set_one(&page->now, check, addr);
}

void
running_wipe(void)
{
	if (page != NULL)
		page->now.check[0] = '\0';
}

bool
running_blame(uint64_t now_ms)
{
	bool again;

	if (page == NULL || page->now.check[0] == '\0')
		return false;
	page->now.check[sizeof(page->now.check) - 1] = '\0';
	again = same(&page->now, &page->blamed) && now_ms - page->blamed_ms < RUNNING_BLAME_MS;
	if (again)
		page->aside[page->n_aside++ % RUNNING_MAX] = page->now;
	page->blamed = page->now;
	page->blamed_ms = now_ms;
	page->now.check[0] = '\0';
	return again;
}

bool
running_is_aside(const struct conf_check *check, const struct addr *addr)
{
	struct one wanted = { .check = "" };

	if (page == NULL || page->n_aside == 0)
		return false;
	set_one(&wanted, check, addr);
	for (unsigned i = 0; i < RUNNING_MAX && i < page->n_aside; i++)
		if (same(&page->aside[i], &wanted))
			return true;
	return false;
}

void
running_forgive(void)
{
	if (page != NULL)
		memset(page, 0, sizeof(*page));
}
