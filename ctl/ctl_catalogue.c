/*
 * nearctl catalogue: which files there are to be had, and who has them.
 *
 *   import MANIFEST [--tree DIR]	a manifest's lines (manifest.h); "-" reads stdin
 *   import DIR				the files below a folder, hashed
 *   show PATH, stats, check		what is known
 *
 * An import reads everything before it writes anything, tells all mistakes of a manifest, and
 * leaves the catalogue as it was unless all is well.  Of a tree only what is new or has another
 * size or time than the catalogue says is read, unless --all.  A path of a manifest that the tree
 * has in another size than the manifest says is a mistake.  So is another hash, where the file is
 * read: for --all, --md5 and --pieces, or because the manifest has another hash than the catalogue
 * for the same size and time.  PATH is octets as the shell gives them, with or without a slash at
 * its beginning.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/catalogue/catalogue.h"
#include "common/catalogue/catalogue_write.h"
#include "common/catalogue/held.h"
#include "common/catalogue/held_ids.h"
#include "common/catalogue/manifest.h"
#include "common/clock.h"
#include "common/mistakes.h"
#include "common/text.h"
#include "ctl/catalogue_path.h"
#include "ctl/ctl.h"
#include "ctl/hash_tree.h"

enum { LINE_LONGEST = 4 * CATALOGUE_PATH_MAX + 256 };

struct catalogue_import {
	const struct ctl *ctl;
	struct catalogue_write *list;
	struct catalogue *old;		/* hashes that need not be computed; NULL = none */
	int tree;			/* --tree, -1 = none */
	uint64_t read, octets;		/* files that were hashed */
	struct mistakes mistakes;
};

static int
say(const struct err *err)
{
	err_warn(&ctl_warn, "%s", err->text);
	return 1;
}

/* ---- from a tree ---- */

/* Is what the catalogue says of a file as good as reading it? */
static bool
known(struct catalogue_import *in, const char *path, size_t len, struct catalogue_file *file)
{
	struct catalogue_file old;
	struct err err;

	if (in->old == NULL || catalogue_find(in->old, path, len, &old, &err) != 1 ||
	    old.size != file->size || old.mtime != file->mtime ||
	    (in->ctl->md5 && !old.has_md5) ||
	    (in->ctl->pieces && !old.has_pieces && old.size != 0))
		return false;
	*file = old;
	return true;
}

static int
add_from_tree(void *arg, int at, const char *name, const char *path, size_t len,
    const struct catalogue_file *found, struct err *err)
{
	struct catalogue_import *in = arg;
	const struct hash_tree_want want = { in->ctl->md5, in->ctl->pieces };
	struct catalogue_file file = *found;
	struct catalogue_pieces pieces = { 0 };

	if (!known(in, path, len, &file)) {
		if (hash_tree_file(at, name, &want, &file, &pieces, err) < 0)
			return err_prefix(err, "%s", path);
		in->read++;
		in->octets += file.size;
	}
	return catalogue_write_add(in->list, path, len, &file, &pieces, 0, err) < 0 ?
	    err_prefix(err, "%s", path) : 0;
}

/* ---- from a manifest ---- */

/* What the tree says of a line, where there is one. */
static int
look_in_tree(struct catalogue_import *in, struct manifest_entry *e,
    struct catalogue_pieces *pieces, struct err *err)
{
	const struct hash_tree_want want = { in->ctl->md5, in->ctl->pieces };
	struct catalogue_file found = { 0 };
	struct stat st;

	if (in->tree < 0)
		return !e->bare ? 0 : err_set(err, "no size and no time: --tree DIR finds them");
	if (fstatat(in->tree, e->path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(err, "not in the tree: %s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, "no regular file in the tree");
	if (!e->bare &&
	    (e->file.size != (uint64_t)st.st_size || e->file.mtime != st.st_mtim.tv_sec))
		return err_set(err, "the tree has %lld octets of time %lld, %llu of %lld were"
		    " expected", (long long)st.st_size, (long long)st.st_mtim.tv_sec,
		    (unsigned long long)e->file.size, (long long)e->file.mtime);
	e->file.size = found.size = (uint64_t)st.st_size;
	e->file.mtime = found.mtime = st.st_mtim.tv_sec;
	/* another content of the same size and time: one of the two is wrong */
	if (known(in, e->path, e->len, &found)) {
		if (memcmp(found.sha256, e->file.sha256, sizeof(found.sha256)) == 0)
			return 0;
	} else if (!want.md5 && !want.pieces && !in->ctl->all)
		return 0;
	if (hash_tree_file(in->tree, e->path, &want, &found, pieces, err) < 0)
		return -1;
	in->read++;
	in->octets += found.size;
	if (memcmp(found.sha256, e->file.sha256, sizeof(found.sha256)) != 0)
		return err_set(err, "the tree has another content (SHA-256)");
	e->file = found;
	return 0;
}

static void
add_manifest_line(struct catalogue_import *in, const char *name, const char *line, size_t len,
    uint64_t number)
{
	static struct manifest_entry entry;	/* large, and one is enough */
	struct catalogue_pieces pieces = { 0 };
	struct err err;
	char shown[100];

	if (manifest_line(line, len, &entry, &err) < 0)
		err_prefix(&err, "%s:%llu", name, (unsigned long long)number);
	else if (memchr(entry.path, '\0', entry.len) == NULL && entry.len != 0 &&
	    entry.path[0] != '/' && look_in_tree(in, &entry, &pieces, &err) < 0)
		err_prefix(&err, "%s:%llu: \"%s\"", name, (unsigned long long)number,
		    manifest_path(entry.path, entry.len, shown, sizeof(shown)));
	else if (catalogue_write_add(in->list, entry.path, entry.len, &entry.file, &pieces, number,
	    &err) < 0)
		err_prefix(&err, "%s:%llu: \"%s\"", name, (unsigned long long)number,
		    manifest_path(entry.path, entry.len, shown, sizeof(shown)));
	else
		return;
	mistakes_add(&in->mistakes, number, err.text);
}

/* The next line, of which no more is kept than the longest has: 1 and how long it is, with its
 * end; 0 = there is none; -1 = it cannot be read, or ends without its end (then feof). */
static int
next_line(FILE *f, char line[LINE_LONGEST + 1], uint64_t *len)
{
	int c;

	for (*len = 0; (c = getc_unlocked(f)) != EOF;) {
		if (*len < LINE_LONGEST)
			line[*len] = (char)c;
		++*len;
		if (c == '\n')
			return 1;
	}
	return !feof(f) || *len != 0 ? -1 : 0;
}

static int
read_manifest(struct catalogue_import *in, const char *name, FILE *f, struct err *err)
{
	static char line[LINE_LONGEST + 1];
	uint64_t number = 1, len;
	int found;

	for (; (found = next_line(f, line, &len)) == 1; number++) {
		if (len > LINE_LONGEST) {
			err_set(err, "%s:%llu: a line of %llu octets, of at most %d was expected",
			    name, (unsigned long long)number, (unsigned long long)len,
			    LINE_LONGEST);
			mistakes_add(&in->mistakes, number, err->text);
		} else
			add_manifest_line(in, name, line, (size_t)len - 1, number);
	}
	if (found < 0 && !feof(f))
		return err_set(err, "%s:%llu: cannot be read: %s", name,
		    (unsigned long long)number, strerror(errno));
	if (found < 0) {
		err_set(err, "%s:%llu: the last line has no end: it is cut off", name,
		    (unsigned long long)number);
		mistakes_add(&in->mistakes, number, err->text);
	}
	return mistakes_tell(&in->mistakes, name, &ctl_warn, err);
}

static int
import_manifest(struct catalogue_import *in, const char *name, struct err *err)
{
	bool is_stdin = strcmp(name, "-") == 0;
	FILE *f = is_stdin ? stdin : fopen(name, "re");
	int rc;

	if (f == NULL)
		return err_set(err, "%s: %s", name, strerror(errno));
	if (in->ctl->tree != NULL) {
		in->tree = open(in->ctl->tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (in->tree < 0)
			err_set(err, "%s: %s", in->ctl->tree, strerror(errno));
	}
	rc = in->ctl->tree != NULL && in->tree < 0 ? -1 :
	    read_manifest(in, is_stdin ? "stdin" : name, f, err);
	if (in->tree >= 0)
		close(in->tree);
	if (!is_stdin)
		fclose(f);
	return rc;
}

/* ---- import ---- */

static int
import_all(struct catalogue_import *in, const char *source, const char *path,
    struct catalogue_write_done *done, struct err *err)
{
	unsigned max_shrink = in->ctl->force ? 100 : catalogue_path_shrink(in->ctl);
	struct stat st;
	int rc;

	if (strcmp(source, "-") != 0 && stat(source, &st) == 0 && S_ISDIR(st.st_mode))
		rc = hash_tree_walk(source, add_from_tree, in, err);
	else
		rc = import_manifest(in, source, err);
	return rc != 0 ? -1 : catalogue_write_commit(in->list, path, max_shrink, done, err);
}

static int
import(const struct ctl *ctl, const char *source)
{
	struct catalogue_import in = { .ctl = ctl, .tree = -1 };
	const char *path = catalogue_path(ctl);
	struct catalogue_write_done done;
	struct err err = { .text = "" };
	int rc;

	if (path == NULL)
		return 1;
	in.list = catalogue_write_new();
	/* one that is damaged is catalogue_write's to speak of */
	in.old = ctl->all ? NULL : catalogue_open(path, &err);
	rc = in.list == NULL ? err_set(&err, "out of memory") :
	    import_all(&in, source, path, &done, &err);
	catalogue_close(in.old);
	catalogue_write_free(in.list);
	if (rc < 0)
		return err.told != 0 ? 1 : say(&err);
	printf("%s: %llu files: %llu as before, %llu new, %llu changed, %llu gone%s\n", path,
	    (unsigned long long)(done.same + done.added + done.changed),
	    (unsigned long long)done.same, (unsigned long long)done.added,
	    (unsigned long long)done.changed, (unsigned long long)done.removed,
	    done.replaced ? "" : "; nothing to write");
	if (in.read != 0)
		printf("hashed %llu file%s of %llu octets\n", (unsigned long long)in.read,
		    text_s(in.read), (unsigned long long)in.octets);
	return 0;
}

/* ---- what is known ---- */

static void
print_hex(const char *what, const uint8_t *octets, size_t n)
{
	printf("%-10s", what);
	for (size_t i = 0; i < n; i++)
		printf("%02x", octets[i]);
	putchar('\n');
}

static void
print_time(const char *what, double when, double now)
{
	time_t t = (time_t)when;
	char text[40], age[TEXT_DURATION];
	struct tm tm;

	if (when <= 0 || gmtime_r(&t, &tm) == NULL ||
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		printf("%-10snever\n", what);
	else
		printf("%-10s%s, %s ago\n", what, text, text_duration(now - when, age));
}

static void
print_holders(const struct held *held, uint32_t id)
{
	for (size_t i = 0; i < held_count(held); i++) {
		const struct held_mirror *m = held_at(held, i);

		if (held_has(held, (int)i, id))
			printf("mirror    %s\n", m->name);
		else if (held_ids_has(m->bad, id))
			printf("mirror    %s listed it, and did not deliver it\n", m->name);
	}
}

static int
show_file(struct catalogue *catalogue, const struct held *held, const char *path)
{
	struct catalogue_file file;
	struct catalogue_pieces pieces;
	struct err err;
	int found;

	path += strspn(path, "/");
	found = catalogue_find(catalogue, path, strlen(path), &file, &err);
	if (found < 0)
		return say(&err);
	if (found == 0) {
		err_set(&err, "\"%.300s\" is not in the catalogue", path);
		return say(&err);
	}
	printf("id        %u\nsize      %llu\n", file.id, (unsigned long long)file.size);
	print_time("time", (double)file.mtime, clock_wall());
	print_hex("SHA-256", file.sha256, sizeof(file.sha256));
	if (file.has_md5)
		print_hex("MD5", file.md5, sizeof(file.md5));
	if (file.has_pieces && catalogue_pieces(catalogue, file.id, &pieces, &err) == 1)
		printf("pieces    %zu of %u octets\n", pieces.n, pieces.length);
	print_holders(held, file.id);
	return 0;
}

static int
print_stats(const struct catalogue *catalogue, const struct held *held)
{
	const struct catalogue_about *about = catalogue_about(catalogue);
	double now = clock_wall();
	char age[TEXT_DURATION];

	printf("files     %llu\noctets    %llu\nlast id   %u\n",
	    (unsigned long long)about->files, (unsigned long long)about->octets, about->last_id);
	print_time("newest", (double)about->newest, now);
	print_time("imported", about->imported, now);
	for (size_t i = 0; i < held_count(held); i++) {
		const struct held_mirror *m = held_at(held, i);

		printf("mirror    %-20s holds %llu, %s%s%s%s%s\n", m->name,
		    (unsigned long long)m->n, m->scanned > 0 ? "scanned " : "never scanned",
		    m->scanned > 0 ? text_duration(now - m->scanned, age) : "",
		    m->scanned > 0 ? " ago" : "",
		    m->why[0] != '\0' ? ": " : "", m->why);
	}
	return 0;
}

static int
check(struct catalogue *catalogue)
{
	struct err err;

	if (catalogue_check(catalogue, &err) < 0)
		return say(&err);
	printf("%llu files, all readable\n",
	    (unsigned long long)catalogue_about(catalogue)->files);
	return 0;
}

int
ctl_catalogue(const struct ctl *ctl)
{
	const char *what = ctl->arg[0], *arg = what != NULL ? ctl->arg[1] : NULL, *path;
	bool show = what != NULL && strcmp(what, "show") == 0;
	struct catalogue *catalogue;
	struct held *held;
	struct err err;
	int rc;

	if (what != NULL && arg != NULL && strcmp(what, "import") == 0)
		return import(ctl, arg);
	if (what == NULL || show != (arg != NULL) ||
	    (!show && strcmp(what, "stats") != 0 && strcmp(what, "check") != 0))
		return ctl_usage(ctl);
	if ((path = catalogue_path(ctl)) == NULL)
		return 1;
	if ((catalogue = catalogue_open(path, &err)) == NULL)
		return say(&err);
	if ((held = held_read(path, NULL, &err)) != NULL)
		held_keep_of(held, catalogue_about(catalogue)->lineage);
	rc = held == NULL ? say(&err) : show ? show_file(catalogue, held, arg) :
	    strcmp(what, "stats") == 0 ? print_stats(catalogue, held) : check(catalogue);
	held_free(held);
	catalogue_close(catalogue);
	return rc;
}
