#include "common/mirror_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/fields.h"
#include "common/file.h"
#include "common/health_file.h"
#include "common/text.h"

static const char *const mirror_states[] = { "unknown", "up", "incomplete", "down" };

enum { N_MIRROR_STATES = 4, SAMPLES_MAX = 100 };

const char *
mirror_file_state(enum mirror_state state)
{
	return mirror_states[(unsigned)state < N_MIRROR_STATES ? state : MIRROR_UNKNOWN];
}

bool
mirror_file_current(const struct mirror_file *file, double now)
{
	double age_s = now - file->stamp, lease_s = file->lease_ms / 1000.0;

	return age_s <= lease_s && age_s >= -lease_s;
}

void
mirror_file_clear(struct mirror_file *file)
{
	free(file->lines);
	memset(file, 0, sizeof(*file));
}

/* ---- reading ---- */

static int
read_mirror_head(struct fields *f, struct mirror_file *file)
{
	uint64_t lease;

	if (fields_next_line(f) < 0 || fields_expect(f, "nearcast-mirrors 1") < 0 ||
	    fields_number(f, " generation=", UINT64_MAX, &file->generation) < 0 ||
	    fields_seconds(f, " stamp=", &file->stamp) < 0 ||
	    fields_number(f, " lease=", 86400000, &lease) < 0)
		return -1;
	file->lease_ms = (uint32_t)lease;
	return fields_line_end(f);
}

/* After "mirror". */
static int
read_mirror_line(struct fields *f, struct mirror_line *line)
{
	unsigned state;
	uint64_t weight, samples, bad;

	if (fields_word(f, " ", line->name, sizeof(line->name)) < 0 ||
	    fields_one_of(f, " ", mirror_states, N_MIRROR_STATES, &state) < 0 ||
	    fields_seconds(f, " since=", &line->since) < 0 ||
	    fields_number(f, " weight=", 100, &weight) < 0 ||
	    fields_number(f, " samples=", SAMPLES_MAX, &samples) < 0 ||
	    fields_number(f, " bad=", samples, &bad) < 0 ||
	    fields_seconds(f, " scanned=", &line->scanned) < 0 ||
	    fields_reason(f, line->reason, sizeof(line->reason)) < 0)
		return -1;
	line->state = (enum mirror_state)state;
	line->weight = (uint8_t)weight;
	line->samples = (unsigned)samples;
	line->bad = (unsigned)bad;
	return fields_line_end(f);
}

static struct mirror_line *
add_mirror_line(struct mirror_file *file)
{
	struct mirror_line *v = file->lines;

	if ((file->n & (file->n - 1)) == 0) {
		v = realloc(v, (file->n != 0 ? 2 * file->n : 1) * sizeof(*v));
		if (v == NULL)
			return NULL;
		file->lines = v;
	}
	memset(&v[file->n], 0, sizeof(*v));
	return &v[file->n++];
}

static int
by_line_name(const void *a, const void *b)
{
	return strcmp(((const struct mirror_line *)a)->name, ((const struct mirror_line *)b)->name);
}

static int
sort_mirrors(struct fields *f, struct mirror_file *file)
{
	if (file->n != 0)
		qsort(file->lines, file->n, sizeof(*file->lines), by_line_name);
	for (size_t i = 1; i < file->n; i++)
		if (by_line_name(&file->lines[i - 1], &file->lines[i]) == 0)
			return err_set(f->err, "%s: mirror \"%s\" has two lines, one was expected",
			    f->name, file->lines[i].name);
	return 0;
}

static int
read_mirror_lines(struct fields *f, struct mirror_file *file)
{
	for (;;) {
		struct mirror_line *line;

		if (fields_next_line(f) < 0)
			return -1;
		if (!text_take(&f->line, "mirror"))
			break;
		if ((line = add_mirror_line(file)) == NULL)
			return fields_wrong(f, "out of memory");
		if (read_mirror_line(f, line) < 0)
			return -1;
	}
	return fields_end(f, file->n, "mirrors");
}

int
mirror_file_parse(struct mirror_file *file, const char *name, const char *text, size_t len,
    struct err *err)
{
	struct fields f = { .name = name, .rest = { text, text + len }, .err = err };

	memset(file, 0, sizeof(*file));
	if (len > MIRROR_FILE_MAX)
		err_set(err, "%s: %zu octets, a file of at most %u was expected", name, len,
		    MIRROR_FILE_MAX);
	else if (read_mirror_head(&f, file) == 0 && read_mirror_lines(&f, file) == 0 &&
	    sort_mirrors(&f, file) == 0)
		return 0;
	mirror_file_clear(file);
	return -1;
}

int
mirror_file_read(struct mirror_file *file, const char *path, struct err *err)
{
	size_t len;
	char *text = file_read(path, 0, MIRROR_FILE_MAX, &len, err);
	int done;

	memset(file, 0, sizeof(*file));
	if (text == NULL)
		return err_prefix(err, errno != 0 ? "%s: cannot be opened" : "%s", path);
	done = mirror_file_parse(file, path, text, len, err);
	free(text);
	return done;
}

const struct mirror_line *
mirror_file_find(const struct mirror_file *file, const char *name)
{
	struct mirror_line key = { .name = "" };

	if (file->n == 0 || strlen(name) >= sizeof(key.name))
		return NULL;
	strcpy(key.name, name);
	return bsearch(&key, file->lines, file->n, sizeof(key), by_line_name);
}

/* ---- writing ---- */

static int
print_mirrors(void *arg, FILE *out)
{
	const struct mirror_file *file = arg;
	char reason[MIRROR_REASON_MAX];

	fprintf(out, "nearcast-mirrors 1 generation=%llu stamp=%.3f lease=%u\n",
	    (unsigned long long)file->generation, file->stamp, file->lease_ms);
	for (size_t i = 0; i < file->n; i++) {
		const struct mirror_line *m = &file->lines[i];

		fprintf(out, "mirror %s %s since=%.3f weight=%u samples=%u bad=%u scanned=%.3f "
		    "reason=\"%s\"\n", m->name, mirror_file_state(m->state), m->since, m->weight,
		    m->samples, m->bad, m->scanned,
		    health_phrase(reason, sizeof(reason), m->reason));
	}
	fprintf(out, "end %zu\n", file->n);
	return 0;
}

int
mirror_file_write(const struct mirror_file *file, const char *path, struct err *err)
{
	const struct file_new how = { .mode = 0644, .print = print_mirrors, .arg = (void *)file };

	return file_replace(path, &how, err);
}
