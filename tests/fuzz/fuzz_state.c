/* Any bytes as healthd's state file: good lines within all bounds, and never a crash. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "healthd/prober/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
look(void *arg, const struct state_item *item)
{
	unsigned *n = arg;

	++*n;
	if (strnlen(item->name, sizeof(item->name)) == sizeof(item->name) ||
	    item->name[0] == '\0' ||
	    strnlen(item->by, sizeof(item->by)) == sizeof(item->by) ||
	    strnlen(item->set, sizeof(item->set)) == sizeof(item->set))
		abort();
	if ((item->kind == STATE_OVERRIDE_SERVER || item->kind == STATE_OVERRIDE_SITE) &&
	    (item->override <= OVERRIDE_NONE || item->override >= OVERRIDE_COUNT ||
	    !isfinite(item->at) || !isfinite(item->until)))
		abort();
	if (item->kind == STATE_TARGET &&
	    ((item->state != HEALTH_UP && item->state != HEALTH_DOWN) ||
	    (item->family != 4 && item->family != 6) || !isfinite(item->since)))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned n = 0;
	struct state_report r = state_parse((const char *)data, size, look, &n);

	if (r.items != n || (r.whole && r.bad_lines != 0) || !isfinite(r.stamp))
		abort();
	return 0;
}
