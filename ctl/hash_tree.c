#include "ctl/hash_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER = 1 << 20, PIECE_MIN = 1 << 20, PIECES_MAX = 8192, DEEPEST = 256 };

/* ---- walking ---- */

struct hash_tree_walk {
	int (*each)(void *arg, int at, const char *name, const char *path, size_t len,
	    const struct catalogue_file *file, struct err *err);
	void *arg;
	char path[CATALOGUE_PATH_MAX + 1];
	unsigned depth;
};

static int walk_folder(struct hash_tree_walk *w, int fd, size_t len, struct err *err);

static int
walk_entry(struct hash_tree_walk *w, int at, const char *name, size_t folder, struct err *err)
{
	size_t n = strlen(name), len = folder + n;
	struct catalogue_file file = { 0 };
	struct stat st;
	int fd;

	if (len > CATALOGUE_PATH_MAX)
		return err_set(err, "%.200s...: a path of more than %d octets", w->path,
		    CATALOGUE_PATH_MAX);
	memcpy(w->path + folder, name, n + 1);
	if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(err, "%s: %s", w->path, strerror(errno));
	if (S_ISREG(st.st_mode)) {
		file.size = (uint64_t)st.st_size;
		file.mtime = st.st_mtim.tv_sec;
		return w->each(w->arg, at, name, w->path, len, &file, err);
	}
	if (!S_ISDIR(st.st_mode) || strcmp(name, ".~tmp~") == 0)
		return 0;
	if (len == CATALOGUE_PATH_MAX || w->depth == DEEPEST)
		return err_set(err, "%.200s...: too deep", w->path);
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, "%s: %s", w->path, strerror(errno));
	w->path[len] = '/';
	return walk_folder(w, fd, len + 1, err);
}

/* Takes `fd` over; `len` octets of the path are its name. */
static int
walk_folder(struct hash_tree_walk *w, int fd, size_t len, struct err *err)
{
	DIR *dir = fdopendir(fd);
	const struct dirent *d;
	int rc = 0;

	if (dir == NULL) {
		close(fd);
		return err_set(err, "%.*s: %s", (int)len, w->path, strerror(errno));
	}
	w->depth++;
	while (rc == 0 && (errno = 0, d = readdir(dir)) != NULL)
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			rc = walk_entry(w, fd, d->d_name, len, err);
	if (rc == 0 && errno != 0)
		rc = err_set(err, "%.*s: %s", (int)len, w->path, strerror(errno));
	w->depth--;
	closedir(dir);
	return rc;
}

int
hash_tree_walk(const char *folder, int (*each)(void *arg, int at, const char *name,
    const char *path, size_t len, const struct catalogue_file *file, struct err *err),
    void *arg, struct err *err)
{
	struct hash_tree_walk w = { .each = each, .arg = arg };
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, "%s: %s", folder, strerror(errno));
	return walk_folder(&w, fd, 0, err);
}

/* ---- hashing ---- */

/* What is computed while a file is read; kept from file to file. */
static struct {
	EVP_MD_CTX *sha256, *md5, *piece_sha1, *piece_sha256;
	char *buffer;
	uint8_t *sha1s, *sha256s;	/* of the pieces */
	size_t room;			/* for so many of them */
} work;

static int
work_ready(struct err *err)
{
	if (work.buffer == NULL) {
		work.sha256 = EVP_MD_CTX_new();
		work.md5 = EVP_MD_CTX_new();
		work.piece_sha1 = EVP_MD_CTX_new();
		work.piece_sha256 = EVP_MD_CTX_new();
		work.buffer = malloc(BUFFER);
	}
	return work.buffer != NULL && work.piece_sha256 != NULL && work.md5 != NULL &&
	    work.sha256 != NULL && work.piece_sha1 != NULL ? 0 : err_set(err, "out of memory");
}

/* How long a file's pieces are: a power of two, so that there are not too many of them. */
static uint32_t
piece_length(uint64_t size)
{
	uint64_t length = PIECE_MIN;

	while (size / length >= PIECES_MAX && length < 1u << 31)
		length *= 2;
	return (uint32_t)length;
}

static int
pieces_begin(uint64_t size, struct catalogue_pieces *pieces, struct err *err)
{
	uint32_t length = piece_length(size);
	size_t n = (size_t)((size + length - 1) / length);

	if (n > work.room) {
		free(work.sha1s);
		free(work.sha256s);
		work.sha1s = malloc(n * CATALOGUE_SHA1);
		work.sha256s = malloc(n * CATALOGUE_SHA256);
		work.room = work.sha1s != NULL && work.sha256s != NULL ? n : 0;
		if (work.room == 0)
			return err_set(err, "out of memory");
	}
	*pieces = (struct catalogue_pieces){ .length = length, .n = n, .sha1 = work.sha1s,
		.sha256 = work.sha256s };
	return 0;
}

/* Octets from `from` on, which begin or end no piece in their middle: PIECE_MIN divides. */
static void
pieces_add(const struct catalogue_pieces *pieces, uint64_t from, const char *data, size_t len,
    bool last)
{
	size_t at = (size_t)(from / pieces->length);

	if (from % pieces->length == 0) {
		EVP_DigestInit_ex(work.piece_sha1, EVP_sha1(), NULL);
		EVP_DigestInit_ex(work.piece_sha256, EVP_sha256(), NULL);
	}
	EVP_DigestUpdate(work.piece_sha1, data, len);
	EVP_DigestUpdate(work.piece_sha256, data, len);
	if (!last && (from + len) % pieces->length != 0)
		return;
	EVP_DigestFinal_ex(work.piece_sha1, work.sha1s + at * CATALOGUE_SHA1, NULL);
	EVP_DigestFinal_ex(work.piece_sha256, work.sha256s + at * CATALOGUE_SHA256, NULL);
}

/* The next BUFFER octets or what is left; short only at the end of the file. */
static ssize_t
read_full(int fd)
{
	size_t have = 0;
	ssize_t n = 1;

	while (have < BUFFER && n > 0) {
		n = read(fd, work.buffer + have, BUFFER - have);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			have += (size_t)n;
	}
	return n < 0 ? -1 : (ssize_t)have;
}

static int
hash_content(int fd, const struct hash_tree_want *want, struct catalogue_file *file,
    struct catalogue_pieces *pieces, struct err *err)
{
	uint64_t done = 0;
	ssize_t n;

	while ((n = read_full(fd)) > 0) {
		if (done + (uint64_t)n > file->size)
			return err_set(err, "it grew while it was read");
		EVP_DigestUpdate(work.sha256, work.buffer, (size_t)n);
		if (want->md5)
			EVP_DigestUpdate(work.md5, work.buffer, (size_t)n);
		if (want->pieces)
			pieces_add(pieces, done, work.buffer, (size_t)n,
			    done + (uint64_t)n == file->size);
		done += (uint64_t)n;
	}
	if (n < 0)
		return err_set(err, "%s", strerror(errno));
	return done == file->size ? 0 : err_set(err, "it shrank while it was read");
}

static int
hash_open(int fd, const struct hash_tree_want *want, struct catalogue_file *file,
    struct catalogue_pieces *pieces, struct err *err)
{
	struct stat before, after;

	if (fstat(fd, &before) < 0)
		return err_set(err, "%s", strerror(errno));
	if (!S_ISREG(before.st_mode) || (uint64_t)before.st_size != file->size ||
	    before.st_mtim.tv_sec != file->mtime)
		return err_set(err, "it has changed");
	EVP_DigestInit_ex(work.sha256, EVP_sha256(), NULL);
	EVP_DigestInit_ex(work.md5, EVP_md5(), NULL);
	if ((want->pieces && pieces_begin(file->size, pieces, err) < 0) ||
	    hash_content(fd, want, file, pieces, err) < 0)
		return -1;
	if (fstat(fd, &after) < 0 || after.st_mtim.tv_sec != before.st_mtim.tv_sec ||
	    after.st_mtim.tv_nsec != before.st_mtim.tv_nsec || after.st_size != before.st_size)
		return err_set(err, "it changed while it was read");
	EVP_DigestFinal_ex(work.sha256, file->sha256, NULL);
	file->has_md5 = want->md5;
	EVP_DigestFinal_ex(work.md5, file->md5, NULL);
	return 0;
}

int
hash_tree_file(int at, const char *name, const struct hash_tree_want *want,
    struct catalogue_file *file, struct catalogue_pieces *pieces, struct err *err)
{
	int fd, rc;

	memset(pieces, 0, sizeof(*pieces));
	if (work_ready(err) < 0)
		return -1;
	fd = openat(at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, "%s", strerror(errno));
	rc = hash_open(fd, want, file, pieces, err);
	close(fd);
	return rc;
}
