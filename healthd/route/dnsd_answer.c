#include "healthd/route/dnsd_answer.h"

#include <string.h>

#include "common/dns/dns.h"
#include "common/dns/name.h"

/* What makes a message no answer to this question at all; NULL = it is one. */
static const char *
no_answer(const uint8_t *question, const uint8_t *answer, size_t len)
{
	unsigned flags;

	if (len < DNS_HEADER_LEN)
		return "answer shorter than a header";
	if (memcmp(answer, question, 2) != 0)
		return "answer with another id";
	flags = dns_get16(answer + 2);
	if (!(flags & DNS_QR))
		return "not an answer (QR is 0)";
	if (DNS_FLAGS_OPCODE(flags) != DNS_OP_QUERY)
		return "answer with another opcode";
	return NULL;
}

/* The answer repeats the question, of which `len` octets are header, name, type and class. */
static bool
repeats(const uint8_t *question, size_t len, const uint8_t *answer, size_t answer_len)
{
	return dns_get16(answer + 4) == 1 && answer_len >= len &&
	    memcmp(answer + DNS_HEADER_LEN, question + DNS_HEADER_LEN, len - DNS_HEADER_LEN) == 0;
}

/* By its lower four bits, for the others are in OPT: BADCOOKIE is 16 + 7, and 7 itself is an
 * answer to an update, which we never send. */
static enum dnsd_answer
judge_error(unsigned rcode, const char **why)
{
	switch (rcode) {
	case DNS_NXDOMAIN:
		*why = "NXDOMAIN";
		return DNSD_ANSWER_ODD;
	case DNS_REFUSED:
		*why = "REFUSED";
		return DNSD_ANSWER_REFUSED;
	case DNS_BADCOOKIE & 15:
		*why = "BADCOOKIE";
		return DNSD_ANSWER_REFUSED;
	case DNS_SERVFAIL:
		*why = "SERVFAIL";
		return DNSD_ANSWER_BAD;
	default:
		*why = "answer with an error code";
		return DNSD_ANSWER_BAD;
	}
}

/* NOERROR, and not cut short. */
static enum dnsd_answer
judge_data(const uint8_t *answer, size_t rest, const char **why)
{
	bool authoritative = (dns_get16(answer + 2) & DNS_AA) != 0;

	if (dns_get16(answer + 6) == 0) {
		*why = authoritative ? "answer without a record" : "a referral";
		if (!authoritative && dns_get16(answer + 8) == 0) {
			*why = "answer is not authoritative";
			return DNSD_ANSWER_BAD;
		}
		return DNSD_ANSWER_ODD;
	}
	if (!authoritative)
		*why = "answer is not authoritative";
	else if (rest < 11)
		*why = "answer cut off";
	else
		return DNSD_ANSWER_GOOD;
	return DNSD_ANSWER_BAD;
}

enum dnsd_answer
dnsd_answer_judge(const uint8_t *question, size_t question_len, const uint8_t *answer,
    size_t answer_len, const char **why)
{
	size_t len = DNS_HEADER_LEN + 4 + name_check(question + DNS_HEADER_LEN,
	    question_len - DNS_HEADER_LEN);
	unsigned rcode;

	*why = no_answer(question, answer, answer_len);
	if (*why != NULL)
		return DNSD_ANSWER_BAD;
	*why = "";
	rcode = DNS_FLAGS_RCODE(answer[3]);
	/* an error may come without its question (RFC 1035 says nothing, FORMERR does) */
	if (rcode != DNS_NOERROR && dns_get16(answer + 4) == 0)
		return judge_error(rcode, why);
	if (!repeats(question, len, answer, answer_len)) {
		*why = "answer to another question";
		return DNSD_ANSWER_BAD;
	}
	if (rcode != DNS_NOERROR)
		return judge_error(rcode, why);
	if (dns_get16(answer + 2) & DNS_TC)
		return DNSD_ANSWER_GOOD;
	return judge_data(answer, answer_len - len, why);
}
