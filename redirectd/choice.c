#include "redirectd/choice.h"

#include <assert.h>

struct words {
	const char *word, *words, *realm;
};

static const struct words reasons[CHOICE_REASONS] = {
	[CHOICE_PREFIX] = { "prefix", "the client is in a network of this mirror", "prefix" },
	[CHOICE_ASN] = { "asn", "the client is in the mirror's AS", "AS" },
	[CHOICE_COUNTRY] = { "country", "the mirror is in the client's country", "country" },
	[CHOICE_ALSO] = { "also-country", "the mirror counts as being in the client's country",
	    "other_country" },
	[CHOICE_NEAR] = { "near", "among the nearest", "region" },
	[CHOICE_FAR] = { "far", "farther away than the nearest", "other" },
	[CHOICE_ANY] = { "any", "how far it is is not known", "other" },
	[CHOICE_LARGE] = { "large", "in reserve: the file is larger than its max-size", "other" },
	[CHOICE_NO_FILE] = { "no-file", "it does not have this file", "" },
	[CHOICE_DOWN] = { "down", "it does not answer", "" },
	[CHOICE_INCOMPLETE] = { "incomplete", "files were found missing or wrong there", "" },
	[CHOICE_WEIGHT_ZERO] = { "weight-0", "its weight is 0", "" },
	[CHOICE_DISABLED] = { "disabled", "it is not enabled", "" },
	[CHOICE_ONLY] = { "only", "it is for others only", "" },
	[CHOICE_INSECURE] = { "insecure", "it has no https, and the request came by https", "" },
	[CHOICE_NO_IPV4] = { "no-ipv4", "it cannot be reached by IPv4", "" },
	[CHOICE_NO_IPV6] = { "no-ipv6", "it cannot be reached by IPv6", "" },
	[CHOICE_OTHER_FILE] = { "other-file", "it has one other file only", "" },
};

static const struct words homes[CHOICE_HOMES] = {
	[CHOICE_AWAY] = { "", "", NULL },
	[CHOICE_NOT_CATALOGUED] = { "not-catalogued", "it is not in the catalogue", NULL },
	[CHOICE_NO_CATALOGUE] = { "no-catalogue", "there is no catalogue to look in", NULL },
	[CHOICE_SMALL] = { "small", "it is smaller than min-size", NULL },
	[CHOICE_EXCLUDED_PATH] = { "exclude-path", "its name is excluded", NULL },
	[CHOICE_EXCLUDED_AGENT] = { "exclude-agent", "the client's program is excluded", NULL },
	[CHOICE_EXCLUDED_NET] = { "exclude-net", "the client's network is excluded", NULL },
	[CHOICE_EXCLUDED_TYPE] = { "exclude-type", "its type is excluded", NULL },
	[CHOICE_ASKED_HERE] = { "asked-here", "the copy that is here was asked for", NULL },
	[CHOICE_NO_MIRROR] = { "no-mirror", "no mirror can be named", NULL },
};

const char *
choice_why_words(enum choice_why why)
{
	assert(why < CHOICE_REASONS);
	return reasons[why].words;
}

const char *
choice_why_word(enum choice_why why)
{
	assert(why < CHOICE_REASONS);
	return reasons[why].word;
}

const char *
choice_realm(enum choice_why why)
{
	assert(why < CHOICE_REASONS);
	return reasons[why].realm;
}

const char *
choice_home_words(enum choice_home why)
{
	assert(why < CHOICE_HOMES);
	return homes[why].words;
}

const char *
choice_home_word(enum choice_home why)
{
	assert(why < CHOICE_HOMES);
	return homes[why].word;
}
