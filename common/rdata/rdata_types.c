#include "common/rdata/rdata_types.h"

#include <assert.h>

#include "common/dns/dns.h"
#include "common/rdata/rdata_apl.h"
#include "common/rdata/rdata_base.h"
#include "common/rdata/rdata_bitmap.h"
#include "common/rdata/rdata_field.h"
#include "common/rdata/rdata_gateway.h"
#include "common/rdata/rdata_loc.h"
#include "common/rdata/rdata_octets.h"
#include "common/rdata/rdata_old.h"
#include "common/rdata/rdata_svcb.h"
#include "common/rdata/rdata_svcb_check.h"
#include "common/rdata/rdata_whole.h"
#include "common/rdata/rdata_words.h"

enum { FIELDS = 9 };			/* of RRSIG, which has the most */

enum kind {
	END, NAME, NAMES, U8, U16, U32, IPN, PERIOD, TIME, TYPE, IPV4, IPV6,
	STRING, STRING_MAYBE, STRINGS, TEXT, TEXT_SOME, TAG, X25,
	HEX, HEX_MAYBE, BASE64, BASE64_MAYBE, BASE64_DASH, SALT, HASH,
	ALGORITHM, CERTIFICATE, USAGE, SELECTOR, MATCHING, SCHEME,
	BITMAP, NXT_BITMAP, EUI48, EUI64, ILNP64, LOC, APL,
	GATEWAY, RELAY, HIP, A6, WKS, NSAP, ATMA, PARAMS
};

static const struct {
	int (*read)(struct rdata *);
	int (*check)(struct rdata_octets *);
	bool maybe;			/* there may be no token for it */
} kinds[] = {
	[NAME] = { rdata_field_name, rdata_octets_name, false },
	[NAMES] = { rdata_field_names, rdata_octets_names, true },
	[U8] = { rdata_field_u8, rdata_octets_u8, false },
	[U16] = { rdata_field_u16, rdata_octets_u16, false },
	[U32] = { rdata_field_u32, rdata_octets_u32, false },
	[IPN] = { rdata_field_ipn, rdata_octets_64, false },
	[PERIOD] = { rdata_field_period, rdata_octets_u32, false },
	[TIME] = { rdata_field_time, rdata_octets_u32, false },
	[TYPE] = { rdata_field_type, rdata_octets_type, false },
	[IPV4] = { rdata_field_ipv4, rdata_octets_u32, false },
	[IPV6] = { rdata_field_ipv6, rdata_octets_ipv6, false },
	[STRING] = { rdata_field_string, rdata_octets_string, false },
	[STRING_MAYBE] = { rdata_field_string_maybe, rdata_octets_string_maybe, true },
	[STRINGS] = { rdata_field_strings, rdata_octets_strings, false },
	[TEXT] = { rdata_field_text, rdata_octets_rest, false },
	[TEXT_SOME] = { rdata_field_text, rdata_octets_some, false },
	[TAG] = { rdata_field_string, rdata_whole_tag, false },
	[X25] = { rdata_field_string, rdata_old_x25_check, false },
	[HEX] = { rdata_base_hex, rdata_octets_some, false },
	[HEX_MAYBE] = { rdata_base_hex, rdata_octets_rest, true },
	[BASE64] = { rdata_base_64, rdata_octets_some, false },
	[BASE64_MAYBE] = { rdata_base_64, rdata_octets_rest, true },
	[BASE64_DASH] = { rdata_base_64_dash, rdata_octets_rest, false },
	[SALT] = { rdata_base_salt, rdata_octets_string, false },
	[HASH] = { rdata_base_hash, rdata_octets_string, false },
	[ALGORITHM] = { rdata_words_algorithm, rdata_octets_u8, false },
	[CERTIFICATE] = { rdata_words_certificate, rdata_octets_u16, false },
	[USAGE] = { rdata_words_usage, rdata_octets_u8, false },
	[SELECTOR] = { rdata_words_selector, rdata_octets_u8, false },
	[MATCHING] = { rdata_words_matching, rdata_octets_u8, false },
	[SCHEME] = { rdata_words_scheme, rdata_octets_u8, false },
	[BITMAP] = { rdata_bitmap_read, rdata_bitmap_check, true },
	[NXT_BITMAP] = { rdata_bitmap_nxt_read, rdata_bitmap_nxt_check, true },
	[EUI48] = { rdata_field_eui48, rdata_octets_48, false },
	[EUI64] = { rdata_field_eui64, rdata_octets_64, false },
	[ILNP64] = { rdata_field_ilnp64, rdata_octets_64, false },
	[LOC] = { rdata_loc_read, rdata_loc_check, false },
	[APL] = { rdata_apl_read, rdata_apl_check, true },
	[GATEWAY] = { rdata_gateway_read, rdata_gateway_check, false },
	[RELAY] = { rdata_gateway_relay_read, rdata_gateway_relay_check, false },
	[HIP] = { rdata_gateway_hip_read, rdata_gateway_hip_check, false },
	[A6] = { rdata_gateway_a6_read, rdata_gateway_a6_check, false },
	[WKS] = { rdata_old_wks_read, rdata_old_wks_check, false },
	[NSAP] = { rdata_old_nsap_read, rdata_octets_some, false },
	[ATMA] = { rdata_old_atma_read, rdata_old_atma_check, false },
	[PARAMS] = { rdata_svcb_read, rdata_svcb_check, true },
};

struct row {
	uint16_t type;
	uint8_t fields[FIELDS];		/* kinds, up to END */
	/* what no field alone can say; NULL = nothing */
	int (*whole)(const uint8_t *data, size_t len, struct err *err);
};

/* By number, for bisection.  What IANA lists and is not here has no text form (NULL, UINFO, UID,
 * GID, UNSPEC, OPT) or is no data of zones. */
static const struct row rows[] = {
	{ DNS_A, { IPV4 }, NULL },
	{ DNS_NS, { NAME }, NULL },
	{ 3, { NAME }, NULL },						/* MD */
	{ 4, { NAME }, NULL },						/* MF */
	{ DNS_CNAME, { NAME }, NULL },
	{ DNS_SOA, { NAME, NAME, U32, PERIOD, PERIOD, PERIOD, PERIOD }, NULL },
	{ 7, { NAME }, NULL },						/* MB */
	{ 8, { NAME }, NULL },						/* MG */
	{ 9, { NAME }, NULL },						/* MR */
	{ 11, { IPV4, WKS }, NULL },					/* WKS */
	{ DNS_PTR, { NAME }, NULL },
	{ DNS_HINFO, { STRING, STRING }, NULL },
	{ 14, { NAME, NAME }, NULL },					/* MINFO */
	{ DNS_MX, { U16, NAME }, NULL },
	{ DNS_TXT, { STRINGS }, NULL },
	{ 17, { NAME, NAME }, NULL },					/* RP */
	{ 18, { U16, NAME }, NULL },					/* AFSDB */
	{ 19, { X25 }, NULL },						/* X25 */
	{ 20, { STRING, STRING_MAYBE }, NULL },				/* ISDN */
	{ 21, { U16, NAME }, NULL },					/* RT */
	{ 22, { NSAP }, NULL },						/* NSAP */
	{ 23, { NAME }, NULL },						/* NSAP-PTR */
	{ 24, { TYPE, ALGORITHM, U8, U32, TIME, TIME, U16, NAME, BASE64 }, NULL },	/* SIG */
	{ 25, { U16, U8, ALGORITHM, BASE64_MAYBE }, rdata_whole_key },	/* KEY */
	{ 26, { U16, NAME, NAME }, NULL },				/* PX */
	{ 27, { STRING, STRING, STRING }, NULL },			/* GPOS */
	{ DNS_AAAA, { IPV6 }, NULL },
	{ 29, { LOC }, NULL },						/* LOC */
	{ 30, { NAME, NXT_BITMAP }, NULL },				/* NXT */
	{ 31, { HEX }, NULL },						/* EID */
	{ 32, { HEX }, NULL },						/* NIMLOC */
	{ DNS_SRV, { U16, U16, U16, NAME }, NULL },
	{ 34, { ATMA }, NULL },						/* ATMA */
	{ DNS_NAPTR, { U16, U16, STRING, STRING, STRING, NAME }, NULL },
	{ 36, { U16, NAME }, NULL },					/* KX */
	{ 37, { CERTIFICATE, U16, ALGORITHM, BASE64 }, NULL },		/* CERT */
	{ 38, { A6 }, NULL },						/* A6 */
	{ DNS_DNAME, { NAME }, NULL },
	{ 40, { U8, U8, U8, BASE64_MAYBE }, NULL },			/* SINK */
	{ 42, { APL }, NULL },						/* APL */
	{ DNS_DS, { U16, ALGORITHM, U8, HEX }, rdata_whole_ds },
	{ 44, { U8, U8, HEX }, rdata_whole_sshfp },			/* SSHFP */
	{ 45, { U8, U8, U8, GATEWAY, BASE64_MAYBE }, NULL },		/* IPSECKEY */
	{ DNS_RRSIG, { TYPE, ALGORITHM, U8, U32, TIME, TIME, U16, NAME, BASE64 }, NULL },
	{ DNS_NSEC, { NAME, BITMAP }, NULL },
	{ DNS_DNSKEY, { U16, U8, ALGORITHM, BASE64 }, NULL },
	{ 49, { BASE64 }, NULL },					/* DHCID */
	{ DNS_NSEC3, { U8, U8, U16, SALT, HASH, BITMAP }, rdata_whole_nsec3 },
	{ DNS_NSEC3PARAM, { U8, U8, U16, SALT }, NULL },
	{ 52, { USAGE, SELECTOR, MATCHING, HEX }, NULL },		/* TLSA */
	{ 53, { USAGE, SELECTOR, MATCHING, HEX }, NULL },		/* SMIMEA */
	{ 55, { HIP, NAMES }, NULL },					/* HIP */
	{ 56, { STRINGS }, NULL },					/* NINFO */
	{ 57, { U16, U8, ALGORITHM, BASE64 }, rdata_whole_rkey },	/* RKEY */
	{ 58, { NAME, NAME }, NULL },					/* TALINK */
	{ 59, { U16, ALGORITHM, U8, HEX }, rdata_whole_ds },		/* CDS */
	{ 60, { U16, U8, ALGORITHM, BASE64 }, NULL },			/* CDNSKEY */
	{ 61, { BASE64 }, NULL },					/* OPENPGPKEY */
	{ 62, { U32, U16, BITMAP }, NULL },				/* CSYNC */
	{ 63, { U32, U8, U8, HEX }, rdata_whole_zonemd },		/* ZONEMD */
	{ DNS_SVCB, { U16, NAME, PARAMS }, NULL },
	{ DNS_HTTPS, { U16, NAME, PARAMS }, NULL },
	{ 66, { TYPE, SCHEME, U16, NAME }, NULL },			/* DSYNC */
	{ 67, { BASE64 }, NULL },					/* HHIT */
	{ 68, { BASE64 }, NULL },					/* BRID */
	{ 99, { STRINGS }, NULL },					/* SPF */
	{ 104, { U16, ILNP64 }, NULL },					/* NID */
	{ 105, { U16, IPV4 }, NULL },					/* L32 */
	{ 106, { U16, ILNP64 }, NULL },					/* L64 */
	{ 107, { U16, NAME }, NULL },					/* LP */
	{ 108, { EUI48 }, NULL },					/* EUI48 */
	{ 109, { EUI64 }, NULL },					/* EUI64 */
	{ 256, { U16, U16, TEXT_SOME }, NULL },				/* URI */
	{ 257, { U8, TAG, TEXT }, NULL },				/* CAA */
	{ 258, { STRINGS }, NULL },					/* AVC */
	{ 259, { U32, U32, U8, STRING, BASE64_DASH }, NULL },		/* DOA */
	{ 260, { U8, RELAY }, NULL },					/* AMTRELAY */
	{ 261, { STRINGS }, NULL },					/* RESINFO */
	{ 262, { STRINGS }, NULL },					/* WALLET */
	{ 263, { STRINGS }, NULL },					/* CLA */
	{ 264, { IPN }, NULL },						/* IPN */
	{ 32768, { U16, ALGORITHM, U8, HEX }, rdata_whole_ds },		/* TA */
	{ 32769, { U16, ALGORITHM, U8, HEX }, rdata_whole_ds },		/* DLV */
};

static const struct row *
row_of(uint16_t type)
{
	size_t low = 0, high = sizeof(rows) / sizeof(rows[0]);

	while (low < high) {
		size_t mid = (low + high) / 2;
		if (rows[mid].type == type)
			return &rows[mid];
		if (rows[mid].type < type)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* Too few tokens: how many there should have been. */
static int
too_short(const struct row *row, unsigned have, struct err *err)
{
	unsigned needed = 0;

	for (unsigned i = 0; i < FIELDS && row->fields[i] != END; i++)
		needed += !kinds[row->fields[i]].maybe;
	return err_set(err, "%u of at least %u fields: the data ends too soon", have, needed);
}

/* What r->tok had become is not well-formed: the reason, with the text from `first` on. */
static int
bad_text(struct rdata *r, const struct master_token *first, const struct err *why)
{
	const struct master_token *last = r->end - 1;
	char shown[MASTER_TOKEN_SHOWN];
	struct master_token whole = *first;

	assert(last >= first);		/* nothing that is no token at all is refused */
	if (last->s >= first->s)	/* slices of one text */
		whole.len = (uint32_t)(last->s + last->len - first->s);
	return err_set(r->err, "%s, in \"%s\"", why->text, master_token_show(shown, &whole));
}

int
rdata_types_read(struct rdata *r)
{
	const struct row *row = row_of(r->type);
	const struct master_token *first = r->tok;
	struct err why = { .text = "" };

	if (row == NULL)
		return err_set(r->err,
		    "expected \\# and generic data (RFC 3597): the type has no form of its own");
	for (unsigned i = 0; i < FIELDS && row->fields[i] != END; i++) {
		if (r->tok == r->end && !kinds[row->fields[i]].maybe)
			return too_short(row, i, r->err);
		if (kinds[row->fields[i]].read(r) != 0)
			return -1;
	}
	assert(r->tok <= r->end);
	if (r->tok != r->end)
		return rdata_field_bad(r, "nothing more for this type");
	if (rdata_types_check(r->type, r->data, r->len, &why) != 0)
		return bad_text(r, first, &why);
	return 0;
}

int
rdata_types_check(uint16_t type, const uint8_t *data, size_t len, struct err *err)
{
	struct rdata_octets o = { .start = data, .at = data, .end = data + len, .err = err };
	const struct row *row = row_of(type);

	if (row == NULL)
		return 0;
	for (unsigned i = 0; i < FIELDS && row->fields[i] != END; i++)
		if (kinds[row->fields[i]].check(&o) != 0)
			return -1;
	if (o.at != o.end)
		return err_set(err, "%zu octets more than the type has", rdata_octets_left(&o));
	return row->whole == NULL ? 0 : row->whole(data, len, err);
}
