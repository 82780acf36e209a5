#include "dnsd/zone/zone_source.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/memory.h"

enum { BLOCK_OCTETS = 4 << 20 };

/* A piece of the arena, straight from the kernel so that freeing returns it. */
struct zone_block {
	struct zone_block *next;
	size_t size, used;
	uint8_t octets[];
};

void
zone_source_open(struct zone_source *src, const uint8_t *apex, const struct warn *warn,
    struct err *err)
{
	*src = (struct zone_source){ .warn = warn, .err = err };
	if (err != NULL)
		err->told = 0;		/* its text is written here without err_set */
	src->apex_len = (uint8_t)name_len(apex);
	src->apex_labels = (uint8_t)name_labels(apex);
	memcpy(src->apex, apex, src->apex_len);
}

void
zone_source_close(struct zone_source *src)
{
	for (struct zone_block *b = src->arena, *next; b != NULL; b = next) {
		next = b->next;
		munmap(b, b->size);
	}
	for (uint32_t i = 0; i < src->n_files; i++)
		free(src->files[i]);
	free(src->files);
	memory_free(src->records, src->room * sizeof(*src->records));
	*src = (struct zone_source){ 0 };
}

static struct zone_block *
block_new(struct zone_source *src, size_t want)
{
	size_t size = sizeof(struct zone_block) + want;
	struct zone_block *b;

	if (size < BLOCK_OCTETS)
		size = BLOCK_OCTETS;
	b = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (b == MAP_FAILED)
		return NULL;
	b->size = size;
	b->next = src->arena;
	src->arena = b;
	src->arena_left = size - sizeof(*b);
	return b;
}

uint8_t *
zone_source_keep(struct zone_source *src, const void *octets, size_t len)
{
	struct zone_block *b = src->arena;
	uint8_t *p;

	if (b == NULL || src->arena_left < len) {
		b = block_new(src, len);
		if (b == NULL)
			return NULL;
	}
	assert(b->used + len <= b->size - sizeof(*b));
	p = b->octets + b->used;
	if (len != 0)
		memcpy(p, octets, len);
	b->used += len;
	src->arena_left -= len;
	return p;
}

int
zone_source_add(struct zone_source *src, const struct zone_record *rec)
{
	assert(rec->owner != NULL && (rec->file < src->n_files || src->n_files == 0));
	if (src->n_records == src->room) {
		uint32_t room = src->room == 0 ? 1024 : src->room + src->room / 2;
		struct zone_record *grown;
		if (room > UINT32_MAX / 2)
			return -1;
		grown = realloc(src->records, room * sizeof(*grown));
		if (grown == NULL)
			return -1;
		src->records = grown;
		src->room = room;
	}
	src->records[src->n_records++] = *rec;
	src->place = 2 * (uint64_t)src->n_records;
	return 0;
}

void
zone_source_cut(struct zone_source *src, uint32_t n)
{
	assert(n <= src->n_records);
	src->n_records = n;
	src->place = 2 * (uint64_t)n;
}

uint32_t
zone_source_file(struct zone_source *src, const char *name)
{
	char **grown = realloc(src->files, (src->n_files + 1) * sizeof(*grown));

	if (grown == NULL)
		return UINT32_MAX;
	src->files = grown;
	grown[src->n_files] = strdup(name);
	if (grown[src->n_files] == NULL)
		return UINT32_MAX;
	return src->n_files++;
}

/* "FILE:LINE: " and the rest, cut to fit. */
__attribute__((format(printf, 6, 0)))
static void
complain(char *out, size_t size, const struct zone_source *src, uint32_t file, uint32_t line,
    const char *fmt, va_list ap)
{
	const char *name = file < src->n_files ? src->files[file] : "?";
	int n = line != 0 ? snprintf(out, size, "%.200s:%u: ", name, line) :
	    snprintf(out, size, "%.200s: ", name);

	vsnprintf(out + n, size - (size_t)n, fmt, ap);
}

/* Keeps a mistake; the first in its order is the reason. */
static int
keep_mistake(struct zone_source *src, uint64_t place, const char *line)
{
	mistakes_add(&src->mistakes, place, line);
	return err_set(src->err, "%s", src->mistakes.first[0].text);
}

int
zone_refuse(struct zone_source *src, uint32_t file, uint32_t line, const char *fmt, ...)
{
	struct err err;
	va_list ap;

	va_start(ap, fmt);
	complain(err.text, sizeof(err.text), src, file, line, fmt, ap);
	va_end(ap);
	return keep_mistake(src, src->place, err.text);
}

/* Is there a mistake in the record's line among those that are kept? */
static bool
line_is_told(const struct zone_source *src, const struct zone_record *rec)
{
	const char *name = rec->file < src->n_files ? src->files[rec->file] : "?";
	char start[256];
	int len = snprintf(start, sizeof(start), "%.200s:%u: ", name, rec->line);

	for (size_t i = 0; i < src->mistakes.n && i < MISTAKES_TOLD; i++)
		if (strncmp(src->mistakes.first[i].text, start, (size_t)len) == 0)
			return true;
	return false;
}

int
zone_refuse_at(struct zone_source *src, const struct zone_record *rec, const char *fmt, ...)
{
	struct err err;
	va_list ap;

	if (rec->line != 0 && line_is_told(src, rec))
		return -1;
	va_start(ap, fmt);
	complain(err.text, sizeof(err.text), src, rec->file, rec->line, fmt, ap);
	va_end(ap);
	return keep_mistake(src, 2 * (uint64_t)(rec - src->records) + 1, err.text);
}

char *
zone_source_line(const struct zone_source *src, const struct zone_record *rec,
    const struct zone_record *here, char out[ZONE_SOURCE_LINE])
{
	if (rec->file == here->file || rec->file >= src->n_files)
		snprintf(out, ZONE_SOURCE_LINE, "line %u", rec->line);
	else
		snprintf(out, ZONE_SOURCE_LINE, "line %u of %.100s", rec->line,
		    src->files[rec->file]);
	return out;
}

/* True when one more warning may be said. */
static bool
may_warn(struct zone_source *src)
{
	return src->warn != NULL && src->warnings++ < ZONE_WARNINGS;
}

void
zone_warn(struct zone_source *src, uint32_t file, uint32_t line, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (!may_warn(src))
		return;
	va_start(ap, fmt);
	complain(text, sizeof(text), src, file, line, fmt, ap);
	va_end(ap);
	err_warn(src->warn, "%s", text);
}

/* Was the same said lately of another record of this line? */
static bool
line_is_warned(struct zone_source *src, const struct zone_record *rec, const char *fmt)
{
	enum { KEPT = sizeof(src->warned) / sizeof(src->warned[0]) };

	for (unsigned i = 0; i < KEPT && rec->line != 0; i++) {
		const struct zone_warned *w = &src->warned[i];
		if (w->fmt == fmt && w->line == rec->line && w->file == rec->file &&
		    (w->rdata != rec->rdata || w->rdata == NULL))
			return true;
	}
	src->warned[src->n_warned++ % KEPT] = (struct zone_warned){
		.fmt = fmt, .rdata = rec->rdata, .file = rec->file, .line = rec->line
	};
	return false;
}

void
zone_warn_at(struct zone_source *src, const struct zone_record *rec, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (line_is_warned(src, rec, fmt) || !may_warn(src))
		return;
	va_start(ap, fmt);
	complain(text, sizeof(text), src, rec->file, rec->line, fmt, ap);
	va_end(ap);
	err_warn(src->warn, "%s", text);
}

void
zone_warn_rest(struct zone_source *src)
{
	char text[300];

	if (src->warn == NULL || src->warnings <= ZONE_WARNINGS)
		return;
	snprintf(text, sizeof(text), "%.200s: %u more warnings",
	    src->n_files != 0 ? src->files[0] : "?", src->warnings - ZONE_WARNINGS);
	err_warn(src->warn, "%s", text);
}
