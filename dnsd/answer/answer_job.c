#include "dnsd/answer/answer_job.h"

#include <assert.h>

void
answer_truncate(struct answer_job *j)
{
	j->r.flags |= DNS_TC;
}

void
answer_nodata(struct answer_job *j)
{
	struct reply *r = &j->r;

	assert(r->zone != NULL && r->zone->soa_negative->type == DNS_SOA);
	j->note.kind = r->rcode == DNS_NXDOMAIN ? ANSWER_NXDOMAIN : ANSWER_NODATA;
	/* RFC 2308: the SOA with its negative TTL */
	if (!reply_rrset(r, REPLY_AUTHORITY, r->apex_at, r->zone->soa_negative))
		answer_truncate(j);
}

void
answer_nxdomain(struct answer_job *j)
{
	j->note.name_hash = j->r.zone->apex_hash;
	j->r.rcode = DNS_NXDOMAIN;
	answer_nodata(j);
}
