#include "healthd/prober/core.h"

#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "common/clock.h"

int
core_open(struct core *c, const struct conf *conf, struct err *err)
{
	memset(c, 0, sizeof(*c));
	for (size_t i = 0; i < CORE_RESERVE; i++)
		c->reserve[i] = -1;
	core_reserve(c);
	c->conf = conf;
	c->started = clock_wall();
	if (getrandom(&c->random, sizeof(c->random), GRND_NONBLOCK) != sizeof(c->random) ||
	    c->random == 0)
		c->random = (uint32_t)getpid() * 2654435761u | 1;
	c->loop = loop_new(err);
	if (c->loop == NULL)
		return -1;
	c->alarms.loop = c->loop;
	c->judge = judge_new(conf, core_now(c));
	return c->judge != NULL ? 0 : err_set(err, "out of memory");
}

void
core_close(struct core *c)
{
	core_lend(c);
	judge_free(c->judge);
	loop_free(c->loop);
}

struct judge_time
core_now(const struct core *c)
{
	return (struct judge_time){ loop_now(c->loop), clock_wall() };
}

void
core_step(struct core *c, const struct judge_event *event)
{
	judge_step(c->judge, event, core_now(c));
}

uint32_t
core_random(struct core *c)
{
	/* xorshift; never 0 when it was not 0 before */
	c->random ^= c->random << 13;
	c->random ^= c->random >> 17;
	c->random ^= c->random << 5;
	return c->random;
}

void
core_lend(struct core *c)
{
	for (size_t i = 0; i < CORE_RESERVE; i++) {
		if (c->reserve[i] >= 0)
			close(c->reserve[i]);
		c->reserve[i] = -1;
	}
}

void
core_reserve(struct core *c)
{
	for (size_t i = 0; i < CORE_RESERVE; i++)
		if (c->reserve[i] < 0)
			c->reserve[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
}
