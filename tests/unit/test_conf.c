/* conf: files that are none, names found again, sizes at the limit.  What the text may say
 * stands in tests/conf, one file a case. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/conf/conf.h"
#include "tests/lib/folder.h"

#define PATH folder_path("nearcast.conf")

static void
refused(const char *reason)
{
	struct err err;

	assert_null(conf_read(PATH, NULL, NULL, NULL, &err));
	if (strncmp(err.text, PATH, strlen(PATH)) != 0 || strstr(err.text, reason) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err.text, reason);
	assert_null(conf_read(PATH, NULL, NULL, NULL, NULL));
}

static void
test_what_is_no_file(void **state)
{
	int fd;

	(void)state;
	refused(": cannot be opened: No such file");
	assert_int_equal(mkdir(PATH, 0700), 0);
	refused(": not a regular file");
	assert_int_equal(rmdir(PATH), 0);
	assert_int_equal(mkfifo(PATH, 0600), 0);
	refused(": not a regular file");	/* and does not wait for a writer */
	assert_int_equal(unlink(PATH), 0);
	assert_int_equal(symlink("/dev/zero", PATH), 0);
	refused(": not a regular file");
	assert_int_equal(unlink(PATH), 0);
	fd = open(PATH, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(ftruncate(fd, (16 << 20) + 1), 0);
	refused("a file of at most");
	assert_int_equal(ftruncate(fd, 100), 0);
	refused(":1: a NUL octet");
	close(fd);
	assert_int_equal(unlink(PATH), 0);
}

/* A file is known by what it is, not by how it was named this time. */
static void
test_a_file_includes_itself_by_another_name(void **state)
{
	(void)state;
	folder_put("nearcast.conf", "\ninclude = \"link\"\n");
	assert_int_equal(symlink("nearcast.conf", folder_path("link")), 0);
	refused(":2: include \"link\": this is the file that was begun with");
	assert_int_equal(unlink(folder_path("link")), 0);
	assert_int_equal(unlink(folder_path("nearcast.conf")), 0);
}

static struct conf *
read_site(const char *here)
{
	struct err err = { .text = "" };
	struct conf *conf = conf_read(PATH, here, NULL, NULL, &err);

	if (conf == NULL)
		fail_msg("%s", err.text);
	return conf;
}

/* The digest is of every file, and the same at all sites. */
static void
test_digest_covers_what_is_included(void **state)
{
	char first[17];
	struct conf *conf, *again;

	(void)state;
	folder_put("nearcast.conf", "include = \"sites.conf\"\nhere = fra\n");
	folder_put("sites.conf", "site fra { } site nyc { }\n");
	conf = read_site(NULL);
	assert_int_equal(strlen(conf->digest), 16);
	strcpy(first, conf->digest);
	again = read_site("nyc");
	assert_string_equal(again->digest, first);
	conf_free(again);
	folder_put("sites.conf", "site fra { } site  nyc { }\n");
	again = conf_read_again(conf, NULL, NULL, NULL);
	assert_non_null(again);
	assert_string_not_equal(again->digest, first);
	conf_free(again);
	conf_free(conf);
	assert_int_equal(unlink(folder_path("sites.conf")), 0);
	assert_int_equal(unlink(folder_path("nearcast.conf")), 0);
}

/* The command line is stronger than the file, which is stronger than nobody. */
static void
test_which_site_this_is(void **state)
{
	struct conf *conf, *again;
	char where[CONF_WHERE];

	(void)state;
	folder_put("nearcast.conf", "include = \"sites.conf\"\nhere-file = \"here\"\n");
	folder_put("sites.conf", "site fra { }\nsite nyc { }\n");
	folder_put("here", "nyc\n");
	conf = read_site(NULL);
	assert_string_equal(conf->here, "nyc");
	assert_int_equal(conf->here_site, 1);
	assert_non_null(strstr(conf_where(conf, conf->sites[1].line, where), "/sites.conf:2"));
	conf_free(conf);
	conf = read_site("fra");
	assert_string_equal(conf->here, "fra");
	again = conf_read_again(conf, NULL, NULL, NULL);
	assert_non_null(again);
	assert_string_equal(again->here, "fra");
	assert_string_equal(again->nsid, "fra");
	conf_free(again);
	conf_free(conf);
	assert_null(conf_read(PATH, "par", NULL, NULL, NULL));
	assert_null(conf_read(PATH, "f r", NULL, NULL, NULL));
	assert_null(conf_read(PATH, "", NULL, NULL, NULL));
	folder_put("here", "");
	refused(":2: here-file");
	assert_int_equal(unlink(folder_path("here")), 0);
	assert_int_equal(unlink(folder_path("sites.conf")), 0);
	assert_int_equal(unlink(folder_path("nearcast.conf")), 0);
}

/* Relative names start at the folder of the file, however it was named. */
static void
test_relative_names(void **state)
{
	static const char text[] = "zone \"a\" { file = \"z/a\" }";
	char here[4096], wanted[4200];
	const struct { const char *path, *file; } rows[] = {
		{ "/etc/x/nearcast.conf", "/etc/x/z/a" },
		{ "/nearcast.conf", "/z/a" },
		{ "nearcast.conf", NULL },
		{ "conf/nearcast.conf", NULL },
	};

	(void)state;
	assert_non_null(getcwd(here, sizeof(here)));
	for (size_t i = 0; i < 4; i++) {
		struct conf *conf = conf_parse(rows[i].path, text, sizeof(text) - 1, NULL, NULL,
		    NULL, NULL);
		assert_non_null(conf);
		snprintf(wanted, sizeof(wanted), "%s%s/z/a", here, i == 3 ? "/conf" : "");
		assert_string_equal(conf->zones[0].file,
		    rows[i].file != NULL ? rows[i].file : wanted);
		conf_free(conf);
	}
}

/* `n` servers in two pools, in an order that is not that of their names. */
static struct conf *
many_servers(unsigned n, struct err *err)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	struct conf *conf;

	assert_non_null(out);
	fputs("here = fra site fra { location = { 1, 2 } } pool p {\n", out);
	for (unsigned i = 0; i < n; i++)
		fprintf(out, "%sserver s%u { site = fra; address = \"10.%u.%u.%u\" }\n",
		    i == n / 2 ? "} pool q {\n" : "",
		    i * 7919 % n, i >> 16, i >> 8 & 255, (i & 255));
	fputs("}\n", out);
	fclose(out);
	conf = conf_parse("f", text, len, NULL, NULL, NULL, err);
	free(text);
	return conf;
}

static void
test_names_are_found(void **state)
{
	struct err err = { .text = "" };
	struct conf *conf = many_servers(1000, &err);
	char name[16];

	(void)state;
	if (conf == NULL)
		fail_msg("%s", err.text);
	for (unsigned i = 0; i < 1000; i++) {
		uint16_t found;
		snprintf(name, sizeof(name), "s%u", i);
		found = conf_find_server(conf, name);
		assert_true(found < conf->n_servers);
		assert_string_equal(conf->servers[found].name, name);
	}
	assert_int_equal(conf_find_server(conf, "s1000"), CONF_NONE);
	assert_int_equal(conf_find_server(conf, ""), CONF_NONE);
	assert_int_equal(conf_find_pool(conf, "q"), 1);
	assert_int_equal(conf_find_pool(conf, "r"), CONF_NONE);
	assert_int_equal(conf_find_site(conf, "fra"), 0);
	assert_int_equal(conf_find_site(conf, "nyc"), CONF_NONE);
	assert_int_equal(conf->pools[1].first_server, 500);
	assert_int_equal(conf->pools[1].n_servers, 500);
	conf_free(conf);
}

static void
test_the_most_servers(void **state)
{
	struct err err = { .text = "" };
	struct conf *conf = many_servers(CONF_MAX_SERVERS, &err);

	(void)state;
	if (conf == NULL)
		fail_msg("%s", err.text);
	assert_int_equal(conf->n_servers, CONF_MAX_SERVERS);
	conf_free(conf);
	assert_null(many_servers(CONF_MAX_SERVERS + 1, &err));
	assert_string_equal(err.text, "f:16387: more than 16384 blocks `server`");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_no_file),
		cmocka_unit_test(test_a_file_includes_itself_by_another_name),
		cmocka_unit_test(test_digest_covers_what_is_included),
		cmocka_unit_test(test_which_site_this_is),
		cmocka_unit_test(test_relative_names),
		cmocka_unit_test(test_names_are_found),
		cmocka_unit_test(test_the_most_servers),
	};

	return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
