#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dnsd/dns.h"
#include "dnsd/name.h"
#include "healthd/prober_inner.h"

enum { PEER_PORT = 53, PEER_INTERVAL_MS = 1000, PEER_TIMEOUT_MS = 2000, TEXTS = 3 };

/* Skips a possibly compressed name; 0 when it does not end within the message. */
static size_t
skip_name(const uint8_t *m, size_t len, size_t at)
{
	while (at < len) {
		if (m[at] == 0)
			return at + 1;
		if (m[at] >= 0xc0)
			return at + 2 <= len ? at + 2 : 0;
		if (m[at] > 63)
			return 0;
		at += 1u + m[at];
	}
	return 0;
}

static bool
is_text(const uint8_t *rdata, size_t len, size_t *at, const char *want)
{
	size_t n = strlen(want);

	return *at < len && rdata[*at] == n && *at + 1 + n <= len && memcmp(rdata + *at + 1, want, n) == 0;
}

/* The answer of `CH TXT site.nearcast.`: "SITE" "POSTURE" "drain=0|1".  1 or 0 = does or does
 * not drain, -1 = says nothing about this site. */
static int
read_drain(const uint8_t *m, size_t len, const char *site)
{
	size_t at = DNS_HEADER_LEN, rdata_len;
	int drain = -1;

	if ((m[3] & 15) != DNS_NOERROR || dns_get16(m + 4) != 1 || dns_get16(m + 6) < 1)
		return -1;
	at = skip_name(m, len, at);
	if (at == 0 || (at = skip_name(m, len, at + 4)) == 0 || at + 10 > len)
		return -1;
	if (dns_get16(m + at) != DNS_TXT || dns_get16(m + at + 2) != DNS_CH)
		return -1;
	rdata_len = dns_get16(m + at + 8);
	m += at + 10;
	if (rdata_len > len - at - 10)
		return -1;
	at = 0;
	if (!is_text(m, rdata_len, &at, site))
		return -1;
	for (unsigned i = 0; i < TEXTS && at < rdata_len; i++) {
		if (is_text(m, rdata_len, &at, "drain=0"))
			drain = 0;
		if (is_text(m, rdata_len, &at, "drain=1"))
			drain = 1;
		at += 1u + m[at];
	}
	return drain;
}

static void
peer_answered(struct ask *ask, enum ask_end end, const uint8_t *message, size_t len, int error)
{
	struct peer *peer = LOOP_OWNER(ask, struct peer, ask);
	struct prober *p = peer->prober;
	int drain;

	(void)error;
	loop_timer_set(p->loop, &peer->timer, loop_now(p->loop) + PEER_INTERVAL_MS);
	/* a dnsd that cannot be asked changes nothing: the last word stands */
	if (end != ASK_ANSWERED)
		return;
	drain = read_drain(message, len, p->conf->sites[peer->site].name);
	if (drain >= 0)
		judge_step(p->judge, &(struct judge_event){ .kind = JUDGE_PEER, .index = peer->site,
		    .drain = drain == 1 }, prober_now(p));
}

static void
peer_due(struct loop_timer *timer)
{
	ask_start(&LOOP_OWNER(timer, struct peer, timer)->ask);
}

int
peer_open(struct prober *p, struct err *err)
{
	static const uint8_t name[] = "\4site\10nearcast";

	p->peers = calloc(p->conf->n_sites + 1, sizeof(*p->peers));
	if (p->peers == NULL)
		return err_set(err, "out of memory");
	for (size_t i = 0; i < p->conf->n_sites; i++) {
		struct peer *peer = &p->peers[p->n_peers];

		if (i == p->conf->here_site || p->conf->sites[i].peer.family == 0)
			continue;
		p->n_peers++;
		peer->prober = p;
		peer->site = (uint16_t)i;
		peer->timer.fire = peer_due;
		peer->ask = (struct ask){ .loop = p->loop, .to = p->conf->sites[i].peer, .tcp = true,
		    .timeout_ms = PEER_TIMEOUT_MS, .done = peer_answered, .io.fd = -1 };
		if (peer->ask.to.port == 0)
			peer->ask.to.port = PEER_PORT;
		ask_question(&peer->ask, name, DNS_TXT, DNS_CH, false);
		if (loop_timer_set(p->loop, &peer->timer, loop_now(p->loop)) < 0)
			return err_set(err, "out of memory");
	}
	return 0;
}

void
peer_close(struct prober *p)
{
	for (size_t i = 0; i < p->n_peers; i++) {
		loop_timer_stop(p->loop, &p->peers[i].timer);
		ask_cancel(&p->peers[i].ask);
	}
	free(p->peers);
}
