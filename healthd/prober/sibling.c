#include "healthd/prober/sibling.h"

#include <stdlib.h>
#include <string.h>

#include "common/dns/client.h"
#include "common/dns/dns.h"
#include "common/dns/name.h"
#include "common/text.h"

enum { DEFAULT_PORT = 53, INTERVAL_MS = 1000, TIMEOUT_MS = 2000 };

struct sibling {
	struct core *core;
	uint16_t site;
	struct client client;
	struct loop_timer timer;
};

struct said {
	bool drain_known, drain, ttl_known;
	uint32_t ttl_s;
};

/* One string of the answer. */
static void
read_text(const uint8_t *text, size_t len, struct said *said)
{
	char word[16];
	uint64_t ttl_s;

	if (len >= sizeof(word))
		return;
	memcpy(word, text, len);
	word[len] = '\0';
	if (strcmp(word, "drain=0") == 0 || strcmp(word, "drain=1") == 0) {
		said->drain_known = true;
		said->drain = word[6] == '1';
	} else if (strncmp(word, "ttl=", 4) == 0 && text_is_number(word + 4, UINT32_MAX, &ttl_s)) {
		/* a day is the longest that is believed */
		said->ttl_known = true;
		said->ttl_s = ttl_s < JUDGE_TTL_MAX_S ? (uint32_t)ttl_s : JUDGE_TTL_MAX_S;
	}
}

/* The answer of `CH TXT site.nearcast.`: "SITE" "POSTURE" "drain=0|1" "ttl=N".  False if it
 * says nothing about this site. */
static bool
read_site_answer(const uint8_t *m, size_t len, const char *site, struct said *said)
{
	size_t at = DNS_HEADER_LEN, rdata_len, n = strlen(site);

	memset(said, 0, sizeof(*said));
	if (DNS_FLAGS_RCODE(dns_get16(m + 2)) != DNS_NOERROR || dns_get16(m + 4) != 1 ||
	    dns_get16(m + 6) < 1)
		return false;
	at = name_skip(m, len, at);
	if (at == 0 || (at = name_skip(m, len, at + 4)) == 0 || at + 10 > len)
		return false;
	if (dns_get16(m + at) != DNS_TXT || dns_get16(m + at + 2) != DNS_CH)
		return false;
	rdata_len = dns_get16(m + at + 8);
	m += at + 10;
	if (rdata_len > len - at - 10 || rdata_len < 1 + n || m[0] != n ||
	    memcmp(m + 1, site, n) != 0)
		return false;
	for (at = 0; at < rdata_len && at + 1 + m[at] <= rdata_len; at += 1u + m[at])
		read_text(m + at + 1, m[at], said);
	return true;
}

static void
ask_again(struct sibling *s)
{
	struct loop *loop = s->core->loop;

	loop_timer_set(loop, &s->timer, loop_now(loop) + INTERVAL_MS);
}

static void
on_site_answer(struct client *client, enum client_end end, const uint8_t *message, size_t len,
    int error)
{
	struct sibling *s = LOOP_OWNER(client, struct sibling, client);
	const struct conf *conf = s->core->conf;
	struct said said;

	(void)error;
	ask_again(s);
	if (end != CLIENT_ANSWERED || !read_site_answer(message, len, conf->sites[s->site].name,
	    &said))
		return;
	if (said.ttl_known)
		core_step(s->core, &(struct judge_event){ .kind = JUDGE_TTL, .index = s->site,
		    .ttl_s = said.ttl_s });
	if (said.drain_known && s->site == conf->here_site) {
		s->core->dnsd_ms = loop_now(s->core->loop);
		s->core->dnsd_drains = said.drain;
	}
	/* whether our own site drains we know better */
	if (said.drain_known && s->site != conf->here_site)
		core_step(s->core, &(struct judge_event){ .kind = JUDGE_SIBLING, .index = s->site,
		    .drain = said.drain });
}

static void
on_due(struct loop_timer *timer)
{
	struct sibling *s = LOOP_OWNER(timer, struct sibling, timer);

	if (client_start(&s->client) < 0)
		ask_again(s);
}

static int
add_sibling(struct siblings *all, size_t site, const struct addr *to)
{
	static const uint8_t name[] = "\4site\10nearcast";
	struct sibling *s = &all->v[all->n++];
	struct loop *loop = all->core->loop;

	s->core = all->core;
	s->site = (uint16_t)site;
	s->timer.fire = on_due;
	s->client = (struct client){ .loop = loop, .to = *to, .way = CLIENT_TCP,
	    .timeout_ms = TIMEOUT_MS, .done = on_site_answer };
	if (s->client.to.port == 0)
		s->client.to.port = DEFAULT_PORT;
	client_question(&s->client, name, DNS_TXT, DNS_CH, CLIENT_EDNS);
	return loop_timer_set(loop, &s->timer, loop_now(loop));
}

int
sibling_open(struct siblings *all, struct core *core, struct err *err)
{
	const struct conf *conf = core->conf;

	all->core = core;
	all->v = calloc(conf->n_sites + 1, sizeof(*all->v));
	if (all->v == NULL)
		return err_set(err, "out of memory");
	for (size_t i = 0; i < conf->n_sites; i++) {
		const struct addr *to = &conf->sites[i].sibling;

		if (i == conf->here_site && conf->n_listen != 0)
			to = &conf->listen[0];
		if (to->family != 0 && add_sibling(all, i, to) < 0)
			return err_set(err, "out of memory");
	}
	return 0;
}

void
sibling_close(struct siblings *all)
{
	for (size_t i = 0; i < all->n; i++) {
		loop_timer_stop(all->core->loop, &all->v[i].timer);
		client_cancel(&all->v[i].client);
	}
	free(all->v);
}
