/*
 * dns: numbers of the DNS as IANA registers them, and their names as text.
 *
 * The enums hold only what we use by name.  Knows no messages beyond the place of an integer
 * in them.  Pure; any thread.  RFC 1035, RFC 3597 5 (TYPEnnn), RFC 6895.
 */
#ifndef NEARCAST_DNS_H
#define NEARCAST_DNS_H

#include <stdint.h>

enum { DNS_HEADER_LEN = 12 };

enum dns_opcode { DNS_OP_QUERY = 0, DNS_OP_NOTIFY = 4, DNS_OP_UPDATE = 5 };

enum dns_rcode {
	DNS_NOERROR = 0, DNS_FORMERR = 1, DNS_SERVFAIL = 2, DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4, DNS_REFUSED = 5, DNS_YXDOMAIN = 6, DNS_NOTAUTH = 9,
	DNS_BADVERS = 16, DNS_BADCOOKIE = 23
};

enum dns_class { DNS_IN = 1, DNS_CH = 3, DNS_NONE = 254, DNS_CLASS_ANY = 255 };

enum dns_type {
	DNS_A = 1, DNS_NS = 2, DNS_CNAME = 5, DNS_SOA = 6, DNS_PTR = 12,
	DNS_HINFO = 13, DNS_MX = 15, DNS_TXT = 16, DNS_SIG = 24, DNS_KEY = 25,
	DNS_AAAA = 28, DNS_NXT = 30, DNS_SRV = 33,
	DNS_NAPTR = 35, DNS_DNAME = 39, DNS_OPT = 41, DNS_DS = 43, DNS_RRSIG = 46,
	DNS_NSEC = 47, DNS_DNSKEY = 48, DNS_NSEC3 = 50, DNS_NSEC3PARAM = 51,
	DNS_SVCB = 64, DNS_HTTPS = 65, DNS_TKEY = 249, DNS_TSIG = 250,
	DNS_IXFR = 251, DNS_AXFR = 252, DNS_MAILB = 253, DNS_MAILA = 254, DNS_ANY = 255
};

/* Header flags, as the 16 bits after the id. */
enum {
	DNS_QR = 0x8000, DNS_AA = 0x0400, DNS_TC = 0x0200, DNS_RD = 0x0100,
	DNS_RA = 0x0080, DNS_AD = 0x0020, DNS_CD = 0x0010
};
#define DNS_FLAGS_OPCODE(flags) (((flags) >> 11) & 15)
#define DNS_FLAGS_RCODE(flags) ((flags) & 15)	/* its lower four bits: OPT holds the rest */

enum dns_option {
	DNS_OPT_NSID = 3, DNS_OPT_ECS = 8, DNS_OPT_COOKIE = 10,
	DNS_OPT_KEEPALIVE = 11, DNS_OPT_EDE = 15,
	DNS_OPT_EXPLAIN = 65001		/* local use: `dig +ednsopt=65001` */
};

/* RFC 8914 */
enum dns_ede {
	DNS_EDE_NONE = -1, DNS_EDE_OTHER = 0, DNS_EDE_STALE_ANSWER = 3,
	DNS_EDE_NOT_READY = 14, DNS_EDE_PROHIBITED = 18, DNS_EDE_NOT_AUTHORITATIVE = 20,
	DNS_EDE_NOT_SUPPORTED = 21, DNS_EDE_NETWORK_ERROR = 23, DNS_EDE_INVALID_DATA = 24
};

/* The type of this name, in any case, or TYPEnnn with 0 to 65535; -1 if there is none. */
int dns_type_number(const char *text);

/* Name of a type, "TYPE65280" for one without; returns `out`. */
#define DNS_TYPE_TEXT 16
char *dns_type_text(char out[DNS_TYPE_TEXT], uint16_t type);

/* The rcode of this name, in any case; -1 if there is none. */
int dns_rcode_number(const char *text);

/* Name of an rcode, "rcode 11" for one without; returns `out`. */
#define DNS_RCODE_TEXT 16
char *dns_rcode_text(char out[DNS_RCODE_TEXT], uint16_t rcode);

static inline uint16_t
dns_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t
dns_get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void
dns_put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void
dns_put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

#endif
