#include "dnsd/answer/explain.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* The site itself, which asks at a service address and so from it. */
static bool
is_own(const struct answer_job *j)
{
	const struct conf *conf = j->gen->conf;
	const struct addr *from = &j->client->addr;

	for (size_t i = 0; i < conf->n_listen; i++)
		if (conf->listen[i].family == from->family &&
		    memcmp(conf->listen[i].ip, from->ip, addr_len(from->family)) == 0)
			return true;
	return j->client->own || prefix_find(conf->announce.prefixes.v, conf->announce.prefixes.n,
	    from) != NULL;
}

static bool
allowed(const struct answer_job *j)
{
	const struct conf *conf = j->gen->conf;

	return prefix_find(conf->explain.v, conf->explain.n, &j->client->addr) != NULL ||
	    (conf->explain_own && is_own(j));
}

/* Adds a line to the text of the EDE, which may be cut to fit the packet: lines about servers that
 * were not chosen go last, behind the client's place, scope and TTL. */
static void
join_line(void *arg, const char *text)
{
	struct answer_job *j = arg;
	bool refused = strstr(text, " chosen=no") != NULL;
	size_t at = refused ? j->why_len : j->why_head, room = sizeof(j->why_text) - 1 - at;
	char line[300];
	int n = snprintf(line, sizeof(line), "%s%s%s", at != 0 ? "; " : "", text,
	    at == 0 && j->why_len != 0 ? "; " : "");
	size_t len = n > 0 && (size_t)n < sizeof(line) ? (size_t)n : 0, rest = j->why_len - at;

	assert(j->why_head <= j->why_len && j->why_len < sizeof(j->why_text));
	if (len > room)
		return;
	if (rest > room - len)
		rest = room - len;
	memmove(j->why_text + at + len, j->why_text + at, rest);
	memcpy(j->why_text + at, line, len);
	j->why_len = at + len + rest;
	j->why_text[j->why_len] = '\0';
	if (!refused)
		j->why_head = at + len;
}

const struct steer_why *
explain_why(struct answer_job *j)
{
	if (!j->q->explain || !allowed(j))
		return NULL;
	j->explaining = true;
	j->why_len = j->why_head = 0;
	j->why_text[0] = '\0';
	j->why = (struct steer_why){ .line = join_line, .arg = j };
	return &j->why;
}

/* One TXT record a line. */
static void
txt_line(void *arg, const char *text)
{
	struct answer_job *j = arg;
	uint8_t rdata[256];
	size_t len = strnlen(text, 255);

	rdata[0] = (uint8_t)len;
	memcpy(rdata + 1, text, len);
	if (!reply_record(&j->r, REPLY_ANSWER, DNS_HEADER_LEN, DNS_TXT, DNS_IN, 0, rdata, len + 1))
		answer_truncate(j);
}

static void
put_reasons(struct answer_job *j, const struct zone_node *node)
{
	const struct steer_name *name = j->vz->steer[node->steer];
	struct steer_why why = { .line = txt_line, .arg = j };
	struct steer_answer picked;
	size_t start = j->r.at;

	steer_pick(name, j->place, 4, &picked, NULL);
	steer_pick(name, j->place, picked.lacks_family ? 6 : 4, &picked, &why);
	if (j->place->ecs)			/* a line names the very prefix that asked */
		j->r.opt.scope = j->q->ecs.source;
	if (j->r.flags & DNS_TC) {		/* never half an rrset */
		j->r.at = start;
		j->r.count[REPLY_ANSWER] = 0;
	}
}

/* _why.NAME: to those who may ask; to others it does not exist, whatever the zone says. */
static bool
why_name(struct answer_job *j)
{
	const uint8_t *asked = j->q->qname.name + 5;	/* behind "_why" */
	uint8_t name[NAME_MAX_WIRE];
	const struct zone_node *node;

	if (!name_below(asked, j->r.zone->apex))
		return false;
	assert(name_len(asked) == j->q->qname.len - 5u);
	memcpy(name, asked, j->q->qname.len - 5u);
	node = zone_find_steered(j->r.zone, name);
	if (node == NULL) {
		if (allowed(j)) {
			j->r.opt.ede = DNS_EDE_OTHER;
			j->r.opt.ede_text = "this name is not steered";
		}
		return false;
	}
	if (!allowed(j))
		answer_nxdomain(j);
	else if (j->q->qtype == DNS_TXT || j->q->qtype == DNS_ANY)
		put_reasons(j, node);
	else
		answer_nodata(j);
	return true;
}

static size_t
put_text(uint8_t *out, const char *key, const char *value)
{
	int n = snprintf((char *)out + 1, 256, "%s=%s", key, value);

	out[0] = (uint8_t)(n < 255 ? n : 255);
	return out[0] + 1u;
}

/* _whoami.ZONE: the resolver's address, the prefix it sent, this site, the country. */
static bool
whoami_name(struct answer_job *j)
{
	const struct name_walk *name = &j->q->qname;
	const struct query_ecs *ecs = &j->q->ecs;
	struct prefix net = { .family = ecs->family, .len = ecs->source };
	struct addr resolver = j->client->addr;
	const char *here = j->gen->conf->here;
	char ip[ADDR_TEXT], subnet[ADDR_TEXT + 8] = "none", country[3] = "";
	uint8_t rdata[4 * 256];
	size_t n;

	if (name->labels != j->r.zone->apex_labels + 1u ||
	    zone_node_find(j->r.zone, name->hash[name->labels], name->name, name->len) != ZONE_NONE)
		return false;
	if (j->q->qtype != DNS_TXT && j->q->qtype != DNS_ANY) {
		answer_nodata(j);
		return true;
	}
	resolver.port = 0;
	if (j->gen->steer != NULL)
		steer_country(j->gen->steer, j->place, country);
	if (j->place->ecs) {
		memcpy(net.ip, ecs->ip, 16);
		prefix_text(&net, subnet);
		snprintf(subnet + strlen(subnet), 8, "/%u", ecs->source);
		j->r.opt.scope = ecs->source;
	} else if (ecs->present) {
		snprintf(subnet, sizeof(subnet), "opt-out");
	}
	n = put_text(rdata, "ip", addr_text(&resolver, ip));
	n += put_text(rdata + n, "ecs", subnet);
	n += put_text(rdata + n, "site", here != NULL ? here : "none");
	n += put_text(rdata + n, "country", *country != '\0' ? country : "unknown");
	if (!reply_record(&j->r, REPLY_ANSWER, DNS_HEADER_LEN, DNS_TXT, DNS_IN, 0, rdata, n))
		answer_truncate(j);
	return true;
}

/* Compares a first label, which is lower case here. */
static bool
first_label(const uint8_t *name, const char *label, uint8_t len)
{
	if (name[0] != len)
		return false;
	for (unsigned i = 0; i < len; i++)
		if (name_fold(name[1 + i]) != (uint8_t)label[i])
			return false;
	return true;
}

bool
explain_name(struct answer_job *j)
{
	const uint8_t *name = j->q->qname.name;

	/* an octet after the name's first is always there: the question's type follows */
	if (name[1] != '_')
		return false;
	if (first_label(name, "_why", 4))
		return why_name(j);
	if (first_label(name, "_whoami", 7))
		return whoami_name(j);
	return false;
}
