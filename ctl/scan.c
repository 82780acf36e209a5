#include "ctl/scan.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/text.h"

enum {
	RSYNC_PARTIAL = 23, RSYNC_VANISHED = 24,
	LINES_PER_FILE = 20, LINES_MORE = 1000000	/* more than any sound listing has */
};

static bool
is_the_same(const struct scan_run *scan, const struct listing_file *seen,
    const struct catalogue_file *file)
{
	int64_t apart = seen->mtime - file->mtime;

	return (seen->size == file->size && apart >= -1 && apart <= 1) ||
	    conf_mirror_outdated_ok(scan->mirror, seen->path, seen->len);
}

static void
on_listing_line(void *arg, const char *line, size_t len)
{
	static struct listing_file seen;	/* large, and one is enough */
	struct scan_run *scan = arg;
	struct catalogue_file file;
	enum listing_kind kind = listing_line(line, len, &seen);
	int found;

	scan->strange += kind == LISTING_STRANGE;
	if (kind != LISTING_FILE || scan->broken.text[0] != '\0')
		return;
	found = catalogue_find(scan->catalogue, seen.path, seen.len, &file, &scan->broken);
	if (found <= 0 || !is_the_same(scan, &seen, &file)) {
		scan->other++;
		return;
	}
	held_ids_add(scan->ids, file.id);
	if (seen.mtime > scan->newest)
		scan->newest = seen.mtime;
}

int
scan_begin(struct scan_run *scan, uint64_t limit_ms, struct err *err)
{
	const struct catalogue_about *about = catalogue_about(scan->catalogue);

	scan->began = clock_wall();
	scan->broken.text[0] = '\0';
	if ((scan->ids = held_ids_new()) == NULL)
		return err_set(err, "out of memory");
	scan->list.url = scan->mirror->rsync;
	scan->list.limit_ms = limit_ms;
	scan->list.lines_max = about->files * LINES_PER_FILE + LINES_MORE;
	scan->list.line = on_listing_line;
	scan->list.arg = scan;
	if (rsync_list_start(&scan->list, err) == 0)
		return 0;
	scan_clear(scan);
	return -1;
}

void
scan_clear(struct scan_run *scan)
{
	rsync_list_stop(&scan->list, "not wanted any more");
	held_ids_free(scan->ids);
	scan->ids = NULL;
}

/* How many of these files the catalogue still has. */
static uint64_t
still_there(struct catalogue *catalogue, const struct held_ids *ids)
{
	static char path[CATALOGUE_PATH_MAX + 1];
	struct catalogue_file file;
	struct err err;
	uint64_t n = 0;
	size_t len;
	uint32_t id;

	for (uint32_t rank = 0; held_ids_select(ids, rank, &id); rank++)
		n += catalogue_at(catalogue, id, &file, path, &len, &err) == 1;
	return n;
}

/* Less than half of what it had, and not because the catalogue has become smaller? */
static bool
has_lost(const struct scan_run *scan, const struct held_mirror *before, uint64_t *had)
{
	uint64_t n = held_ids_count(scan->ids);

	*had = 0;
	if (scan->force || before == NULL || before->n == 0 || n * 2 >= before->n)
		return false;
	*had = still_there(scan->catalogue, before->ids);
	return *had != 0 && n * 2 < *had;
}

static enum scan_end
store_failure(struct scan_run *scan, const char *path, struct err *words)
{
	struct err err;
	struct held_write *w = held_write_open(path, &err);

	if (w == NULL || held_write_failed(w, scan->mirror->name, scan->began, words->text,
	    &err) < 0)
		err_set(words, "%.250s; nor can that be kept: %.200s", words->text, err.text);
	held_write_close(w);
	return SCAN_FAILED;
}

static enum scan_end
store_found(struct scan_run *scan, const char *path, struct err *words)
{
	bool whole = scan->list.status == 0;
	struct held_write_scan found = { .began = scan->began, .complete = whole,
		.newest = scan->newest, .why = whole ? "" : scan->list.why };
	uint64_t n = held_ids_count(scan->ids);
	struct held_write *w;
	struct err err;
	int rc;

	if (whole && n == 0)
		found.why = "it has no file of the catalogue: is the path right?";
	w = held_write_open(path, &err);
	/* asked with the file open: begun anew, the file that is open has been put aside */
	if (w != NULL && !catalogue_is_current(scan->catalogue))
		rc = err_set(&err, "the catalogue was begun anew meanwhile");
	else
		rc = w == NULL || held_write_of(w, catalogue_about(scan->catalogue)->lineage,
		    &err) < 0 ? -1 :
		    held_write_scanned(w, scan->mirror->name, scan->ids, &found, &err);
	held_write_close(w);
	if (rc < 0) {
		err_set(words, "what it has cannot be kept: %.300s", err.text);
		return SCAN_FAILED;
	}
	err_set(words, "%llu of %llu files, %llu others, %llu line%s not understood%s%.250s",
	    (unsigned long long)n, (unsigned long long)catalogue_about(scan->catalogue)->files,
	    (unsigned long long)scan->other, (unsigned long long)scan->strange,
	    text_s(scan->strange), found.why[0] != '\0' ? ": " : "", found.why);
	return whole ? SCAN_TAKEN : SCAN_TAKEN_IN_PART;
}

enum scan_end
scan_finish(struct scan_run *scan, const char *path, const struct held *before, struct err *words)
{
	int place = held_find(before, scan->mirror->name), status = scan->list.status;
	uint64_t had;

	if (scan->broken.text[0] != '\0') {
		err_set(words, "%s", scan->broken.text);
		return store_failure(scan, path, words);
	}
	if (status != 0 && status != RSYNC_PARTIAL && status != RSYNC_VANISHED) {
		err_set(words, "%s", scan->list.why);
		return store_failure(scan, path, words);
	}
	if (!has_lost(scan, place >= 0 ? held_at(before, (size_t)place) : NULL, &had))
		return store_found(scan, path, words);
	err_set(words, "only %llu of the %llu files that it had: kept as it was (--force takes it)",
	    (unsigned long long)held_ids_count(scan->ids), (unsigned long long)had);
	store_failure(scan, path, words);
	return SCAN_KEPT;
}
