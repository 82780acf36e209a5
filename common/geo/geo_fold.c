#include "common/geo/geo_fold.h"

#include <stddef.h>

const struct geo_fold geo_fold_ranges[GEO_FOLDS] = {
	{ 0, UINT64_C(0x0000ffff00000000), 96, 96, false },
	{ UINT64_C(0x0064ff9b00000000), 0, 96, 96, false },
	{ UINT64_C(0x2001000000000000), 0, 32, 96, true },
	{ UINT64_C(0x2002000000000000), 0, 16, 16, false },
};

const struct geo_fold *
geo_fold_find(geo_key key)
{
	for (size_t i = 0; i < GEO_FOLDS; i++)
		if ((key ^ geo_fold_key(&geo_fold_ranges[i])) >> (128 - geo_fold_ranges[i].len) ==
		    0)
			return &geo_fold_ranges[i];
	return NULL;
}

bool
geo_fold_holds(const struct prefix *net)
{
	const struct geo_fold *fold = geo_fold_find(geo_key_of(6, net->ip));

	return fold != NULL && net->len >= fold->len;
}
