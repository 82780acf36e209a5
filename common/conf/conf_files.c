#include "common/conf/conf_files.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/conf/conf.h"
#include "common/siphash.h"

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

/* Takes over `path`, which may be NULL. */
static int
add_file(struct conf_reader *r, char *path)
{
	struct conf *conf = r->conf;

	if (path == NULL)
		return -1;
	conf->files[conf->n_files] = path;
	r->folders[conf->n_files] = folder_of(path);
	return r->folders[conf->n_files++] != NULL ? 0 : -1;
}

int
conf_files_begin(struct conf_reader *r, const char *path)
{
	r->conf->files = calloc(CONF_FILES_MAX, sizeof(*r->conf->files));
	if (r->conf->files == NULL || add_file(r, strdup(path)) < 0)
		return conf_no_memory(r, 0);
	r->conf->path = r->conf->files[0];
	r->files = r->conf->files;
	return 0;
}

/* Each text's hash is the key of the next one's: order counts, and where one ends. */
void
conf_files_digest(struct conf_reader *r, const char *text, size_t len)
{
	uint8_t key[16] = { 0 };

	memcpy(key, &r->digest, sizeof(r->digest));
	r->digest = siphash(key, (const uint8_t *)text, len);
}

/* True if both name one file; where that cannot be known, by their names. */
static bool
is_one_file(const char *a, const char *b)
{
	char *x = realpath(a, NULL), *y = realpath(b, NULL);
	bool same = x != NULL && y != NULL ? strcmp(x, y) == 0 : strcmp(a, b) == 0;

	free(x);
	free(y);
	return same;
}

/* The name as messages and open(2) have it: beside the file it stands in, unless absolute. */
static char *
beside(const char *file, const char *name)
{
	const char *slash = strrchr(file, '/');
	char *path;

	while (strncmp(name, "./", 2) == 0)
		name += 2;
	if (*name == '/' || slash == NULL)
		return strdup(name);
	return asprintf(&path, "%.*s/%s", (int)(slash - file), file, name) < 0 ? NULL : path;
}

static int
refuse(struct conf_reader *r, const char *name, int line, size_t n)
{
	if (r->read == NULL)
		return conf_fail(r, line, "include \"%.200s\": no other file is read here", name);
	if (*name == '\0' || strlen(name) > 3000 || strpbrk(name, "\n\t") != NULL)
		return conf_fail(r, line, "include \"%.60s\": a file name of 1 to 3000 octets on "
		    "one line was expected", name);
	if (n > CONF_FILES_DEPTH)
		return conf_fail(r, line, "include \"%.200s\": files include each other more than "
		    "%d deep", name, CONF_FILES_DEPTH);
	if (r->conf->n_files == CONF_FILES_MAX)
		return conf_fail(r, line, "include \"%.200s\": more than %d files", name,
		    CONF_FILES_MAX);
	return 0;
}

char *
conf_files_include(struct conf_reader *r, const char *name, int line,
    const struct conf_files_open *open, size_t n, size_t *len, unsigned *number)
{
	char *path, *text;
	struct err why;

	if (refuse(r, name, line, n) < 0)
		return NULL;
	*number = (unsigned)r->conf->n_files;
	path = beside(conf_line_name(r, line), name);
	if (add_file(r, path) < 0) {
		conf_no_memory(r, line);
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		if (!is_one_file(path, r->conf->files[open[i].number]))
			continue;
		if (open[i].line == 0)
			conf_fail(r, line, "include \"%.200s\": this is the file that was begun "
			    "with, a file cannot include itself", name);
		else
			conf_fail(r, line, "include \"%.200s\": is being read already, included at "
			    "%s:%d, a file cannot include itself", name,
			    conf_line_name(r, open[i].line), conf_line_number(open[i].line));
		return NULL;
	}
	text = r->read(path, CONF_FILES_SIZE, len, &why);
	if (text == NULL)
		conf_fail(r, line, "include \"%.200s\": %s", path, why.text);
	return text;
}
