#include "dnsd/zone/zone_read.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/dns/dns.h"
#include "common/file.h"
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

/* May this file be read, which is open below those in `above`? */
static int
check_file(struct reading *r, const struct input *above, const struct stat *st)
{
	if ((uint64_t)st->st_size > r->octets_left)
		return err_set(&r->err,
		    "%" PRIu64 " octets: more than the zone may still have (%" PRIu64 ")",
		    (uint64_t)st->st_size, r->octets_left);
	if (r->src->n_files > FILES_MAX)
		return err_set(&r->err, "more than %d included files", FILES_MAX);
	for (; above != NULL; above = above->above)
		if (above->dev == st->st_dev && above->ino == st->st_ino)
			return err_set(&r->err, "an include loop: the file is already being read");
	return 0;
}

/* Opens and reads a file; *text is the caller's, NULL after -1.  r->err says what is wrong. */
static int
open_file(struct reading *r, struct input *in, const char *name, char **text, size_t *len)
{
	struct file file;

	*text = NULL;
	if (file_open(&file, name, 0, &r->err) != 0)
		return errno != 0 ? err_prefix(&r->err, "cannot open") : -1;
	*len = (size_t)file.st.st_size;
	if (check_file(r, in->above, &file.st) == 0) {
		in->file = zone_source_file(r->src, name);
		*text = in->file == UINT32_MAX ? NULL : malloc(*len + 1);
		if (*text == NULL)
			err_set(&r->err, "out of memory for a file of %zu octets", *len);
		else if (file_fill(&file, *text, &r->err) != 0) {
			free(*text);
			*text = NULL;
		}
	}
	file_close(&file);
	if (*text == NULL)
		return -1;
	in->dev = file.st.st_dev;
	in->ino = file.st.st_ino;
	r->octets_left -= *len;
	r->src->stamp = file_stamp_add(r->src->stamp, file_stamp_of(&file.st));
	return 0;
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
read_include(struct reading *r, struct input *in)
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
		return err_set(&r->err, "$INCLUDE \"%s\": not the name of a file",
		    zone_token_show(shown, &tok[1]));
	if (r->depth == r->max_depth)
		return err_set(&r->err, "$INCLUDE %s: more than %u files deep", path, r->max_depth);
	if (open_file(r, &sub, path, &text, &len) != 0)
		return err_prefix(&r->err, "$INCLUDE %s", path);
	r->depth++;
	rc = read_text(r, &sub, text, len);
	r->depth--;
	free(text);
	return rc == 0 ? 0 : -2;	/* the reason is complete */
}

/* 0, -1 with a reason in r->err, -2 when the reason has been given in full. */
static int
read_directive(struct reading *r, struct input *in)
{
	const struct zone_token *tok = in->text.tokens;
	char shown[ZONE_TOKEN_SHOWN];
	uint8_t origin[NAME_MAX_WIRE];

	if (zone_token_is(&tok[0], "$INCLUDE"))
		return read_include(r, in);
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
	return *ours || zone_token_is(tok, "CH") || zone_token_is(tok, "HS") ||
	    zone_token_is(tok, "CS") || zone_token_is(tok, "NONE") ||
	    (tok->len > 5 && strncasecmp(tok->s, "CLASS", 5) == 0 &&
	    tok->s[5] >= '0' && tok->s[5] <= '9');
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
				return err_set(&r->err, "class \"%s\": expected IN",
				    zone_token_show(shown, t));
			class = true;
		} else {
			break;
		}
	}
	if (*n == have)
		return err_set(&r->err, "a record without a type: is the line cut off?");
	if (!zone_rdata_type(&r->rdata, &tok[*n], &rec->type))
		return err_set(&r->err, "type \"%s\": expected a record type; one without "
		    "a name here is written TYPEnnn \\# LENGTH HEX (RFC 3597)",
		    zone_token_show(shown, &tok[*n]));
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

static int
read_record(struct reading *r, struct input *in)
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
	if (ttl == 0) {
		rec.ttl_s = default_ttl(r, in);
	} else if (!r->has_ttl) {
		r->ttl_s = rec.ttl_s;
		r->has_last = true;
	}
	if (zone_rdata_meta(rec.type))
		return err_set(&r->err, "type %s is for questions, not for zone files",
		    dns_type_text(name, rec.type));
	r->rdata.type = rec.type;
	r->rdata.origin = in->origin;
	if (zone_rdata_read(&r->rdata, tok + n, have - n, &r->err) != 0)
		return err_prefix(&r->err, "%s", dns_type_text(name, rec.type));
	assert(name_below(in->owner, r->src->apex));
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
			rc = read_directive(r, in);
		else
			rc = read_record(r, in);
		if (rc != 0)
			break;
		if (in->text.unfinished)
			zone_warn(r->src, in->file, in->text.line,
			    "the last line has no line end: is the file cut off?");
	}
	if (rc == -1)
		zone_refuse(r->src, in->file, in->text.first_line, "%s", r->err.text);
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
zone_read_file(struct zone_source *src, const char *file,
    const struct zone_read_limits *limits)
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
