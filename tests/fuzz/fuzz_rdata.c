/* Record data, one octet in front: text ("TYPE DATA") that is refused with a reason or becomes
 * octets that hold as generic data too; or a type and octets, which are checked within their
 * bounds. */
#include <stdlib.h>
#include <string.h>

#include "common/dns/dns.h"
#include "common/rdata/rdata.h"
#include "common/rdata/rdata_types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct rdata rdata;

static void
check(bool good)
{
	if (!good)
		abort();
}

static void
read_text(const char *text, size_t len)
{
	struct err err = { .text = "" };
	struct master_text t;

	master_text_open(&t, text, len);
	while (master_text_next(&t, &err) == 1) {
		if (!rdata_type(&rdata, &t.tokens[0], &rdata.type))
			continue;
		rdata.origin = (const uint8_t *)"\1t";
		err.text[0] = '\0';
		if (rdata_read(&rdata, t.tokens + 1, t.n_tokens - 1, &err) != 0)
			check(err.text[0] != '\0');
		else
			check(rdata_types_check(rdata.type, rdata.data, rdata.len, &err) == 0);
	}
	master_text_close(&t);
}

/* Octets of exactly their length, so that a step past their end is seen. */
static void
check_octets(uint16_t type, const uint8_t *data, size_t len)
{
	struct err err = { .text = "" };
	uint8_t *octets = malloc(len == 0 ? 1 : len);

	if (octets == NULL)
		return;
	memcpy(octets, data, len);
	if (rdata_types_check(type, octets, len, &err) != 0)
		check(err.text[0] != '\0');
	free(octets);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 3 || size > UINT16_MAX)
		return 0;
	if (data[0] & 0x80)
		check_octets(dns_get16(data + 1), data + 3, size - 3);
	else
		read_text((const char *)data + 1, size - 1);
	return 0;
}
