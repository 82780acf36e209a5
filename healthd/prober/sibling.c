#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/dns/dns.h"
#include "common/dns/name.h"
#include "healthd/prober/prober_inner.h"

enum { PEER_PORT = 53, PEER_INTERVAL_MS = 1000, PEER_TIMEOUT_MS = 2000 };

struct said {
	bool drain_known, drain, ttl_known;
	uint32_t ttl_s;
};

/* One string of the answer. */
static void
read_text(const uint8_t *text, size_t len, struct said *said)
{
	char word[16];
	unsigned ttl_s;

	if (len >= sizeof(word))
		return;
	memcpy(word, text, len);
	word[len] = '\0';
	if (strcmp(word, "drain=0") == 0 || strcmp(word, "drain=1") == 0) {
		said->drain_known = true;
		said->drain = word[6] == '1';
	} else if (sscanf(word, "ttl=%9u", &ttl_s) == 1) {
		said->ttl_known = true;
		said->ttl_s = ttl_s;
	}
}

/* The answer of `CH TXT site.nearcast.`: "SITE" "POSTURE" "drain=0|1" "ttl=N".  False if it
 * says nothing about this site. */
static bool
read_answer(const uint8_t *m, size_t len, const char *site, struct said *said)
{
	size_t at = DNS_HEADER_LEN, rdata_len, n = strlen(site);

	memset(said, 0, sizeof(*said));
	if (DNS_FLAGS_RCODE(dns_get16(m + 2)) != DNS_NOERROR || dns_get16(m + 4) != 1 || dns_get16(m + 6) < 1)
		return false;
	at = name_skip(m, len, at);
	if (at == 0 || (at = name_skip(m, len, at + 4)) == 0 || at + 10 > len)
		return false;
	if (dns_get16(m + at) != DNS_TXT || dns_get16(m + at + 2) != DNS_CH)
		return false;
	rdata_len = dns_get16(m + at + 8);
	m += at + 10;
	if (rdata_len > len - at - 10 || rdata_len < 1 + n || m[0] != n || memcmp(m + 1, site, n) != 0)
		return false;
	for (at = 0; at < rdata_len && at + 1 + m[at] <= rdata_len; at += 1u + m[at])
		read_text(m + at + 1, m[at], said);
	return true;
}

static void
ask_again(struct peer *peer)
{
	struct loop *loop = peer->prober->loop;

	loop_timer_set(loop, &peer->timer, loop_now(loop) + PEER_INTERVAL_MS);
}

static void
peer_answered(struct client *client, enum client_end end, const uint8_t *message, size_t len, int error)
{
	struct peer *peer = LOOP_OWNER(client, struct peer, client);
	struct prober *p = peer->prober;
	struct said said;

	(void)error;
	ask_again(peer);
	/* a dnsd that cannot be asked changes nothing: the last word stands */
	if (end != CLIENT_ANSWERED || !read_answer(message, len, p->conf->sites[peer->site].name, &said))
		return;
	if (said.ttl_known)
		judge_step(p->judge, &(struct judge_event){ .kind = JUDGE_TTL, .index = peer->site,
		    .ttl_s = said.ttl_s }, prober_now(p));
	/* whether our own site drains we know better */
	if (said.drain_known && peer->site != p->conf->here_site)
		judge_step(p->judge, &(struct judge_event){ .kind = JUDGE_PEER, .index = peer->site,
		    .drain = said.drain }, prober_now(p));
}

static void
peer_due(struct loop_timer *timer)
{
	struct peer *peer = LOOP_OWNER(timer, struct peer, timer);

	if (client_start(&peer->client) < 0)
		ask_again(peer);
}

static int
peer_add(struct prober *p, size_t site, const struct addr *to)
{
	static const uint8_t name[] = "\4site\10nearcast";
	struct peer *peer = &p->peers[p->n_peers++];

	peer->prober = p;
	peer->site = (uint16_t)site;
	peer->timer.fire = peer_due;
	peer->client = (struct client){ .loop = p->loop, .to = *to, .way = CLIENT_TCP,
	    .timeout_ms = PEER_TIMEOUT_MS, .done = peer_answered };
	if (peer->client.to.port == 0)
		peer->client.to.port = PEER_PORT;
	client_question(&peer->client, name, DNS_TXT, DNS_CH, CLIENT_EDNS);
	return loop_timer_set(p->loop, &peer->timer, loop_now(p->loop));
}

/* Other sites' dnsd whether they drain; our own how long its answers may be kept. */
int
peer_open(struct prober *p, struct err *err)
{
	const struct conf *conf = p->conf;

	p->peers = calloc(conf->n_sites + 1, sizeof(*p->peers));
	if (p->peers == NULL)
		return err_set(err, "out of memory");
	for (size_t i = 0; i < conf->n_sites; i++) {
		const struct addr *to = &conf->sites[i].sibling;

		if (i == conf->here_site && conf->n_listen != 0)
			to = &conf->listen[0];
		if (to->family != 0 && peer_add(p, i, to) < 0)
			return err_set(err, "out of memory");
	}
	return 0;
}

void
peer_close(struct prober *p)
{
	for (size_t i = 0; i < p->n_peers; i++) {
		loop_timer_stop(p->loop, &p->peers[i].timer);
		client_cancel(&p->peers[i].client);
	}
	free(p->peers);
}
