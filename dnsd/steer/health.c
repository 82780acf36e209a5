#include "dnsd/steer/health.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"

static void
set_trust(struct health *h, enum health_trust trust, const char *why)
{
	h->trust = trust;
	snprintf(h->why, sizeof(h->why), "%s", why);
}

/* A stamp is a promise for `lease` milliseconds; one from the future promises nothing. */
static void
judge(struct health *h, const char *path)
{
	double lease_s = h->file.lease_ms / 1000.0;
	char why[512];

	h->age_at_read_s = clock_wall() - h->file.stamp;
	h->read_ms = clock_mono().ms;
	if (h->age_at_read_s < -lease_s) {
		snprintf(why, sizeof(why), "%.180s: its stamp is %.1f s in the future", path,
		    -h->age_at_read_s);
		set_trust(h, HEALTH_REFUSED, why);
	} else if (h->age_at_read_s >= lease_s) {
		snprintf(why, sizeof(why), "%.180s: %.1f s old, its lease is %.1f s", path,
		    h->age_at_read_s, lease_s);
		set_trust(h, HEALTH_EXPIRED, why);
	} else {
		double left_ms = (lease_s - (h->age_at_read_s > 0 ? h->age_at_read_s : 0)) * 1000;
		h->until_ms = h->read_ms + (uint64_t)left_ms;
		set_trust(h, HEALTH_FRESH, "");
	}
}

/* True if both files say the same of everybody; only when they were written differs. */
static bool
same_content(const struct health_file *a, const struct health_file *b)
{
	return a->n_sites == b->n_sites && a->n_servers == b->n_servers &&
	    (a->n_sites == 0 || memcmp(a->sites, b->sites, a->n_sites * sizeof(*a->sites)) == 0) &&
	    (a->n_servers == 0 ||
	    memcmp(a->servers, b->servers, a->n_servers * sizeof(*a->servers)) == 0);
}

bool
health_refresh(struct health *h, const char *path)
{
	enum health_trust before = h->trust;
	struct health_file file;
	bool same = false;
	struct err err;

	if (access(path, F_OK) < 0) {
		set_trust(h, HEALTH_NONE, "there is no health file");
	} else if (health_file_read(&file, path, &err) < 0) {
		set_trust(h, HEALTH_REFUSED, err.text);
	} else {
		same = same_content(&h->file, &file);
		health_file_clear(&h->file);
		h->file = file;
		judge(h, path);
	}
	return h->trust != before ? h->trust == HEALTH_FRESH || before == HEALTH_FRESH :
	    h->trust == HEALTH_FRESH && !same;
}

bool
health_expire(struct health *h)
{
	char why[512];

	if (h->trust != HEALTH_FRESH || clock_mono().ms < h->until_ms)
		return false;
	snprintf(why, sizeof(why), "the health file is %.1f s old, its lease is %.1f s",
	    health_age(h), h->file.lease_ms / 1000.0);
	set_trust(h, HEALTH_EXPIRED, why);
	return true;
}

const struct health_file *
health_believed(const struct health *h)
{
	return h->trust == HEALTH_FRESH ? &h->file : NULL;
}

double
health_age(const struct health *h)
{
	if (h->read_ms == 0)
		return -1;
	return h->age_at_read_s + (double)(clock_mono().ms - h->read_ms) / 1000;
}

void
health_clear(struct health *h)
{
	health_file_clear(&h->file);
	memset(h, 0, sizeof(*h));
}
