#include "common/conf/conf_access.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct access_run {
	const struct conf *conf;
	const char *user;		/* for messages */
	const struct conf_access_say *say;
	unsigned broken;
};

/* `line` 0 is for a file that stands for itself; NULL is none. */
static void
may_read(const struct access_run *run, const char *what, const char *path, int line)
{
	char where[CONF_WHERE];

	if (path == NULL || faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) == 0 || errno != EACCES)
		return;
	if (line == 0)
		err_warn(run->say->unreadable, "%s: user \"%s\" cannot read it: a reload will fail",
		    path, run->user);
	else
		err_warn(run->say->unreadable, "%s: user \"%s\" cannot read it: a reload will "
		    "fail (`%s` at %s)", path, run->user, what,
		    conf_where(run->conf, line, where));
}

/* NULL, or why it cannot be run. */
static const char *
program_fault(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "is no program";
	if ((st.st_mode & 0111) == 0)
		return "is not executable";
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? strerror(errno) : NULL;
}

static void
may_run(struct access_run *run, const char *what, const char *path, int line)
{
	const char *fault = path != NULL ? program_fault(path) : NULL;
	char where[CONF_WHERE];

	if (fault == NULL)
		return;
	run->broken++;
	if (line == 0)
		err_warn(run->say->broken, "%s: %s \"%s\": %s", run->conf->path, what, path, fault);
	else
		err_warn(run->say->broken, "%s: %s \"%s\": %s",
		    conf_where(run->conf, line, where), what, path, fault);
}

static void
is_there(struct access_run *run, const char *what, const char *path, int line)
{
	char where[CONF_WHERE];

	if (path == NULL || access(path, F_OK) == 0 || errno != ENOENT)
		return;
	run->broken++;
	err_warn(run->say->broken, "%s: %s \"%s\": %s", conf_where(run->conf, line, where), what,
	    path, strerror(ENOENT));
}

/* What proves who we are is for nobody else. */
static void
is_secret(struct access_run *run, const char *what, const char *path, int line)
{
	char where[CONF_WHERE];
	struct stat st;

	if (path == NULL || stat(path, &st) < 0 || (st.st_mode & 0007) == 0)
		return;
	run->broken++;
	err_warn(run->say->broken, "%s: %s \"%s\": everybody can read or change it (mode %03o), "
	    "a file of mode 640 or 600 was expected", conf_where(run->conf, line, where), what,
	    path, st.st_mode & 0777u);
}

static void
look_at_check(struct access_run *run, const struct conf_check *k)
{
	may_read(run, "ca-file", k->ca_file, k->ca_line);
	may_read(run, "basic-auth-file", k->basic_auth_file, k->auth_line);
	is_secret(run, "basic-auth-file", k->basic_auth_file, k->auth_line);
	may_read(run, "client-cert", k->client_cert, k->cert_line);
	may_read(run, "client-key", k->client_key, k->key_line);
	is_there(run, "ca-file", k->ca_file, k->ca_line);
	is_there(run, "basic-auth-file", k->basic_auth_file, k->auth_line);
	is_there(run, "client-cert", k->client_cert, k->cert_line);
	is_there(run, "client-key", k->client_key, k->key_line);
	if (k->client_key != NULL)
		is_secret(run, "client-key", k->client_key, k->key_line);
	else
		is_secret(run, "client-cert", k->client_cert, k->cert_line);	/* with its key */
	if (k->command != NULL && k->kind == CONF_CHECK_COMMAND)
		may_run(run, "command", k->command[0], k->command_line);
}

unsigned
conf_access_say(const struct conf *conf, const char *user, const struct conf_access_say *say)
{
	struct access_run run = { conf, user != NULL ? user : "this one", say, 0 };

	for (size_t i = 0; i < conf->n_files; i++)
		may_read(&run, NULL, conf->files[i], 0);
	may_read(&run, NULL, conf->said_here == NULL ? conf->here_file : NULL, 0);
	if (conf->cookies.enabled)
		may_read(&run, "secret-file", conf->cookies.secret_file, conf->cookies.line);
	may_read(&run, NULL, conf->geo.city, 0);
	may_read(&run, NULL, conf->geo.asn, 0);
	for (size_t i = 0; i < conf->n_zones; i++)
		may_read(&run, "file", conf->zones[i].file, conf->zones[i].line);
	for (size_t i = 0; i < say->n_more; i++)
		may_read(&run, NULL, say->more[i], 0);
	may_run(&run, "hook", conf->hook, conf->hook_line);
	may_run(&run, "alarm-hook", conf->alarm_hook, conf->alarm_hook_line);
	for (size_t i = 0; i < conf->n_checks; i++)
		look_at_check(&run, &conf->checks[i]);
	for (size_t i = 0; i < conf->announce.n_neighbors; i++)
		is_secret(&run, "password-file", conf->announce.neighbors[i].password_file,
		    conf->announce.neighbors[i].line);
	return run.broken;
}

/* ---- as another user ---- */

/* A child's lines go through a pipe, each with a letter that says to whom. */
struct letter {
	FILE *out;
	char kind;
};

static void
tell_parent(void *arg, const char *line)
{
	const struct letter *to = arg;

	fprintf(to->out, "%c%s\n", to->kind, line);
}

/* The child: 0 if all was said. */
static int
be_user(const struct conf *conf, const struct privilege_user *user,
    const struct conf_access_say *say, int fd)
{
	FILE *out = fdopen(fd, "w");
	struct letter unreadable = { out, 'u' }, broken = { out, 'b' };
	const struct warn u = { tell_parent, &unreadable }, b = { tell_parent, &broken };
	const struct conf_access_say told = { &u, &b, say->more, say->n_more };
	struct err err;

	if (out == NULL)
		return 1;
	if (privilege_drop(user, &err) < 0)
		err_warn(&b, "%s: user \"%s\": %s", conf->path, user->name, err.text);
	else
		conf_access_say(conf, user->name, &told);
	return fclose(out) == 0 ? 0 : 1;
}

/* Hands the child's lines on; how many were of what is broken. */
static unsigned
hear(int fd, const struct conf_access_say *say)
{
	FILE *in = fdopen(fd, "r");
	char *line = NULL;
	unsigned broken = 0;
	size_t room = 0;
	ssize_t len;

	while (in != NULL && (len = getline(&line, &room, in)) > 1) {
		line[len - 1] = '\0';
		broken += *line == 'b';
		err_warn(*line == 'b' ? say->broken : say->unreadable, "%s", line + 1);
	}
	free(line);
	if (in != NULL)
		fclose(in);
	else
		close(fd);
	return broken;
}

unsigned
conf_access_say_as(const struct conf *conf, const struct privilege_user *user,
    const struct conf_access_say *say)
{
	const struct conf_access_say programs = { NULL, say->broken, NULL, 0 };
	unsigned broken;
	int fd[2], status;
	pid_t pid;

	if (geteuid() != 0 || user->name == NULL)
		return conf_access_say(conf, user->name, &programs);
	fflush(NULL);
	if (pipe2(fd, O_CLOEXEC) < 0)
		return conf_access_say(conf, user->name, &programs);
	pid = fork();
	if (pid == 0) {
		close(fd[0]);
		_exit(be_user(conf, user, say, fd[1]));
	}
	close(fd[1]);
	broken = hear(fd[0], say);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
		err_warn(say->broken, "%s: what user \"%s\" can read could not be found out",
		    conf->path, user->name);
		broken++;
	}
	return broken;
}
