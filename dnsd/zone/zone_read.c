#include "dnsd/zone/zone_read.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/dns/dns.h"
#include "common/memory.h"
#include "dnsd/zone/zone_generate.h"
#include "dnsd/zone/zone_input.h"
#include "dnsd/zone/zone_record.h"
#include "dnsd/zone/zone_spelling.h"
#include "common/rdata/master_text.h"

enum { DEFAULT_DEPTH = 8, REREAD_MAX = 20 };

/* What becomes of an entry. */
enum { DONE = 0, MISTAKE = -1, TOLD = -2 };

struct reading {
	struct zone_source *src;	/* the caller's */
	struct zone_record_reading record;
	struct zone_input_limits limits;
	uint32_t generated;		/* records of $GENERATE */
	unsigned reread;		/* times that a text was gone through once more */
	bool inside, outside;		/* a record was */
	struct err err;			/* what the tools below say, before file and line */
};

static void read_text(struct reading *r, struct zone_input *in, const char *text, size_t len);

/* ---- records ---- */

/* Does it depend on the origin? */
static bool
is_relative(const struct master_token *tok)
{
	return tok->len == 0 || tok->s[tok->len - 1] != '.';
}

/* What a record that is not used would have been: that it is missing is no mistake of its own. */
static void
note_lost(struct reading *r, const struct master_token *tok, uint32_t n)
{
	for (uint32_t i = 0; i < n && i < 8; i++) {
		r->src->lost_soa |= master_token_is(&tok[i], "SOA");
		r->src->lost_ns |= master_token_is(&tok[i], "NS");
	}
}

/* An owner outside the zone: said once for an origin, and once where nothing lies inside. */
static int
refuse_outside(struct reading *r, struct zone_input *in, const struct master_token *tok,
    const uint8_t *name)
{
	const struct zone_source *src = r->src;
	bool strange = is_relative(tok) && !name_below(src->apex, in->origin);
	bool told = (strange && in->outside) || (!r->inside && r->outside);
	char text[NAME_TEXT], apex[NAME_TEXT];

	in->outside |= strange;
	r->outside = true;
	if (told)
		return TOLD;
	name_text(text, name);
	name_text(apex, src->apex);
	if (zone_spelling_dotless(src, tok, name, in->origin))
		return err_set(&r->err,
		    "%.180s is outside the zone %.180s: is a final dot missing?", text, apex);
	return err_set(&r->err, "%.200s is outside the zone %.200s", text, apex);
}

/* Is it the zone's name twice? */
static bool
is_apex_twice(const struct zone_source *src, const uint8_t *name)
{
	size_t len = src->apex_len - 1u;	/* octets of labels */
	uint8_t first[NAME_MAX_WIRE];

	if (len == 0 || (size_t)name_len(name) != 2 * len + 1)
		return false;
	memcpy(first, name, len);
	first[len] = 0;
	return name_equal(first, src->apex) && name_equal(name + len, src->apex);
}

/* The owner of the SOA as who forgot its final dot, or that of $ORIGIN, has it: the zone's name
 * twice. */
static int
check_soa_owner(struct reading *r, const struct zone_input *in, const uint8_t *name)
{
	const struct master_token *tok = in->text.tokens;
	char apex[NAME_TEXT], text[NAME_TEXT];
	uint32_t at = 1;

	while (at < 4 && at < in->text.n_tokens && !master_token_is(&tok[at], "SOA"))
		at++;
	if (at == 4 || at >= in->text.n_tokens || name_equal(name, r->src->apex))
		return DONE;
	name_text(apex, r->src->apex);
	if (master_token_is(&tok[0], "@") && is_apex_twice(r->src, name))
		return err_set(&r->err, "SOA: \"@\" is %.200s. here: is it \"$ORIGIN %.120s.\" "
		    "that is meant, with a final dot?", name_text(text, name), apex);
	if (!zone_spelling_dotless(r->src, &tok[0], name, in->origin))
		return DONE;
	return err_set(&r->err, "SOA: \"%.120s\" without a final dot is %.200s.: write "
	    "\"%.120s.\"%s", apex, name_text(text, name), apex,
	    name_equal(in->origin, r->src->apex) ? " or \"@\"" : "");
}

/* The record's owner, kept once for a run of records. */
static int
record_owner(struct reading *r, struct zone_input *in)
{
	const struct master_token *tok = in->text.tokens;
	struct zone_record rec = { .file = in->file, .line = in->text.first_line };
	uint8_t name[NAME_MAX_WIRE];
	int len;

	if (in->no_origin && is_relative(tok))
		return TOLD;
	len = master_token_name(tok, in->origin, name, &r->err);
	if (len < 0)
		return MISTAKE;
	if (in->owner != NULL && memcmp(in->owner, name, name_len(in->owner)) == 0)
		return DONE;		/* the length octets make it the same name */
	if (!name_below(name, r->src->apex))
		return refuse_outside(r, in, tok, name);
	r->inside = true;
	if (check_soa_owner(r, in, name) != DONE)
		return MISTAKE;
	rec.owner = in->owner = zone_source_keep(r->src, name, (size_t)len);
	if (in->owner == NULL)
		return err_set(&r->err, "out of memory");
	zone_spelling_owner(r->src, &rec, tok, in->origin);
	return DONE;
}

/* Has the entry a type where a record has it? */
static bool
has_type(struct reading *r, const struct zone_input *in)
{
	uint16_t type;

	for (uint32_t i = 0; i < in->text.n_tokens && i < 4; i++)
		if (rdata_type(&r->record.rdata, &in->text.tokens[i], &type))
			return true;
	return false;
}

/* After a mistaken record: is the entry more likely what was to stand in its parentheses, or in a
 * quote that goes on over lines? */
static bool
is_rest(struct reading *r, const struct zone_input *in)
{
	const struct master_token *tok = in->text.tokens;
	uint32_t n = in->text.n_tokens;

	if (!in->broken || (!in->text.blank && n > 1 && !in->in_quote) || has_type(r, in))
		return false;
	/* a word may be a type that is mistyped */
	return n == 0 || in->in_quote || tok->quoted || tok->len > 10 ||
	    (tok->s[0] >= '0' && tok->s[0] <= '9');
}

static int
read_record(struct reading *r, struct zone_input *in)
{
	const struct master_token *tok = in->text.tokens;
	uint32_t n = in->text.n_tokens, before = r->src->n_records;
	struct zone_record_place place = {
		.file = in->file, .line = in->text.first_line, .origin = in->origin
	};
	int rc;

	if (is_rest(r, in))
		return TOLD;
	if (!in->text.blank) {
		rc = record_owner(r, in);
		in->no_owner = rc != DONE;
		tok++;
		n--;
		if (rc == MISTAKE) {
			note_lost(r, tok, n);
			return rc;
		}
	} else if (in->owner == NULL && !in->no_owner) {
		in->no_owner = true;
		note_lost(r, tok, n);
		return err_set(&r->err, "a record without an owner, and none before it");
	}
	/* one whose owner is not known is read for its own mistakes alone */
	place.owner = in->no_owner ? r->src->apex : in->owner;
	r->record.rdata.type = 0;
	rc = zone_record_read(&r->record, &place, tok, n, &r->err);
	if (in->no_owner)
		zone_source_cut(r->src, before);
	if (in->no_owner || rc != 0)
		note_lost(r, tok, n);
	if (rc != 0 && r->record.rdata.type == 0 && name_equal(place.owner, r->src->apex))
		r->src->lost_soa = r->src->lost_ns = true;	/* one that is mistyped */
	return in->no_owner && rc == 0 ? TOLD : rc;
}

/* ---- directives ---- */

/* An origin is spelt like the names below it. */
static void
check_spelling(struct reading *r, const struct zone_input *in, const struct master_token *tok,
    const uint8_t *origin)
{
	const struct zone_record rec = {
		.file = in->file, .line = in->text.first_line, .owner = origin
	};

	zone_spelling_owner(r->src, &rec, tok, in->origin);
}

static int
read_include(struct reading *r, struct zone_input *in)
{
	const struct master_token *tok = in->text.tokens;
	struct zone_input sub = {
		.above = in, .owner = in->owner,
		.no_owner = in->no_owner, .no_origin = in->no_origin
	};
	char *text = NULL;
	size_t len = 0;
	int rc;

	if (in->text.n_tokens < 2 || in->text.n_tokens > 3)
		rc = err_set(&r->err, "$INCLUDE: expected a file and perhaps an origin");
	else
		rc = zone_input_include(r->src, in, &tok[1], &r->limits, &sub, &text, &len,
		    &r->err);
	if (rc != 0) {
		r->src->lost_soa = r->src->lost_ns = true;	/* they may be in there */
		return MISTAKE;
	}
	memcpy(sub.origin, in->origin, sizeof(sub.origin));
	if (in->text.n_tokens == 3) {
		sub.no_origin = master_token_name(&tok[2], in->origin, sub.origin, &r->err) < 0;
		if (sub.no_origin)
			zone_refuse(r->src, in->file, in->text.first_line, "%s", r->err.text);
		else
			check_spelling(r, in, &tok[2], sub.origin);
	}
	read_text(r, &sub, text, len);
	free(text);
	return DONE;
}

static int
read_origin(struct reading *r, struct zone_input *in)
{
	const struct master_token *tok = in->text.tokens;
	uint8_t origin[NAME_MAX_WIRE];

	in->outside = false;
	if (in->text.n_tokens != 2) {
		in->no_origin = true;
		return err_set(&r->err, "$ORIGIN: expected one domain name");
	}
	if (in->no_origin && is_relative(&tok[1]))
		return TOLD;
	in->no_origin = master_token_name(&tok[1], in->origin, origin, &r->err) < 0;
	if (in->no_origin)
		return MISTAKE;
	check_spelling(r, in, &tok[1], origin);
	memcpy(in->origin, origin, name_len(origin));
	return DONE;
}

static int
read_default_ttl(struct reading *r, const struct zone_input *in)
{
	uint32_t ttl_s = 0;
	int rc;

	if (in->text.n_tokens != 2)
		rc = err_set(&r->err, "$TTL: expected one time in seconds");
	else if ((rc = master_token_seconds(&in->text.tokens[1], MASTER_TTL_MAX, &ttl_s,
	    &r->err)) != 0)
		err_prefix(&r->err, "$TTL");
	zone_record_set_ttl(&r->record, ttl_s);		/* after a mistake, too: one was meant */
	return rc;
}

/* One line of $GENERATE's; `line` stands for the file. */
static int
read_generated(struct reading *r, struct zone_input *line, const char *text, size_t len)
{
	uint32_t number = line->text.first_line;
	int rc;

	master_text_open(&line->text, text, len);
	rc = master_text_next(&line->text, &r->err);
	line->text.first_line = number;
	if (rc == 1 && line->text.at != line->text.end)
		rc = err_set(&r->err, "more than one line");
	else if (rc == 1)
		rc = read_record(r, line);
	master_text_close(&line->text);
	return rc;
}

static int
read_generate(struct reading *r, struct zone_input *in)
{
	struct zone_generate g;
	struct zone_input line = { .file = in->file, .no_origin = in->no_origin };
	uint32_t number = 0;
	size_t len = 0;
	int rc;

	if (zone_generate_open(&g, in->text.tokens, in->text.n_tokens, &r->err) != 0)
		return err_prefix(&r->err, "$GENERATE");
	memcpy(line.origin, in->origin, sizeof(line.origin));
	line.text.first_line = in->text.first_line;
	while ((rc = zone_generate_next(&g, &len, &number, &r->err)) == 1) {
		if (r->generated++ == ZONE_GENERATE_MAX || len > r->limits.octets_left)
			rc = err_set(&r->err, "more than a zone may have: expected at most %u "
			    "generated records", ZONE_GENERATE_MAX);
		else
			rc = read_generated(r, &line, g.line, len);
		if (rc != 0)
			break;		/* one of a kind */
		r->limits.octets_left -= len;
	}
	if (rc == MISTAKE)
		err_prefix(&r->err, "$GENERATE: for %" PRIu32, number);
	zone_generate_close(&g);
	return rc;
}

static int
read_directive(struct reading *r, struct zone_input *in)
{
	const struct master_token *tok = in->text.tokens;
	char shown[MASTER_TOKEN_SHOWN];

	if (master_token_is(&tok[0], "$INCLUDE"))
		return read_include(r, in);
	if (master_token_is(&tok[0], "$ORIGIN"))
		return read_origin(r, in);
	if (master_token_is(&tok[0], "$TTL"))
		return read_default_ttl(r, in);
	if (master_token_is(&tok[0], "$GENERATE"))
		return read_generate(r, in);
	return err_set(&r->err,
	    "directive \"%s\": expected $ORIGIN, $TTL, $INCLUDE or $GENERATE",
	    master_token_show(shown, &tok[0]));
}

/* DONE, MISTAKE with the reason in r->err, or TOLD: it is not used, for a reason that was given. */
static int
read_entry(struct reading *r, struct zone_input *in)
{
	const struct master_token *first = &in->text.tokens[0];
	int rc;

	if (in->text.unfinished)
		zone_warn(r->src, in->file, in->text.line,
		    "the last line has no line end: is the file cut off?");
	if (!in->text.blank && !first->quoted && first->s[0] == '$') {
		rc = read_directive(r, in);
		in->broken = in->in_quote = false;
		if (rc == MISTAKE) {	/* a record may have got into its line */
			note_lost(r, first, in->text.n_tokens);
			in->no_owner |= in->owner == NULL;
		}
		return rc;
	}
	rc = read_record(r, in);
	if (rc != TOLD) {
		in->broken = rc == MISTAKE;
		in->in_quote = false;
	}
	return rc;
}

/* The text cannot be cut into entries here.  Goes on behind it; false = that cannot be done. */
static bool
resume(struct reading *r, struct zone_input *in)
{
	const char *rest = in->text.rest;
	bool stray = rest != NULL && rest < in->text.end && *rest == ')';
	bool closes = in->in_quote && in->text.open_quote && !has_type(r, in);

	if (!closes && (!stray || !is_rest(r, in)))
		zone_refuse(r->src, in->file, in->text.first_line, "%s", r->err.text);
	in->broken = true;
	in->in_quote = in->text.open_quote && in->text.closed_later && !closes;
	r->src->lost_soa = r->src->lost_ns = true;
	in->no_owner |= !in->text.blank;
	/* who is lost in parentheses may take the rest of a record for the next one */
	in->guessing |= in->text.rest_depth != 0;
	if (in->text.at == in->text.end && r->reread++ == REREAD_MAX)
		return false;		/* each time costs the whole rest of the text */
	return master_text_resume(&in->text);
}

/* Reads to the end, past mistakes, which go to the source. */
static void
read_text(struct reading *r, struct zone_input *in, const char *text, size_t len)
{
	int rc;

	master_text_open(&in->text, text, len);
	while ((rc = master_text_next(&in->text, &r->err)) != 0) {
		if (rc < 0) {
			if (!resume(r, in))
				break;
			continue;
		}
		rc = read_entry(r, in);
		if (rc == MISTAKE && !in->guessing)
			zone_refuse(r->src, in->file, in->text.first_line, "%s", r->err.text);
		if (rc == DONE)
			in->guessing = false;
	}
	master_text_close(&in->text);
}

/* ---- the whole ---- */

/* Room for reading into `src`, whose err says so when there is none. */
static struct reading *
start(struct zone_source *src, const struct zone_read_limits *limits)
{
	struct reading *r = calloc(1, sizeof(*r));
	char apex[NAME_TEXT];

	if (r == NULL) {
		zone_refuse(src, 0, 0, "zone %.400s: out of memory", name_text(apex, src->apex));
		return NULL;
	}
	r->src = r->record.src = src;
	r->limits.octets_left = UINT32_MAX;
	r->limits.max_depth = DEFAULT_DEPTH;
	if (limits != NULL && limits->max_octets != 0 && limits->max_octets < UINT32_MAX)
		r->limits.octets_left = limits->max_octets;
	if (limits != NULL && limits->max_depth != 0)
		r->limits.max_depth = limits->max_depth;
	return r;
}

int
zone_read_file(struct zone_source *src, const char *file,
    const struct zone_read_limits *limits)
{
	struct reading *r = start(src, limits);
	struct zone_input in = { .above = NULL };
	char *text = NULL;
	size_t len = 0;

	if (r == NULL)
		return -1;
	memcpy(in.origin, src->apex, src->apex_len);
	if (zone_input_open(src, &in, file, &r->limits, &text, &len, &r->err) == 0) {
		read_text(r, &in, text, len);
	} else {
		if (src->n_files == 0)
			zone_source_file(src, file);
		zone_refuse(src, 0, 0, "%s", r->err.text);
		src->lost_soa = src->lost_ns = true;
	}
	memory_free(text, len);
	free(r);
	return src->mistakes.n == 0 ? 0 : -1;
}

int
zone_read_text(struct zone_source *src, const char *label, const char *text, size_t len,
    const struct zone_read_limits *limits)
{
	struct reading *r = start(src, limits);
	struct zone_input in = { .above = NULL };

	if (r == NULL)
		return -1;
	memcpy(in.origin, src->apex, src->apex_len);
	in.file = zone_source_file(src, label);
	if (in.file == UINT32_MAX || len > r->limits.octets_left)
		zone_refuse(src, 0, 0, "%zu octets: more than a zone may have", len);
	else
		read_text(r, &in, text, len);
	free(r);
	return src->mistakes.n == 0 ? 0 : -1;
}
