/*
 * held_set: says which files mirrors hold, as scans would, for tests and benchmarks of redirectd.
 *
 *   held_set CATALOGUE MIRROR < PATHS		these files, a path a line
 *   held_set -a PERCENT CATALOGUE MIRROR...	so many of all, others for each mirror
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/catalogue/catalogue.h"
#include "common/catalogue/held_write.h"
#include "common/clock.h"
#include "common/err.h"

static struct err err;

static void
fail(void)
{
	fprintf(stderr, "held_set: %s\n", err.text);
	exit(1);
}

static void
store(struct held_write *writer, const char *mirror, const struct held_ids *ids)
{
	const struct held_write_scan scan = {
		.began = clock_wall(), .complete = true, .newest = 0, .why = ""
	};

	if (held_write_scanned(writer, mirror, ids, &scan, &err) < 0)
		fail();
}

static void
by_paths(struct catalogue *catalogue, struct held_ids *ids)
{
	char line[CATALOGUE_PATH_MAX + 2];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		struct catalogue_file file;
		size_t len = strcspn(line, "\n");

		if (catalogue_find(catalogue, line, len, &file, &err) != 1) {
			err_set(&err, "no file \"%.*s\"", (int)len, line);
			fail();
		}
		held_ids_add(ids, file.id);
	}
}

int
main(int argc, char **argv)
{
	unsigned percent = argc > 4 && strcmp(argv[1], "-a") == 0 ? (unsigned)atoi(argv[2]) : 0;
	const char *path = argv[percent != 0 ? 3 : 1];
	struct catalogue *catalogue = catalogue_open(path, &err);
	struct held_write *writer = held_write_open(path, &err);
	uint32_t last;

	if (catalogue == NULL || writer == NULL || argc < 3)
		fail();
	if (held_write_of(writer, catalogue_about(catalogue)->lineage, &err) < 0)
		fail();
	last = catalogue_about(catalogue)->last_id;
	for (int i = percent != 0 ? 4 : 2; i < argc; i++) {
		struct held_ids *ids = held_ids_new();
		uint32_t seed = (uint32_t)i * 2654435761u;

		for (uint32_t id = 1; percent != 0 && id <= last; id++) {
			seed = seed * 1664525u + 1013904223u;
			if (percent >= 100 || (seed >> 8) % 100 < percent)
				held_ids_add(ids, id);
		}
		if (percent == 0)
			by_paths(catalogue, ids);
		held_ids_pack(ids);
		store(writer, argv[i], ids);
		held_ids_free(ids);
	}
	held_write_close(writer);
	catalogue_close(catalogue);
	return 0;
}
