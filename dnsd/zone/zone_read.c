#include "dnsd/zone/zone_read.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/dns/dns.h"
#include "common/memory.h"
#include "dnsd/zone/zone_rdata.h"
#include "dnsd/zone/zone_text.h"

enum { DEFAULT_DEPTH = 8, DEFAULT_TTL_S = 3600, FILES_MAX = 10000 };

/* One file while it is read; includes stand on each other. */
struct input {
	const struct input *above;	/* the file with the $INCLUDE, NULL for the zone's own */
	uint32_t file;			/* index of its name */
	dev_t dev;
	ino_t ino;
	struct zone_text text;
	uint8_t origin[NAME_MAX_WIRE];
	const uint8_t *owner;		/* of the last record; NULL = none yet */
};

struct reading {
	struct zone_source *src;	/* the caller's */
	struct zone_rdata rdata;
	uint64_t octets_left;
	unsigned depth, max_depth;
	bool has_ttl;			/* by $TTL */
	bool has_last;			/* by a record */
	uint32_t ttl_s;			/* of records that have none */
	struct err err;			/* what the tools below say, before file and line */
};

static int read_text(struct reading *r, struct input *in, const char *text, size_t len);

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
refuse_here(struct reading *r, const struct input *in)
{
	return zone_refuse(r->src, in->file, in->text.first_line, "%s", r->err.text);
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
check_file(const struct reading *r, const struct input *above, const struct stat *st, struct err *err)
{
	if (!S_ISREG(st->st_mode))
		return err_set(err, "not a regular file");
	if ((uint64_t)st->st_size > r->octets_left)
		return err_set(err, "%" PRIu64 " octets: more than the zone may still have (%" PRIu64 ")",
		    (uint64_t)st->st_size, r->octets_left);
	if (r->src->n_files > FILES_MAX)
		return err_set(err, "more than %d included files", FILES_MAX);
	for (; above != NULL; above = above->above)
		if (above->dev == st->st_dev && above->ino == st->st_ino)
			return err_set(err, "an include loop: the file is already being read");
	return 0;
}

/* Opens and reads a file; *text is the caller's.  r->err says what is wrong. */
static int
open_file(struct reading *r, struct input *in, const char *name, char **text, size_t *len)
{
	struct stat st;
	int fd = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);

	*text = NULL;
	if (fd < 0)
		return err_set(&r->err, "cannot open: %s", strerror(errno));
	if (fstat(fd, &st) != 0)
		err_set(&r->err, "cannot stat: %s", strerror(errno));
	else if (check_file(r, in->above, &st, &r->err) == 0)
		*text = slurp(fd, &st, &r->err);
	close(fd);
	if (*text == NULL)
		return -1;
	in->dev = st.st_dev;
	in->ino = st.st_ino;
	*len = (size_t)st.st_size;
	r->octets_left -= (uint64_t)st.st_size;
	r->src->stamp = stamp_of(r->src->stamp, &st);
	in->file = zone_source_file(r->src, name);
	return in->file == UINT32_MAX ? err_set(&r->err, "out of memory") : 0;
}

/* $INCLUDE's file: relative names are relative to the including file's folder. */
static int
include_path(const struct reading *r, const struct input *in, const struct zone_token *tok,
    char *path, size_t size)
{
	const char *from = r->src->files[in->file], *slash = strrchr(from, '/');
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
include(struct reading *r, struct input *in)
{
	const struct zone_token *tok = in->text.tokens;
	struct input sub = { .above = in, .owner = in->owner };
	char path[4096], shown[ZONE_TOKEN_SHOWN];
	char *text;
	size_t len;
	int rc;

	if (in->text.n_tokens < 2 || in->text.n_tokens > 3)
		return err_set(&r->err, "$INCLUDE: expected a file and perhaps an origin");
	memcpy(sub.origin, in->origin, sizeof(sub.origin));
	if (in->text.n_tokens == 3 && zone_token_name(&tok[2], in->origin, sub.origin, &r->err) < 0)
		return -1;
	if (include_path(r, in, &tok[1], path, sizeof(path)) != 0)
		return err_set(&r->err, "$INCLUDE \"%s\": not the name of a file", zone_token_show(shown, &tok[1]));
	if (r->depth == r->max_depth)
		return err_set(&r->err, "$INCLUDE %s: more than %u files deep", path, r->max_depth);
	if (open_file(r, &sub, path, &text, &len) != 0) {
		free(text);
		return err_prefix(&r->err, "$INCLUDE %s", path);
	}
	r->depth++;
	rc = read_text(r, &sub, text, len);
	r->depth--;
	free(text);
	return rc == 0 ? 0 : -2;	/* the reason is complete */
}

/* 0, -1 with r->err, -2 when the reason has been given in full. */
static int
directive(struct reading *r, struct input *in)
{
	const struct zone_token *tok = in->text.tokens;
	char shown[ZONE_TOKEN_SHOWN];
	uint8_t origin[NAME_MAX_WIRE];

	if (zone_token_is(&tok[0], "$INCLUDE"))
		return include(r, in);
	if (zone_token_is(&tok[0], "$ORIGIN")) {
		if (in->text.n_tokens != 2)
			return err_set(&r->err, "$ORIGIN: expected one domain name");
		if (zone_token_name(&tok[1], in->origin, origin, &r->err) < 0)
			return -1;
		memcpy(in->origin, origin, name_len(origin));
		return 0;
	}
	if (zone_token_is(&tok[0], "$TTL")) {
		if (in->text.n_tokens != 2)
			return err_set(&r->err, "$TTL: expected one time in seconds");
		if (zone_token_seconds(&tok[1], ZONE_MAX_TTL, &r->ttl_s, &r->err) != 0)
			return err_prefix(&r->err, "$TTL");
		r->has_ttl = true;
		return 0;
	}
	return err_set(&r->err, "directive \"%s\": expected $ORIGIN, $TTL or $INCLUDE",
	    zone_token_show(shown, &tok[0]));
}

/* Is it a class?  *ours says whether the one we serve. */
static bool
is_class(const struct zone_token *tok, bool *ours)
{
	*ours = zone_token_is(tok, "IN") || zone_token_is(tok, "CLASS1");
	return *ours || zone_token_is(tok, "CH") || zone_token_is(tok, "HS") || zone_token_is(tok, "CS") ||
	    zone_token_is(tok, "NONE") ||
	    (tok->len > 5 && strncasecmp(tok->s, "CLASS", 5) == 0 && tok->s[5] >= '0' && tok->s[5] <= '9');
}

/* [TTL] [class] in either order, then the type.  *n tokens are taken. */
static int
record_head(struct reading *r, const struct zone_token *tok, uint32_t have, uint32_t *n,
    struct zone_record *rec)
{
	char shown[ZONE_TOKEN_SHOWN];
	bool ttl = false, class = false, ours;

	for (*n = 0; *n < have && !tok[*n].quoted; ++*n) {
		const struct zone_token *t = &tok[*n];
		if (!ttl && t->s[0] >= '0' && t->s[0] <= '9') {
			if (zone_token_seconds(t, ZONE_MAX_TTL, &rec->ttl_s, &r->err) != 0)
				return err_prefix(&r->err, "TTL");
			ttl = true;
		} else if (!class && is_class(t, &ours)) {
			if (!ours)
				return err_set(&r->err, "class \"%s\": expected IN", zone_token_show(shown, t));
			class = true;
		} else {
			break;
		}
	}
	if (*n == have)
		return err_set(&r->err, "a record without a type: is the line cut off?");
	if (!zone_rdata_type(&r->rdata, &tok[*n], &rec->type))
		return err_set(&r->err, "type \"%s\": expected a record type", zone_token_show(shown, &tok[*n]));
	++*n;
	return ttl;
}

/* The record's owner, kept once for a run of records. */
static int
record_owner(struct reading *r, struct input *in, const struct zone_token *tok)
{
	uint8_t name[NAME_MAX_WIRE];
	char text[NAME_TEXT], apex[NAME_TEXT];
	int len = zone_token_name(tok, in->origin, name, &r->err);

	if (len < 0)
		return -1;
	if (in->owner != NULL && memcmp(in->owner, name, name_len(in->owner)) == 0)
		return 0;		/* the length octets make it the same name */
	if (!name_below(name, r->src->apex))
		return err_set(&r->err, "%.200s is outside the zone %.200s", name_text(text, name),
		    name_text(apex, r->src->apex));
	in->owner = zone_source_keep(r->src, name, (size_t)len);
	return in->owner == NULL ? err_set(&r->err, "out of memory") : 0;
}

/* The TTL of a record without one: $TTL's (RFC 2308 section 4), else the last one stated (RFC
 * 1035 section 5.1), else ldns's. */
static uint32_t
default_ttl(struct reading *r, const struct input *in)
{
	if (!r->has_ttl && !r->has_last) {
		zone_warn(r->src, in->file, in->text.first_line,
		    "a record without TTL, and none before it: %d seconds are used", DEFAULT_TTL_S);
		r->ttl_s = DEFAULT_TTL_S;
		r->has_last = true;
	}
	return r->ttl_s;
}

/* A TTL that a record states. */
static void
note_ttl(struct reading *r, uint32_t ttl_s)
{
	if (r->has_ttl)
		return;
	r->ttl_s = ttl_s;
	r->has_last = true;
}

static int
record(struct reading *r, struct input *in)
{
	const struct zone_token *tok = in->text.tokens;
	uint32_t have = in->text.n_tokens, n;
	struct zone_record rec = { .file = in->file, .line = in->text.first_line };
	char name[DNS_TYPE_TEXT];
	int ttl;

	if (!in->text.blank) {
		if (record_owner(r, in, tok) != 0)
			return -1;
		tok++;
		have--;
	} else if (in->owner == NULL) {
		return err_set(&r->err, "a record without an owner, and none before it");
	}
	ttl = record_head(r, tok, have, &n, &rec);
	if (ttl < 0)
		return -1;
	if (ttl == 0)
		rec.ttl_s = default_ttl(r, in);
	else
		note_ttl(r, rec.ttl_s);
	if (zone_rdata_meta(rec.type))
		return err_set(&r->err, "type %s is for questions, not for zone files",
		    dns_type_text(name, rec.type));
	r->rdata.type = rec.type;
	r->rdata.origin = in->origin;
	if (zone_rdata_read(&r->rdata, tok + n, have - n, &r->err) != 0)
		return err_prefix(&r->err, "%s", dns_type_text(name, rec.type));
	rec.owner = in->owner;
	rec.rdlength = (uint16_t)r->rdata.len;
	rec.rdata = zone_source_keep(r->src, r->rdata.data, r->rdata.len);
	if (rec.rdata == NULL || zone_source_add(r->src, &rec) != 0)
		return err_set(&r->err, "out of memory");
	return 0;
}

/* 0, or -1 with the reason in full. */
static int
read_text(struct reading *r, struct input *in, const char *text, size_t len)
{
	int rc;

	zone_text_open(&in->text, text, len);
	while ((rc = zone_text_next(&in->text, &r->err)) == 1) {
		const struct zone_token *first = &in->text.tokens[0];
		if (!in->text.blank && !first->quoted && first->s[0] == '$')
			rc = directive(r, in);
		else
			rc = record(r, in);
		if (rc != 0)
			break;
		if (in->text.unfinished)
			zone_warn(r->src, in->file, in->text.line,
			    "the last line has no line end: is the file cut off?");
	}
	if (rc == -1)
		refuse_here(r, in);
	zone_text_close(&in->text);
	return rc == 0 ? 0 : -1;
}

/* Room for reading into `src`, whose err says so when there is none. */
static struct reading *
start(struct zone_source *src, const struct zone_read_limits *limits)
{
	struct reading *r = calloc(1, sizeof(*r));
	char apex[NAME_TEXT];

	if (r == NULL) {
		err_set(src->err, "zone %.400s: out of memory", name_text(apex, src->apex));
		return NULL;
	}
	r->src = src;
	r->octets_left = UINT32_MAX;
	r->max_depth = DEFAULT_DEPTH;
	if (limits != NULL && limits->max_octets != 0 && limits->max_octets < UINT32_MAX)
		r->octets_left = limits->max_octets;
	if (limits != NULL && limits->max_depth != 0)
		r->max_depth = limits->max_depth;
	return r;
}

int
zone_read_file(struct zone_source *src, const char *file, const struct zone_read_limits *limits)
{
	struct reading *r = start(src, limits);
	struct input in = { .above = NULL };
	char *text = NULL;
	size_t len = 0;
	int rc;

	if (r == NULL)
		return -1;
	memcpy(in.origin, src->apex, src->apex_len);
	if (open_file(r, &in, file, &text, &len) == 0)
		rc = read_text(r, &in, text, len);
	else
		rc = err_set(src->err, "%.300s: %.150s", file, r->err.text);
	memory_free(text, len);
	free(r);
	return rc;
}

int
zone_read_text(struct zone_source *src, const char *label, const char *text, size_t len,
    const struct zone_read_limits *limits)
{
	struct reading *r = start(src, limits);
	struct input in = { .above = NULL };
	int rc;

	if (r == NULL)
		return -1;
	memcpy(in.origin, src->apex, src->apex_len);
	in.file = zone_source_file(src, label);
	if (in.file == UINT32_MAX || len > r->octets_left)
		rc = err_set(src->err, "%.300s: %zu octets: more than a zone may have", label, len);
	else
		rc = read_text(r, &in, text, len);
	free(r);
	return rc;
}

uint64_t
zone_read_stamp(uint64_t h, const char *file)
{
	struct stat st;

	return stat(file, &st) == 0 ? stamp_of(h, &st) : stamp_mix(h, UINT64_MAX);
}
