#include "common/conf/conf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf/conf_checks.h"
#include "common/conf/conf_doubts.h"
#include "common/conf/conf_files.h"
#include "common/conf/conf_names.h"
#include "common/conf/conf_scan.h"
#include "common/conf/conf_schema.h"
#include "common/conf/conf_tree.h"
#include "common/conf/conf_values.h"
#include "common/file.h"

static int
read_blocks(struct conf_reader *r, const char *text, size_t len)
{
	struct conf_scan scan = { 0 };

	if (len > CONF_FILES_SIZE)
		return conf_fail(r, 0, "more than %u octets", CONF_FILES_SIZE);
	if (conf_files_begin(r, r->file) < 0 || conf_scan(&scan, r, text, len) < 0)
		return -1;
	r->scan = &scan;
	conf_tree_read(r, &scan);
	if (!r->no_memory)
		conf_checks_run(r);
	conf_names_tell(r);
	if (r->mistakes->n == 0)
		conf_doubts_say(r);
	r->scan = NULL;
	conf_scan_free(&scan);
	snprintf(r->conf->digest, sizeof(r->conf->digest), "%016" PRIx64, r->digest);
	return r->mistakes->n == 0 ? 0 : -1;
}

struct conf *
conf_parse(const char *path, const char *text, size_t len, const struct conf_how *how,
    const struct warn *warn, const struct warn *error, struct err *err)
{
	struct mistakes mistakes = { .n = 0 };
	struct conf_names names = { .n = 0 };
	struct conf *conf = calloc(1, sizeof(*conf));
	struct conf_reader r = { .file = path, .conf = conf, .warn = warn,
	    .read = how != NULL ? how->read : NULL, .said_here = how != NULL ? how->here : NULL,
	    .mistakes = &mistakes, .names = &names };
	int done = conf != NULL ? read_blocks(&r, text, len) : conf_no_memory(&r, 0);

	for (size_t i = 0; i < CONF_FILES_MAX; i++)
		free(r.folders[i]);
	if (done == 0)
		return conf;
	mistakes_tell(&mistakes, path, error, err);
	conf_free(conf);
	return NULL;
}

static char *
read_file(const char *path, size_t max, size_t *len, struct err *err)
{
	return file_read(path, 0, max, len, err);
}

struct conf *
conf_read(const char *path, const char *here, const struct warn *warn, const struct warn *error,
    struct err *err)
{
	const struct conf_how how = { here, read_file };
	size_t len;
	char *text = file_read(path, 0, CONF_FILES_SIZE, &len, err);
	struct conf *conf;

	if (text == NULL) {
		err_prefix(err, errno != 0 ? "%s: cannot be opened" : "%s", path);
		return NULL;
	}
	conf = conf_parse(path, text, len, &how, warn, error, err);
	free(text);
	return conf;
}

struct conf *
conf_read_again(const struct conf *conf, const struct warn *warn, const struct warn *error,
    struct err *err)
{
	return conf_read(conf->path, conf->said_here, warn, error, err);
}

const char *
conf_where(const struct conf *conf, int line, char text[CONF_WHERE])
{
	unsigned file = CONF_LINE_FILE(line);

	snprintf(text, CONF_WHERE, "%s:%d", file < conf->n_files ? conf->files[file] : conf->path,
	    conf_line_number(line));
	return text;
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
	free(conf->redirect.one_files);
	free(conf->redirect.fallbacks);
	free(conf->mirrors);
	free(conf->zones);
	free(conf->sites);
	free(conf->checks);
	free(conf->pools);
	free(conf->servers);
	free(conf->servers_by_name);
	free(conf->pools_by_name);
	free(conf->zones_by_name);
	for (size_t i = 0; i < conf->n_files; i++)
		free(conf->files[i]);
	free(conf->files);
	free(conf->said_here);
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
