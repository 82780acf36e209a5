#include "common/conf/conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/conf/conf_checks.h"
#include "common/conf/conf_scan.h"
#include "common/conf/conf_schema.h"
#include "common/conf/conf_tree.h"
#include "common/conf/conf_values.h"
#include "common/file.h"

#define CONF_FILE_MAX (16u << 20)

/* The absolute folder of a file, without its last slash and without resolving
 * links; NULL out of memory. */
static char *
folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	int len = slash == NULL ? 0 : (int)(slash - path);
	char *here, *folder = NULL;

	if (*path == '/')
		return strndup(path, (size_t)len);
	here = getcwd(NULL, 0);
	if (here != NULL && asprintf(&folder, "%s%s%.*s", here, len != 0 ? "/" : "", len, path) < 0)
		folder = NULL;
	free(here);
	return folder;
}

struct conf *
conf_parse(const char *path, const char *text, size_t len, const struct warn *warn,
    struct err *err)
{
	struct err local = { "" };
	struct conf_reader r = { .file = path, .warn = warn, .err = err != NULL ? err : &local };
	char *folder = folder_of(path);
	struct conf *conf = calloc(1, sizeof(*conf));
	struct conf_scan scan = { 0 };
	int done = -1;

	r.folder = folder;
	r.conf = conf;
	if (conf != NULL)
		conf->path = strdup(path);
	if (folder == NULL || conf == NULL || conf->path == NULL)
		conf_fail(&r, 0, "out of memory");
	else if (conf_scan(&scan, &r, text, len) == 0) {
		if (conf_tree_read(&r, &scan) == 0)
			done = conf_checks_run(&r);
		conf_scan_free(&scan);
	}
	free(folder);
	if (done == 0)
		return conf;
	conf_free(conf);
	return NULL;
}

struct conf *
conf_read(const char *path, const struct warn *warn, struct err *err)
{
	size_t len;
	char *text = file_read(path, 0, CONF_FILE_MAX, &len, err);
	struct conf *conf;

	if (text == NULL) {
		err_prefix(err, errno != 0 ? "%s: cannot be opened" : "%s", path);
		return NULL;
	}
	conf = conf_parse(path, text, len, warn, err);
	free(text);
	return conf;
}

static void
block_free(const struct conf_block *block, struct conf *conf, void *parent)
{
	struct conf_list list = conf_block_elements(conf, block, parent);

	for (size_t i = 0; i < list.n; i++) {
		char *element = (char *)list.v + i * block->size;
		if (block->belongs != NULL && block->place != CONF_ONE &&
		    !block->belongs(conf, block, parent, element))
			continue;
		for (const struct conf_row *row = block->rows; row->name != NULL; row++)
			conf_value_free(row, element);
		if (block->title != NULL)
			conf_value_free(block->title, element);
		for (size_t b = 0; block->blocks != NULL && block->blocks[b] != NULL; b++)
			block_free(block->blocks[b], conf, element);
	}
}

void
conf_free(struct conf *conf)
{
	if (conf == NULL)
		return;
	block_free(&conf_schema, conf, conf);
	/* the lists themselves, once what is in them is free */
	for (size_t i = 0; i < conf->n_checks; i++)
		free(conf->checks[i].digests);
	free(conf->announce.neighbors);
	free(conf->geo.rules);
	free(conf->zones);
	free(conf->sites);
	free(conf->checks);
	free(conf->pools);
	free(conf->servers);
	free(conf->by_name);
	free(conf->path);
	free(conf);
}

uint16_t
conf_find_site(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->n_sites; i++)
		if (strcmp(conf->sites[i].name, name) == 0)
			return (uint16_t)i;
	return CONF_NONE;
}

uint16_t
conf_find_pool(const struct conf *conf, const char *name)
{
	for (size_t i = 0; i < conf->n_pools; i++)
		if (strcmp(conf->pools[i].name, name) == 0)
			return (uint16_t)i;
	return CONF_NONE;
}

uint16_t
conf_find_server(const struct conf *conf, const char *name)
{
	size_t low = 0, high = conf->n_servers;

	while (low < high) {
		size_t mid = (low + high) / 2;
		int order = strcmp(conf->servers[conf->by_name[mid]].name, name);
		if (order == 0)
			return conf->by_name[mid];
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return CONF_NONE;
}
