/*
 * Fuzzes the seam: any bytes in, over UDP and TCP, against a real generation with
 * every kind of data.  What comes out must be nothing or an answer of a lawful size.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/dns/compress.h"
#include "dnsd/answer/answer.h"
#include "dnsd/generation/inputs.h"
#include "dnsd/generation/generation.h"

enum { BATCH = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char conf_text[] =
    "here = \"a\"\nlisten = { \"127.0.0.1@5300\" }\n"
    "zone \"example.org\" { file = \"example.org.zone\" }\n"
    "zone \"sub.example.org\" { file = \"sub.zone\" }\n"
    "site \"a\" { location = { 50, 8 } }\n"
    "site \"b\" { location = { 40, -74 } }\n"
    "pool \"p\" {\n"
    "  server \"a1\" { site = \"a\" address = { \"198.51.100.1\", \"2001:db8:a::1\" } }\n"
    "  server \"a2\" { site = \"a\" address = { \"198.51.100.2\" } }\n"
    "  server \"b1\" { site = \"b\" address = { \"198.51.100.3\", \"2001:db8:b::1\" } }\n"
    "}\n";

static const char master_text[] =
    "$TTL 300\n"
    "@ SOA ns hostmaster 1 2 3 4 60\n"
    "@ NS ns\n"
    "@ MX 10 a\n"
    "ns A 192.0.2.1\n"
    "a 60 A 192.0.2.2\n"
    "a 60 HTTPS 1 . alpn=h2 ipv4hint=192.0.2.2 ipv6hint=2001:db8::2\n"
    "_steer.a TXT \"pool=p\"\n"
    "c CNAME a\n"
    "l CNAME m\n"
    "m CNAME l\n"
    "d DNAME e\n"
    "x.e A 192.0.2.3\n"
    "*.w TXT \"wild\"\n"
    "*.v CNAME a\n"
    "z NS n.z\n"
    "n.z A 192.0.2.4\n"
    "n.z AAAA 2001:db8::4\n"
    "z NS m.n.z\n"
    "z NS ns1.z.other.test.\n"
    "z NS ns2.z.OTHER.test.\n"
    "y NS y\n"
    "y NS a.b.y\n"
    "y A 192.0.2.6\n"
    "y DS 1 8 2 " "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
    "q MX 1 a.q\n"
    "q MX 2 b.a.Q\n"
    "q MX 3 w.q\n"
    "a.q A 192.0.2.7\n"
    "w.q CNAME u.w.q\n"
    "u.w.q CNAME w.q.d\n"
    "w.q.e PTR x.e.org.\n"
    "h HTTPS 0 h2\n"
    "h2 HTTPS 1 a.q\n"
    "h2 HTTPS 0 h\n"
    "s SRV 0 0 80 a\n"
    "sub NS ns\n"
    "t TXT \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"\n";

static const char sub_text[] =
    "@ 300 SOA ns hostmaster 1 2 3 4 60\n@ 300 NS ns\nns 300 A 192.0.2.5\n";

static void
say(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "%s\n", line);
}

static void
put_file(const char *folder, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
}

static const struct generation *
make_generation(void)
{
	char folder[] = "/tmp/nearcast-fuzz-XXXXXX", path[256];
	static const char *const names[] = { "nearcast.conf", "example.org.zone", "sub.zone" };
	static const struct warn warn = { say, NULL };
	const struct inputs_say lines = { .warn = &warn, .error = &warn };
	struct err err = { .text = "" };
	struct inputs *inputs;
	struct generation *gen;

	if (mkdtemp(folder) == NULL)
		abort();
	put_file(folder, names[0], conf_text);
	put_file(folder, names[1], master_text);
	put_file(folder, names[2], sub_text);
	snprintf(path, sizeof(path), "%s/nearcast.conf", folder);
	inputs = inputs_read(path, NULL, NULL, false, &lines, &err);
	gen = inputs != NULL ? generation_build(inputs, NULL, 1, &err) : NULL;
	for (unsigned i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
	if (gen == NULL || gen->n_loaded != gen->n_zones) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
	return gen;
}

/* Offset past the name at `at`, whose pointers lead to earlier places only. */
static size_t
check_name(const uint8_t *out, size_t len, size_t at)
{
	size_t end = 0, octets = 0;

	for (;;) {
		assert(at < len);
		if (out[at] >= 0xc0) {
			size_t to = dns_get16(out + at) & 0x3fff;

			assert(at + 2 <= len && to >= DNS_HEADER_LEN && to < at);
			end = end == 0 ? at + 2 : end;
			at = to;
			continue;
		}
		assert(out[at] < 64);
		octets += out[at] + 1u;
		assert(octets <= NAME_MAX_WIRE);
		if (out[at] == 0)
			return end == 0 ? at + 1 : end;
		at += out[at] + 1u;
	}
}

/* Every name of an answer can be read, and its records take all of it. */
static void
check_names(const uint8_t *out, size_t len)
{
	size_t at = DNS_HEADER_LEN, first;
	unsigned records = dns_get16(out + 6) + dns_get16(out + 8) + dns_get16(out + 10), n;

	if (dns_get16(out + 4) != 0)
		at = check_name(out, len, at) + 4;
	for (; records > 0; records--) {
		size_t rdata;

		at = check_name(out, len, at);
		assert(at + 10 <= len);
		rdata = at + 10;
		n = compress_names(dns_get16(out + at), &first);
		at = rdata + dns_get16(out + at + 8);
		for (rdata += first; n > 0; n--) {
			rdata = check_name(out, len, rdata);
			assert(rdata <= at);
		}
	}
	assert(at == len);
}

/* Among others, a packet gets the answer that it gets alone. */
static void
check_batch(const struct generation *gen, const struct answer_client *client,
    const uint8_t *data, size_t size, const uint8_t *alone, size_t alone_len)
{
	static struct counters counters;
	static struct answer_ask ask[BATCH];
	static uint8_t out[ANSWER_MAX_TCP];

	for (unsigned i = 0; i < BATCH; i++)
		answer_read(&ask[i], gen, client, data, size);
	answer_ahead(ask, BATCH);
	for (unsigned i = 0; i < BATCH; i += BATCH - 1) {
		size_t len = answer_write(gen, &ask[i], out,
		    client->tcp ? ANSWER_MAX_TCP : ANSWER_MAX_UDP, NULL, &counters);
		assert(len == alone_len && memcmp(out, alone, len) == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct generation *gen;
	static struct counters counters;
	static uint8_t out[ANSWER_MAX_TCP];
	struct answer_client client = {
		.addr = { .family = 4, .ip = { 127, 0, 0, 1 }, .port = 1053 },
		.now_s = 1763700000, .tcp_idle_100ms = 100 };

	if (gen == NULL)
		gen = make_generation();
	for (int tcp = 0; tcp < 2; tcp++) {
		size_t len, size_max = tcp ? ANSWER_MAX_TCP : gen->conf->udp_payload;
		struct answer_note note = { .kind = ANSWER_DATA };

		client.tcp = tcp;
		len = answer_packet(gen, &client, data, size, out,
		    tcp ? ANSWER_MAX_TCP : ANSWER_MAX_UDP, &note, &counters);
		check_batch(gen, &client, data, size, out, len);
		if (len != 0)
			check_names(out, len);
		assert(len == 0 || (len >= DNS_HEADER_LEN && len <= size_max));
		assert(len == 0 || (size >= DNS_HEADER_LEN && !(data[2] & 0x80)));
		assert(len == 0 || (memcmp(out, data, 2) == 0 && (out[2] & 0x80)));
		assert(len == 0 || note.question_end <= len);
		assert(len == 0 || note.beyond == (len > 5 * size ? len - 5 * size : 0));
		/* cut down, it has no more octets than the question, but for a server cookie */
		assert(len == 0 || answer_slip(out, &note) <= size + 16);
		assert(len == 0 || (note.opt_at != 0) == (out[11] == 1));
	}
	return 0;
}
