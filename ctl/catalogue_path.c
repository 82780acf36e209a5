#include "ctl/catalogue_path.h"

#include <stdlib.h>
#include <string.h>

enum { SHRINK = 50 };

const char *
catalogue_path(const struct ctl *ctl)
{
	static char *path;
	struct conf *conf;

	if (ctl->catalogue != NULL)
		return ctl->catalogue;
	if (path == NULL && (conf = ctl_conf(ctl)) != NULL) {
		path = strdup(conf->redirect.catalogue);
		conf_free(conf);
	}
	return path;
}

unsigned
catalogue_path_shrink(const struct ctl *ctl)
{
	struct err err;
	struct conf *conf = ctl->catalogue != NULL ? NULL : ctl_conf_or_bare(ctl, &err);
	unsigned shrink = conf != NULL ? conf->max_shrink : SHRINK;

	conf_free(conf);
	return shrink;
}
