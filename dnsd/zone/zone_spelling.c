#include "dnsd/zone/zone_spelling.h"

#include <idn2.h>
#include <stdio.h>
#include <string.h>

#include "common/dns/dns.h"

/* ---- letters ---- */

/* Is it written in other letters than ASCII?  Octets given as \DDD are meant as they are. */
static bool
is_foreign(const struct master_token *tok)
{
	for (uint32_t i = 0; i < tok->len; i++)
		if ((uint8_t)tok->s[i] >= 0x80)
			return true;
	return false;
}

/* A label of ASCII, or labels with dots between them, behind out[*n]; false = there is no room. */
static bool
put_labels(const char *text, size_t len, uint8_t out[NAME_MAX_WIRE], size_t *n)
{
	for (size_t at = 0, end; at < len; at = end + 1) {
		const char *dot = memchr(text + at, '.', len - at);
		end = dot == NULL ? len : (size_t)(dot - text);
		if (end - at > 63 || *n + 1 + (end - at) + 1 > NAME_MAX_WIRE)
			return false;
		out[(*n)++] = (uint8_t)(end - at);
		memcpy(out + *n, text + at, end - at);
		*n += end - at;
	}
	return true;
}

/* One label in IDNA's form behind out[*n], with its length octet; it becomes several where one of
 * the dots of other scripts stands in it.  0, or libidn2's reason. */
static int
put_label(const uint8_t *label, uint8_t out[NAME_MAX_WIRE], size_t *n)
{
	uint8_t text[64] = { 0 }, *found = NULL;
	size_t len = *label;
	bool ascii = true;
	int rc;

	memcpy(text, label + 1, len);
	for (size_t i = 0; i < len; i++)
		ascii &= text[i] < 0x80;
	if (ascii) {
		if (*n + 1 + len + 1 > NAME_MAX_WIRE)
			return IDN2_TOO_BIG_DOMAIN;
		memcpy(out + *n, label, len + 1);
		*n += len + 1;
		return IDN2_OK;
	}
	if (memchr(text, '.', len) != NULL || memchr(text, '\0', len) != NULL)
		return IDN2_DISALLOWED;
	rc = idn2_lookup_u8(text, &found, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	/* a blank of another kind becomes a blank: that is no name, but a slip of who pasted it */
	if (rc == IDN2_OK && strpbrk((const char *)found, " \t") != NULL)
		rc = IDN2_DISALLOWED;
	if (rc == IDN2_OK &&
	    !put_labels((const char *)found, strlen((const char *)found), out, n))
		rc = IDN2_TOO_BIG_DOMAIN;
	idn2_free(found);
	return rc;
}

static void
warn_foreign(struct zone_source *src, const struct zone_record *rec, const uint8_t *name)
{
	char written[NAME_TEXT], meant[NAME_TEXT];
	uint8_t out[NAME_MAX_WIRE];
	size_t n = 0;
	int rc = IDN2_OK;

	name_text(written, name);
	for (const uint8_t *p = name; *p != 0 && rc == IDN2_OK; p += *p + 1)
		rc = put_label(p, out, &n);
	if (rc == IDN2_OK) {
		out[n] = 0;
		zone_warn_at(src, rec, "%.180s is not ASCII: clients ask for %.180s.: "
		    "write it so", written, name_text(meant, out));
	} else {
		zone_warn_at(src, rec, "%.180s is not ASCII, and no name of IDNA either: "
		    "%.100s", written, idn2_strerror(rc));
	}
}

/* ---- dots ---- */

bool
zone_spelling_dotless(const struct zone_source *src, const struct master_token *tok,
    const uint8_t *name, const uint8_t *origin)
{
	size_t own, apex = src->apex_len - 1u;	/* octets of labels */
	const uint8_t *p = name;

	if (tok->s[tok->len - 1] == '.' || tok->s[0] == '@')
		return false;
	own = name_len(name) - name_len(origin);
	if (own < apex || apex == 0 || origin[0] == 0)	/* below the root the dot changes nothing */
		return false;
	while ((size_t)(p - name) < own - apex)
		p += *p + 1;
	if ((size_t)(p - name) != own - apex)
		return false;
	for (size_t i = 0; i < apex; i++)
		if (name_fold(p[i]) != name_fold(src->apex[i]))
			return false;
	return true;
}

/* Can the token be a name without its dot that ends with the apex?  Cheap, and never wrongly no
 * but for names with escapes. */
static bool
may_be_dotless(const struct zone_source *src, const struct master_token *tok)
{
	/* in a zone of one label (com, lan) that label alone is as likely meant as written */
	if (src->apex_labels < 2 && memchr(tok->s, '.', tok->len) == NULL)
		return false;
	return src->apex_labels != 0 && tok->len + 2u >= src->apex_len &&
	    name_fold((uint8_t)tok->s[tok->len - 1]) == name_fold(src->apex[src->apex_len - 2]);
}

static void
warn_dotless(struct zone_source *src, const struct zone_record *rec,
    const struct master_token *tok, const uint8_t *name)
{
	char shown[MASTER_TOKEN_SHOWN], whole[NAME_TEXT];

	master_token_show(shown, tok);
	zone_warn_at(src, rec, "\"%s\" without a final dot is %.250s.: is \"%s.\" meant?", shown,
	    name_text(whole, name), shown);
}

/* A host's name in a zone of addresses (RFC 1035 section 3.5, RFC 3596) does not lie in that zone:
 * its final dot is missing. */
static bool
is_lost_host(const struct zone_source *src, const struct zone_record *rec,
    const struct master_token *tok)
{
	static const uint8_t v4[] = "\7in-addr\4arpa", v6[] = "\3ip6\4arpa";

	return rec->type == DNS_PTR && tok->s[tok->len - 1] != '.' &&
	    memchr(tok->s, '.', tok->len) != NULL &&
	    (name_below(src->apex, v4) || name_below(src->apex, v6));
}

/* ---- both ---- */

void
zone_spelling_owner(struct zone_source *src, const struct zone_record *rec,
    const struct master_token *tok, const uint8_t *origin)
{
	if (may_be_dotless(src, tok) && zone_spelling_dotless(src, tok, rec->owner, origin))
		warn_dotless(src, rec, tok, rec->owner);
	if (is_foreign(tok))
		warn_foreign(src, rec, rec->owner);
}

void
zone_spelling_data(struct zone_source *src, const struct zone_record *rec,
    const struct master_token *tok, uint32_t n, const uint8_t *origin)
{
	uint8_t name[NAME_MAX_WIRE];

	for (; n > 0; tok++, n--) {
		bool foreign, host;
		int len;

		if (tok->quoted || tok->mixed || tok->len == 0)
			continue;
		foreign = is_foreign(tok);
		host = is_lost_host(src, rec, tok);
		if (!foreign && !host && !may_be_dotless(src, tok))
			continue;
		/* a token is a name if it is one in the data */
		len = master_token_name(tok, origin, name, NULL);
		if (len < 0 || memmem(rec->rdata, rec->rdlength, name, (size_t)len) == NULL)
			continue;
		if (host || zone_spelling_dotless(src, tok, name, origin))
			warn_dotless(src, rec, tok, name);
		if (foreign)
			warn_foreign(src, rec, name);
	}
}
