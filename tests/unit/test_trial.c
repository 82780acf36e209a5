/* trial: what a child may do to a question about a configuration, and what is made of it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/log.h"
#include "healthd/route/trial.h"

static const struct privilege_user nobody_else = { .name = NULL };
static const struct conf conf;

static int
says_nothing_is_wrong(const struct conf *unused, int fd)
{
	(void)unused;
	return write(fd, "", 1) != 1;
}

static int
says_why(const struct conf *unused, int fd)
{
	(void)unused;
	return write(fd, "x.conf:7:\n\x7f no", 15) != 15;
}

static int
says_half(const struct conf *unused, int fd)
{
	(void)unused;
	return write(fd, "x.conf", 6) != 6;
}

static int
dies(const struct conf *unused, int fd)
{
	(void)unused;
	(void)fd;
	raise(SIGKILL);
	return 0;
}

static int
hangs(const struct conf *unused, int fd)
{
	(void)unused;
	(void)fd;
	while (pause() < 0)
		;
	return 0;
}

/* Root may call every capability its own; a child of ours may not. */
static int
has_capabilities(const struct conf *unused, int fd)
{
	(void)unused;
	if (privilege_net_admin())
		return write(fd, "privileged", 11) != 11;
	return write(fd, "", 1) != 1;
}

static void
test_ends(void **state)
{
	static const struct {
		const char *sentence;
		child_main *main;
		const char *reason;	/* NULL = accepted */
	} rows[] = {
		{ "an empty reason accepts", says_nothing_is_wrong, NULL },
		{ "a reason refuses, without control characters", says_why, "x.conf:7:?? no" },
		{ "a reason without its end is no reason", says_half, "nonsense" },
		{ "death refuses", dies, "died of it" },
		{ "the child has no privileges", has_capabilities, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err err = { .text = "" };
		int result = trial_run(rows[i].main, &conf, &nobody_else, &err);

		print_message("%s\n", rows[i].sentence);
		assert_int_equal(result, rows[i].reason == NULL ? 0 : -1);
		if (rows[i].reason != NULL && strstr(err.text, rows[i].reason) == NULL)
			fail_msg("\"%s\" does not say \"%s\"", err.text, rows[i].reason);
	}
}

struct watched {
	struct trial trial;
	char reason[200];
	int ends;
};

static void
on_end(struct trial *trial, const char *reason)
{
	struct watched *w = LOOP_OWNER(trial, struct watched, trial);

	w->ends++;
	strcpy(w->reason, reason != NULL ? reason : "accepted");
}

static void
test_hangs_and_is_cancelled(void **state)
{
	struct watched w = { .ends = 0 };
	struct err err;
	struct loop *loop = loop_new(&err);
	uint64_t now_ms;

	(void)state;
	assert_non_null(loop);
	now_ms = loop_now(loop);
	w.trial = (struct trial){ .loop = loop, .main = hangs, .user = &nobody_else,
	    .done = on_end };
	assert_int_equal(trial_start(&w.trial, &conf, &err), 0);
	loop_turn(loop, now_ms + TRIAL_PATIENCE_MS - 1);
	assert_int_equal(w.ends, 0);
	loop_turn(loop, now_ms + TRIAL_PATIENCE_MS);
	assert_int_equal(w.ends, 1);
	assert_non_null(strstr(w.reason, "does not come to an end"));
	assert_true(wait(NULL) > 0);		/* it was killed */

	assert_int_equal(trial_start(&w.trial, &conf, &err), 0);
	trial_cancel(&w.trial);
	trial_cancel(&w.trial);
	assert_true(wait(NULL) > 0);
	loop_turn(loop, now_ms + 2 * TRIAL_PATIENCE_MS);
	assert_int_equal(w.ends, 1);
	loop_free(loop);
}

/* `user = "root"`: the keeper has given up its capabilities by the time that it starts a prober
 * again or tries a configuration; before, neither could ever be done. */
static void
test_whose_user_is_root(void **state)
{
	static const struct privilege_user root = { .name = "root" };
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	pid = fork();
	if (pid == 0) {
		struct err err;

		_exit(privilege_keep(&root, true, &err) < 0 ||
		    trial_run(says_nothing_is_wrong, &conf, &root, &err) < 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* What the trials above left behind is waited for by nobody else. */
static int
bury_all(void **state)
{
	(void)state;
	while (wait(NULL) > 0)
		;
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_ends, bury_all),
		cmocka_unit_test_teardown(test_whose_user_is_root, bury_all),
		cmocka_unit_test_teardown(test_hangs_and_is_cancelled, bury_all),
	};

	log_open("test_trial", LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
