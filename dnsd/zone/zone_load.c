#include "dnsd/zone/zone_load.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memory.h"
#include "dnsd/zone/zone_compile.h"
#include "dnsd/zone/zone_rdata.h"
#include "dnsd/zone/zone_source.h"
#include "dnsd/zone/zone_text.h"

enum { DEFAULT_DEPTH = 8, DEFAULT_TTL_S = 3600, FILES_MAX = 10000 };

/* One file while it is read; includes stand on each other. */
struct reader {
	const struct reader *above;	/* the file with the $INCLUDE, NULL for the zone's own */
	uint32_t file;			/* index of its name */
	dev_t dev;
	ino_t ino;
	struct zone_text text;
	uint8_t origin[NAME_MAX_WIRE];
	const uint8_t *owner;		/* of the last record; NULL = none yet */
};

struct load {
	struct zone_source src;
	struct zone_rdata rdata;
	uint64_t octets_left;
	unsigned depth, max_depth;
	bool has_ttl;			/* by $TTL */
	bool has_last;			/* by a record */
	uint32_t ttl_s;			/* of records that have none */
	struct err err;			/* what the tools below say, before file and line */
};

static int read_text(struct load *l, struct reader *rd, const char *text, size_t len);

static uint64_t
stamp_mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9ddfea08eb382d69);
	return h ^ h >> 47;
}

/* What tells one state of a file from another; 0 for a file that is not there.  Tools that copy
 * or unpack set st_mtim to what it was elsewhere; st_ctim is the kernel's alone. */
static uint64_t
stamp_of(uint64_t h, const struct stat *st)
{
	h = stamp_mix(h, (uint64_t)st->st_dev);
	h = stamp_mix(h, (uint64_t)st->st_ino);
	h = stamp_mix(h, (uint64_t)st->st_size);
	h = stamp_mix(h, (uint64_t)st->st_mtim.tv_sec);
	h = stamp_mix(h, (uint64_t)st->st_mtim.tv_nsec);
	h = stamp_mix(h, (uint64_t)st->st_ctim.tv_sec);
	return stamp_mix(h, (uint64_t)st->st_ctim.tv_nsec);
}

/* The mistake in err, with the file and line where the reader is. */
static int
refuse_here(struct load *l, const struct reader *rd)
{
	return zone_refuse(&l->src, rd->file, rd->text.first_line, "%s", l->err.text);
}

/* Reads an open file to the end into memory of its own.  Its size must stay what it was. */
static char *
slurp(int fd, const struct stat *st, struct err *err)
{
	size_t size = (size_t)st->st_size, have = 0;
	char *text = malloc(size + 1);
	struct stat now;

	if (text == NULL) {
		err_set(err, "out of memory for a file of %zu octets", size);
		return NULL;
	}
	while (have < size + 1) {
		ssize_t n = memory_read(fd, text + have, size + 1 - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err_set(err, "cannot read: %s", strerror(errno));
		if (n < 0) {
			free(text);
			return NULL;
		}
		if (n == 0)
			break;
		have += (size_t)n;
	}
	if (have != size || fstat(fd, &now) != 0 || stamp_of(0, &now) != stamp_of(0, st)) {
		err_set(err, "the file changed while it was read");
		free(text);
		return NULL;
	}
	return text;
}

static int
check_file(const struct load *l, const struct reader *above, const struct stat *st, struct err *err)
{
	if (!S_ISREG(st->st_mode))
		return err_set(err, "not a regular file");
	if ((uint64_t)st->st_size > l->octets_left)
		return err_set(err, "%" PRIu64 " octets: more than the zone may still have (%" PRIu64 ")",
		    (uint64_t)st->st_size, l->octets_left);
	if (l->src.n_files > FILES_MAX)
		return err_set(err, "more than %d included files", FILES_MAX);
	for (; above != NULL; above = above->above)
		if (above->dev == st->st_dev && above->ino == st->st_ino)
			return err_set(err, "an include loop: the file is already being read");
	return 0;
}

/* Opens and reads a file; *text is the caller's.  l->err says what is wrong. */
static int
open_file(struct load *l, struct reader *rd, const char *name, char **text, size_t *len)
{
	struct stat st;
	int fd = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

	*text = NULL;
	if (fd < 0)
		return err_set(&l->err, "cannot open: %s", strerror(errno));
	if (fstat(fd, &st) != 0)
		err_set(&l->err, "cannot stat: %s", strerror(errno));
	else if (check_file(l, rd->above, &st, &l->err) == 0)
		*text = slurp(fd, &st, &l->err);
	close(fd);
	if (*text == NULL)
		return -1;
	rd->dev = st.st_dev;
	rd->ino = st.st_ino;
	*len = (size_t)st.st_size;
	l->octets_left -= (uint64_t)st.st_size;
	l->src.stamp = stamp_of(l->src.stamp, &st);
	rd->file = zone_source_file(&l->src, name);
	return rd->file == UINT32_MAX ? err_set(&l->err, "out of memory") : 0;
}

/* $INCLUDE's file: relative names are relative to the including file's folder. */
static int
include_path(const struct load *l, const struct reader *rd, const struct zone_token *tok,
    char *path, size_t size)
{
	const char *from = l->src.files[rd->file], *slash = strrchr(from, '/');
	size_t at = 0;
	uint8_t c = 0;

	if (tok->len == 0)
		return -1;
	if (tok->s[0] != '/' && slash != NULL) {
		at = (size_t)(slash - from) + 1;
		if (at >= size)
			return -1;
		memcpy(path, from, at);
	}
	for (size_t i = 0; i < tok->len;) {
		if (!zone_text_char(tok->s, tok->len, &i, &c) || c == 0 || at + 1 >= size)
			return -1;
		path[at++] = (char)c;
	}
	path[at] = '\0';
	return 0;
}

static int
include(struct load *l, struct reader *rd)
{
	const struct zone_token *tok = rd->text.tokens;
	struct reader sub = { .above = rd, .owner = rd->owner };
	char path[4096], shown[ZONE_TOKEN_SHOWN];
	char *text;
	size_t len;
	int rc;

	if (rd->text.n_tokens < 2 || rd->text.n_tokens > 3)
		return err_set(&l->err, "$INCLUDE: expected a file and perhaps an origin");
	memcpy(sub.origin, rd->origin, sizeof(sub.origin));
	if (rd->text.n_tokens == 3 && zone_token_name(&tok[2], rd->origin, sub.origin, &l->err) < 0)
		return -1;
	if (include_path(l, rd, &tok[1], path, sizeof(path)) != 0)
		return err_set(&l->err, "$INCLUDE \"%s\": not the name of a file", zone_token_show(shown, &tok[1]));
	if (l->depth == l->max_depth)
		return err_set(&l->err, "$INCLUDE %s: more than %u files deep", path, l->max_depth);
	if (open_file(l, &sub, path, &text, &len) != 0) {
		free(text);
		return err_prefix(&l->err, "$INCLUDE %s", path);
	}
	l->depth++;
	rc = read_text(l, &sub, text, len);
	l->depth--;
	free(text);
	return rc == 0 ? 0 : -2;	/* the reason is complete */
}

/* 0, -1 with l->err, -2 when the reason has been given in full. */
static int
directive(struct load *l, struct reader *rd)
{
	const struct zone_token *tok = rd->text.tokens;
	char shown[ZONE_TOKEN_SHOWN];
	uint8_t origin[NAME_MAX_WIRE];

	if (zone_token_is(&tok[0], "$INCLUDE"))
		return include(l, rd);
	if (zone_token_is(&tok[0], "$ORIGIN")) {
		if (rd->text.n_tokens != 2)
			return err_set(&l->err, "$ORIGIN: expected one domain name");
		if (zone_token_name(&tok[1], rd->origin, origin, &l->err) < 0)
			return -1;
		memcpy(rd->origin, origin, name_len(origin));
		return 0;
	}
	if (zone_token_is(&tok[0], "$TTL")) {
		if (rd->text.n_tokens != 2)
			return err_set(&l->err, "$TTL: expected one time in seconds");
		if (zone_token_seconds(&tok[1], ZONE_MAX_TTL, &l->ttl_s, &l->err) != 0)
			return err_prefix(&l->err, "$TTL");
		l->has_ttl = true;
		return 0;
	}
	return err_set(&l->err, "directive \"%s\": expected $ORIGIN, $TTL or $INCLUDE",
	    zone_token_show(shown, &tok[0]));
}

/* Is it a class?  *in says whether the one we serve. */
static bool
is_class(const struct zone_token *tok, bool *in)
{
	*in = zone_token_is(tok, "IN") || zone_token_is(tok, "CLASS1");
	return *in || zone_token_is(tok, "CH") || zone_token_is(tok, "HS") || zone_token_is(tok, "CS") ||
	    zone_token_is(tok, "NONE") ||
	    (tok->len > 5 && strncasecmp(tok->s, "CLASS", 5) == 0 && tok->s[5] >= '0' && tok->s[5] <= '9');
}

/* [TTL] [class] in either order, then the type.  *n tokens are taken. */
static int
record_head(struct load *l, const struct zone_token *tok, uint32_t have, uint32_t *n,
    struct zone_record *rec)
{
	char shown[ZONE_TOKEN_SHOWN];
	bool ttl = false, class = false, in;

	for (*n = 0; *n < have && !tok[*n].quoted; ++*n) {
		const struct zone_token *t = &tok[*n];
		if (!ttl && t->s[0] >= '0' && t->s[0] <= '9') {
			if (zone_token_seconds(t, ZONE_MAX_TTL, &rec->ttl_s, &l->err) != 0)
				return err_prefix(&l->err, "TTL");
			ttl = true;
		} else if (!class && is_class(t, &in)) {
			if (!in)
				return err_set(&l->err, "class \"%s\": expected IN", zone_token_show(shown, t));
			class = true;
		} else {
			break;
		}
	}
	if (*n == have)
		return err_set(&l->err, "a record without a type: is the line cut off?");
	if (!zone_rdata_type(&l->rdata, &tok[*n], &rec->type))
		return err_set(&l->err, "type \"%s\": expected a record type", zone_token_show(shown, &tok[*n]));
	++*n;
	return ttl;
}

/* The record's owner, kept once for a run of records. */
static int
record_owner(struct load *l, struct reader *rd, const struct zone_token *tok)
{
	uint8_t name[NAME_MAX_WIRE];
	char text[NAME_TEXT], apex[NAME_TEXT];
	int len = zone_token_name(tok, rd->origin, name, &l->err);

	if (len < 0)
		return -1;
	if (rd->owner != NULL && memcmp(rd->owner, name, name_len(rd->owner)) == 0)
		return 0;		/* the length octets make it the same name */
	if (!name_below(name, l->src.apex))
		return err_set(&l->err, "%.200s is outside the zone %.200s", name_text(text, name),
		    name_text(apex, l->src.apex));
	rd->owner = zone_source_keep(&l->src, name, (size_t)len);
	return rd->owner == NULL ? err_set(&l->err, "out of memory") : 0;
}

/* The TTL of a record without one: $TTL's (RFC 2308 section 4), else the last one stated (RFC
 * 1035 section 5.1), else ldns's. */
static uint32_t
default_ttl(struct load *l, const struct reader *rd)
{
	if (!l->has_ttl && !l->has_last) {
		zone_warn(&l->src, rd->file, rd->text.first_line,
		    "a record without TTL, and none before it: %d seconds are used", DEFAULT_TTL_S);
		l->ttl_s = DEFAULT_TTL_S;
		l->has_last = true;
	}
	return l->ttl_s;
}

/* A TTL that a record states. */
static void
note_ttl(struct load *l, uint32_t ttl_s)
{
	if (l->has_ttl)
		return;
	l->ttl_s = ttl_s;
	l->has_last = true;
}

static int
record(struct load *l, struct reader *rd)
{
	const struct zone_token *tok = rd->text.tokens;
	uint32_t have = rd->text.n_tokens, n;
	struct zone_record rec = { .file = rd->file, .line = rd->text.first_line };
	char name[DNS_TYPE_TEXT];
	int ttl;

	if (!rd->text.blank) {
		if (record_owner(l, rd, tok) != 0)
			return -1;
		tok++;
		have--;
	} else if (rd->owner == NULL) {
		return err_set(&l->err, "a record without an owner, and none before it");
	}
	ttl = record_head(l, tok, have, &n, &rec);
	if (ttl < 0)
		return -1;
	if (ttl == 0)
		rec.ttl_s = default_ttl(l, rd);
	else
		note_ttl(l, rec.ttl_s);
	if (zone_rdata_meta(rec.type))
		return err_set(&l->err, "type %s is for questions, not for zone files",
		    dns_type_text(name, rec.type));
	l->rdata.type = rec.type;
	l->rdata.origin = rd->origin;
	if (zone_rdata_read(&l->rdata, tok + n, have - n, &l->err) != 0)
		return err_prefix(&l->err, "%s", dns_type_text(name, rec.type));
	rec.owner = rd->owner;
	rec.rdlength = (uint16_t)l->rdata.len;
	rec.rdata = zone_source_keep(&l->src, l->rdata.data, l->rdata.len);
	if (rec.rdata == NULL || zone_source_add(&l->src, &rec) != 0)
		return err_set(&l->err, "out of memory");
	return 0;
}

/* 0, or -1 with the reason in full. */
static int
read_text(struct load *l, struct reader *rd, const char *text, size_t len)
{
	int rc;

	zone_text_open(&rd->text, text, len);
	while ((rc = zone_text_next(&rd->text, &l->err)) == 1) {
		const struct zone_token *first = &rd->text.tokens[0];
		if (!rd->text.blank && !first->quoted && first->s[0] == '$')
			rc = directive(l, rd);
		else
			rc = record(l, rd);
		if (rc != 0)
			break;
		if (rd->text.unfinished)
			zone_warn(&l->src, rd->file, rd->text.line,
			    "the last line has no line end: is the file cut off?");
	}
	if (rc == -1)
		refuse_here(l, rd);
	zone_text_close(&rd->text);
	return rc == 0 ? 0 : -1;
}

static struct load *
load_open(const char *name, const struct zone_load_limits *limits, const struct warn *warn,
    struct err *err)
{
	uint8_t apex[NAME_MAX_WIRE];
	struct load *l;

	if (name_parse(apex, name, err) < 0) {
		err_prefix(err, "zone");
		return NULL;
	}
	l = calloc(1, sizeof(*l));
	if (l == NULL) {
		err_set(err, "zone %s: out of memory", name);
		return NULL;
	}
	zone_source_open(&l->src, apex, warn, err);
	l->octets_left = UINT32_MAX;
	l->max_depth = DEFAULT_DEPTH;
	if (limits != NULL && limits->max_octets != 0 && limits->max_octets < UINT32_MAX)
		l->octets_left = limits->max_octets;
	if (limits != NULL && limits->max_depth != 0)
		l->max_depth = limits->max_depth;
	return l;
}

/* Reads the text of the zone's own file and compiles the whole. */
static struct zone *
load_finish(struct load *l, struct reader *rd, char *own_text, const char *text, size_t len)
{
	struct zone *zone = NULL;
	int rc;

	memcpy(rd->origin, l->src.apex, l->src.apex_len);
	rc = read_text(l, rd, text, len);
	memory_free(own_text, len);	/* the records hold what they need: make room for the zone */
	if (rc == 0)
		zone = zone_compile(&l->src);
	if (zone != NULL) {
		zone->file_stamp = l->src.stamp;
		zone_warn_rest(&l->src);
	}
	zone_source_close(&l->src);
	free(l);
	malloc_trim(0);			/* what loading took goes back to the kernel */
	return zone;
}

struct zone *
zone_load(const char *name, const char *file, const struct zone_load_limits *limits,
    const struct warn *warn, struct err *err)
{
	struct load *l = load_open(name, limits, warn, err);
	struct reader rd = { .above = NULL };
	char *text;
	size_t len;

	if (l == NULL)
		return NULL;
	if (open_file(l, &rd, file, &text, &len) != 0) {
		err_set(err, "%.300s: %.150s", file, l->err.text);
		free(text);
		zone_source_close(&l->src);
		free(l);
		return NULL;
	}
	return load_finish(l, &rd, text, text, len);
}

struct zone *
zone_load_text(const char *name, const char *label, const char *text, size_t len,
    const struct zone_load_limits *limits, const struct warn *warn, struct err *err)
{
	struct load *l = load_open(name, limits, warn, err);
	struct reader rd = { .above = NULL };

	if (l == NULL)
		return NULL;
	rd.file = zone_source_file(&l->src, label);
	if (rd.file == UINT32_MAX || len > l->octets_left) {
		err_set(err, "%.300s: %zu octets: more than a zone may have", label, len);
		zone_source_close(&l->src);
		free(l);
		return NULL;
	}
	return load_finish(l, &rd, NULL, text, len);
}

uint64_t
zone_load_stamp(const struct zone *zone)
{
	const char *name = (const char *)zone->data + zone->files;
	uint64_t h = 0;
	struct stat st;

	for (uint32_t i = 0; i < zone->n_files; i++, name += strlen(name) + 1)
		h = stat(name, &st) == 0 ? stamp_of(h, &st) : stamp_mix(h, UINT64_MAX);
	return h;
}
