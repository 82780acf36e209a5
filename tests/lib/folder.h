/*
 * folder: a folder of a unit test's own, made and removed by cmocka's group functions.
 *
 * One folder a program.  Names below it are given to folder_path; the last four of its results
 * are valid at a time.
 */
#ifndef NEARCAST_TESTS_FOLDER_H
#define NEARCAST_TESTS_FOLDER_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/nearcast-test-XXXXXX";

static inline int
folder_make(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL;
}

/* Fails if something was left in it. */
static inline int
folder_remove(void **state)
{
	(void)state;
	return rmdir(folder);
}

/* The same with all that is in it. */
static inline int
folder_clear(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static inline const char *
folder_path(const char *name)
{
	static char text[4][256];
	static unsigned at;

	at = (at + 1) % 4;
	snprintf(text[at], sizeof(text[at]), "%s/%s", folder, name);
	return text[at];
}

static inline void
folder_put(const char *name, const char *text)
{
	FILE *f = fopen(folder_path(name), "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

#endif
