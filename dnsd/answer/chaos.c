#include "dnsd/answer/chaos.h"

#include <stdio.h>
#include <string.h>

/* Appends one character-string; too long a text is cut at 255 octets. */
static size_t
put_string(uint8_t *out, const char *text)
{
	size_t len = strnlen(text, 255);

	out[0] = (uint8_t)len;
	memcpy(out + 1, text, len);
	return len + 1;
}

static const char *
id_text(const struct generation *gen)
{
	const char *nsid = gen->conf->nsid;

	return nsid != NULL && *nsid != '\0' ? nsid : gen->hostname;
}

/* Always: whoever asks wants to know whether we answer, before what. */
static size_t
put_here(const struct generation *gen, uint32_t mono_s, uint8_t *out)
{
	const struct generation_site *site = &gen->site;
	char text[32];
	size_t n = put_string(out, site->name);

	n += put_string(out + n, site->posture);
	n += put_string(out + n, site->drain ? "drain=1" : "drain=0");
	snprintf(text, sizeof(text), "ttl=%u", generation_ttl_max(gen, mono_s));
	return n + put_string(out + n, text);
}

/* The rdata for a name, its length; 0 = nothing to say. */
static size_t
chaos_rdata(const struct generation *gen, const uint8_t *name, uint32_t mono_s,
    uint8_t out[4 * 256])
{
	const struct conf *conf = gen->conf;

	if (name_equal(name, (const uint8_t *)"\7version\4bind"))
		return conf->chaos.version_bind ? put_string(out, conf->chaos.version) : 0;
	if (name_equal(name, (const uint8_t *)"\7version\6server"))
		return conf->chaos.version_server ? put_string(out, conf->chaos.version) : 0;
	if (name_equal(name, (const uint8_t *)"\2id\6server"))
		return conf->chaos.id_server ? put_string(out, id_text(gen)) : 0;
	if (name_equal(name, (const uint8_t *)"\10hostname\4bind"))
		return conf->chaos.hostname_bind ? put_string(out, gen->hostname) : 0;
	if (name_equal(name, (const uint8_t *)"\4site\10nearcast"))
		return put_here(gen, mono_s, out);
	return 0;
}

bool
chaos_answer(struct answer_job *j)
{
	uint8_t rdata[4 * 256];
	size_t len = chaos_rdata(j->gen, j->q->qname.name, j->client->mono_s, rdata);

	if (len == 0)
		return false;
	j->r.flags = DNS_AA;
	if (j->q->qtype != DNS_TXT && j->q->qtype != DNS_ANY)
		j->note.kind = ANSWER_NODATA;
	else if (!reply_record(&j->r, REPLY_ANSWER, DNS_HEADER_LEN, DNS_TXT, DNS_CH, 0, rdata, len))
		answer_truncate(j);
	return true;
}
