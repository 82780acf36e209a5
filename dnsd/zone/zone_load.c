#include "dnsd/zone/zone_load.h"

#include <string.h>

#include "common/file.h"
#include "dnsd/zone/zone_check.h"
#include "dnsd/zone/zone_compile.h"
#include "dnsd/zone/zone_tree.h"

struct zone *
zone_load_source(struct zone_source *src)
{
	struct zone *zone = NULL;
	struct zone_tree tree;

	/* what is wrong makes other things look odd: that is not worth a warning now */
	if (src->mistakes.n != 0)
		src->warn = NULL;
	if (zone_tree_build(&tree, src) == 0 && zone_check(&tree) == 0)
		zone = zone_compile(&tree);
	zone_tree_free(&tree);
	if (zone != NULL)
		zone_warn_rest(src);
	else
		mistakes_tell(&src->mistakes, "", NULL, src->err);
	return zone;
}

/* An empty source for the zone of this name.  0, or -1 with a reason. */
static int
open_source(struct zone_source *src, const char *name, const struct warn *warn,
    struct err *err)
{
	uint8_t apex[NAME_MAX_WIRE];

	if (name_parse(apex, name, err) < 0)
		return err_prefix(err, "zone");
	zone_source_open(src, apex, warn, err);
	return 0;
}

struct zone *
zone_load(const char *name, const char *file, const struct zone_load_how *how, struct err *err)
{
	struct zone_source src;
	struct zone *zone;

	if (open_source(&src, name, how->warn, err) != 0)
		return NULL;
	src.pools = how->pools;
	zone_read_file(&src, file, how->limits);
	zone = zone_load_source(&src);
	if (zone == NULL)
		mistakes_tell(&src.mistakes, file, how->error, err);
	zone_source_close(&src);
	return zone;
}

struct zone *
zone_load_text(const char *name, const char *label, const char *text, size_t len,
    const struct zone_read_limits *limits, const struct warn *warn, struct err *err)
{
	struct zone_source src;
	struct zone *zone;

	if (open_source(&src, name, warn, err) != 0)
		return NULL;
	zone_read_text(&src, label, text, len, limits);
	zone = zone_load_source(&src);
	zone_source_close(&src);
	return zone;
}

bool
zone_load_changed(const struct zone *zone)
{
	const char *name = (const char *)zone->data + zone->files;
	uint64_t stamp = 0;

	for (uint32_t i = 0; i < zone->n_files; i++, name += strlen(name) + 1)
		stamp = file_stamp_add(stamp, file_stamp(name));
	return stamp != zone->file_stamp;
}
