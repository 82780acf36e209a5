#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"

int
file_open(struct file *file, const char *path, int flags, struct err *err)
{
	file->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY | flags);
	if (file->fd < 0) {
		int error = errno;

		err_set(err, "%s", strerror(error));
		errno = error;
		return -1;
	}
	if (fstat(file->fd, &file->st) < 0)
		err_set(err, "%s", strerror(errno));
	else if (!S_ISREG(file->st.st_mode))
		err_set(err, "not a regular file");
	else
		return 0;
	file_close(file);
	errno = 0;
	return -1;
}

/* Giving the file another name, or taking one away (which replacing it does), is a change to
 * the kernel, but not to what is in it. */
static bool
changed(const struct stat *a, const struct stat *b)
{
	return a->st_size != b->st_size || a->st_mtim.tv_sec != b->st_mtim.tv_sec ||
	    a->st_mtim.tv_nsec != b->st_mtim.tv_nsec ||
	    (a->st_nlink == b->st_nlink && file_stamp_of(a) != file_stamp_of(b));
}

int
file_fill(const struct file *file, void *to, struct err *err)
{
	size_t size = (size_t)file->st.st_size, have = 0;
	struct stat now;
	char more;

	while (have < size) {
		ssize_t n = memory_read(file->fd, (char *)to + have, size - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(err, "cannot be read: %s", strerror(errno));
		if (n == 0)
			break;
		have += (size_t)n;
	}
	if (have != size || read(file->fd, &more, 1) > 0 || fstat(file->fd, &now) < 0 ||
	    changed(&now, &file->st))
		return err_set(err, "the file changed while it was read");
	return 0;
}

void
file_close(struct file *file)
{
	close(file->fd);
	file->fd = -1;
}

char *
file_read(const char *path, int flags, size_t max, size_t *len, struct err *err)
{
	struct file file;
	char *text = NULL;

	if (file_open(&file, path, flags, err) < 0)
		return NULL;
	*len = (size_t)file.st.st_size;
	if (*len > max)
		err_set(err, "%zu octets, a file of at most %zu was expected", *len, max);
	else if ((text = malloc(*len + 1)) == NULL)
		err_set(err, "out of memory for a file of %zu octets", *len);
	else if (file_fill(&file, text, err) < 0) {
		explicit_bzero(text, *len);	/* it may be half a secret */
		free(text);
		text = NULL;
	} else
		text[*len] = '\0';
	file_close(&file);
	errno = 0;
	return text;
}

/* ---- stamps ---- */

uint64_t
file_stamp_add(uint64_t before, uint64_t stamp)
{
	uint64_t h = (before ^ stamp) * UINT64_C(0x9ddfea08eb382d69);

	return h ^ h >> 47;
}

uint64_t
file_stamp_of(const struct stat *st)
{
	const uint64_t parts[] = {
		st->st_dev, st->st_ino, (uint64_t)st->st_size,
		(uint64_t)st->st_mtim.tv_sec, (uint64_t)st->st_mtim.tv_nsec,
		(uint64_t)st->st_ctim.tv_sec, (uint64_t)st->st_ctim.tv_nsec
	};
	uint64_t h = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		h = file_stamp_add(h, parts[i]);
	return h | 1;
}

uint64_t
file_stamp(const char *path)
{
	struct stat st;

	return path != NULL && stat(path, &st) == 0 ? file_stamp_of(&st) : 0;
}

/* ---- replacing ---- */

/* What is to be the file, on the disk if that is wanted.  0, or -1 with errno. */
static int
print_new(int fd, const struct file_new *how)
{
	FILE *out = fdopen(fd, "w");
	int bad;

	if (out == NULL) {
		bad = errno;
		close(fd);
	} else {
		errno = 0;
		bad = how->print(how->arg, out) < 0 || fflush(out) != 0 || ferror(out) ||
		    (how->sync && fsync(fd) < 0);
		if (bad)
			bad = errno != 0 ? errno : EIO;
		if (fclose(out) != 0 && bad == 0)
			bad = errno;
	}
	errno = bad;
	return bad == 0 ? 0 : -1;
}

/* The old file gets a second name, so that `path` is never missing. */
static int
keep_old(const char *path, const char *old)
{
	if (unlink(old) < 0 && errno != ENOENT)
		return -1;
	return link(path, old) == 0 || errno == ENOENT || rename(path, old) == 0 ? 0 : -1;
}

/* The folder's entries, without which a new file is not found after a power cut. */
static int
sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash == NULL ? 0 : (size_t)(slash - path);
	char *folder = len != 0 ? strndup(path, len) : strdup(slash != NULL ? "/" : ".");
	int fd = folder != NULL ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1, error = 0;

	/* a file system that has no such call answers EINVAL */
	if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL))
		error = errno;
	if (fd >= 0)
		close(fd);
	free(folder);
	errno = error;
	return error == 0 ? 0 : -1;
}

static int
replace_or_errno(const char *path, const struct file_new *how, struct err *err)
{
	char fresh[4200], old[4200];
	int fd, error;

	if (snprintf(fresh, sizeof(fresh), "%s.new", path) >= (int)sizeof(fresh) ||
	    snprintf(old, sizeof(old), "%s.old", path) >= (int)sizeof(old)) {
		err_set(err, "%s: the name is too long", path);
		return ENAMETOOLONG;
	}
	unlink(fresh);				/* a leftover of a killed writer */
	fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, how->mode);
	if (fd < 0) {
		error = errno;
		err_set(err, "%s: cannot be created: %s", fresh, strerror(error));
		return error;
	}
	if (print_new(fd, how) < 0 || (how->keep_old && keep_old(path, old) < 0) ||
	    rename(fresh, path) < 0) {
		error = errno;
		err_set(err, "%s: cannot be written: %s", path, strerror(error));
		unlink(fresh);
		return error;
	}
	if (how->sync && sync_folder(path) < 0) {
		error = errno;
		err_set(err, "%s: its folder cannot be written: %s", path, strerror(error));
		return error;
	}
	return 0;
}

int
file_replace(const char *path, const struct file_new *how, struct err *err)
{
	int error = replace_or_errno(path, how, err);

	errno = error;
	return error == 0 ? 0 : -1;
}

int
file_adopt(const char *fresh, const char *path, struct err *err)
{
	int fd = open(fresh, O_RDONLY | O_CLOEXEC), error = 0;

	if (fd < 0 || fsync(fd) < 0 || rename(fresh, path) < 0 || sync_folder(path) < 0) {
		error = errno;
		err_set(err, "%s: cannot be written: %s", path, strerror(error));
	}
	if (fd >= 0)
		close(fd);
	errno = error;
	return error == 0 ? 0 : -1;
}
