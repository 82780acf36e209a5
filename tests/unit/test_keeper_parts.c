/* What the keeper believes: messages of its child, answers of dnsd, its own posture file */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/dns/client.h"
#include "healthd/route/dnsd_answer.h"
#include "healthd/message.h"
#include "healthd/route/posture_file.h"

static struct verdict_message
good_message(void)
{
	struct verdict_message m;

	memset(&m, 0, sizeof(m));
	m.magic = MESSAGE_VERDICT;
	m.verdict = VERDICT_UP;
	m.local_up = 2;
	m.local_total = 3;
	strcpy(m.reason, "ok");
	return m;
}

static void
test_message(void **state)
{
	struct verdict_message m = good_message(), out, bad;

	(void)state;
	assert_true(message_check(&out, &m, sizeof(m)));
	assert_int_equal(out.local_total, 3);
	assert_false(message_check(&out, &m, sizeof(m) - 1));
	assert_false(message_check(&out, &m, 0));
	bad = m, bad.magic ^= 1;
	assert_false(message_check(&out, &bad, sizeof(bad)));
	bad = m, bad.verdict = VERDICT_COUNT;
	assert_false(message_check(&out, &bad, sizeof(bad)));
	bad = m, bad.override = MESSAGE_OVERRIDES, bad.override_id = 1;
	assert_false(message_check(&out, &bad, sizeof(bad)));
	bad = m, bad.override = MESSAGE_OVERRIDE_DRAIN;
	assert_false(message_check(&out, &bad, sizeof(bad)));
	bad = m, bad.override_id = 7;
	assert_false(message_check(&out, &bad, sizeof(bad)));
	bad = m, bad.override = MESSAGE_OVERRIDE_DRAIN, bad.override_id = 7;
	assert_true(message_check(&out, &bad, sizeof(bad)));
	assert_string_equal(message_name(&out), "drain");
	bad = m, strcpy(bad.override_reason, "a\nb");
	assert_false(message_check(&out, &bad, sizeof(bad)));
	bad = m, bad.local_up = 4;
	assert_false(message_check(&out, &bad, sizeof(bad)));
	bad = m, bad.local_up = bad.local_total = MESSAGE_SERVERS_MAX + 1;
	assert_false(message_check(&out, &bad, sizeof(bad)));
	bad = m, strcpy(bad.reason, "a\nb");
	assert_false(message_check(&out, &bad, sizeof(bad)));
	bad = m, strcpy(bad.reason, "a\"b");
	assert_false(message_check(&out, &bad, sizeof(bad)));
	bad = m, memset(bad.reason, 'x', sizeof(bad.reason));
	assert_false(message_check(&out, &bad, sizeof(bad)));
}

#define QNAME "\7example\3org"		/* the literal's NUL is the root */

static const struct answer_row {
	const char *sentence;
	int at, value;			/* octet changed; -1 = none */
	int len;			/* of the answer; 0 = whole */
	enum dnsd_answer judged;
	const char *expected;		/* part of the reason */
} answer_rows[] = {
	{ "a good answer", -1, 0, 0, DNSD_ANSWER_GOOD, "" },
	{ "another id", 0, 0x99, 0, DNSD_ANSWER_BAD, "another id" },
	{ "our own question", 2, 0x04, 0, DNSD_ANSWER_BAD, "QR" },
	{ "an answer to a NOTIFY", 2, 0xa4, 0, DNSD_ANSWER_BAD, "opcode" },
	{ "SERVFAIL", 3, 2, 0, DNSD_ANSWER_BAD, "SERVFAIL" },
	{ "REFUSED", 3, 5, 0, DNSD_ANSWER_REFUSED, "REFUSED" },
	{ "NXDOMAIN", 3, 3, 0, DNSD_ANSWER_ODD, "NXDOMAIN" },
	{ "NOTIMP", 3, 4, 0, DNSD_ANSWER_BAD, "error code" },
	{ "no question", 5, 0, 0, DNSD_ANSWER_BAD, "another question" },
	{ "another name", 13, 'X', 0, DNSD_ANSWER_BAD, "another question" },
	{ "another type", 26, 28, 0, DNSD_ANSWER_BAD, "another question" },
	{ "not authoritative", 2, 0x80, 0, DNSD_ANSWER_BAD, "authoritative" },
	{ "no record", 7, 0, 0, DNSD_ANSWER_ODD, "without a record" },
	{ "nothing at all", -1, 0, -1, DNSD_ANSWER_BAD, "shorter" },
	{ "half a header", -1, 0, 6, DNSD_ANSWER_BAD, "shorter" },
	{ "a header alone", -1, 0, 12, DNSD_ANSWER_BAD, "another question" },
	{ "cut off behind the question", -1, 0, 29, DNSD_ANSWER_BAD, "cut off" },
	{ "truncated, and empty", 2, 0x86, 29, DNSD_ANSWER_GOOD, "" },
	{ "truncated by a limit of rates", 2, 0x82, 29, DNSD_ANSWER_GOOD, "" },
	{ "BADCOOKIE, which is 23", 3, 7, 0, DNSD_ANSWER_REFUSED, "BADCOOKIE" },
	{ "FORMERR with nothing but a header", 3, 1, 12, DNSD_ANSWER_BAD, "another question" },
};

static void
test_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(answer_rows) / sizeof(answer_rows[0]); i++) {
		const struct answer_row *r = &answer_rows[i];
		struct client client = { .loop = NULL };
		uint8_t answer[512] = { 0 };
		const uint8_t *question;
		size_t len, answer_len;
		enum dnsd_answer judged;
		const char *why;

		client_question(&client, (const uint8_t *)QNAME, 6, 1, 0);
		question = client_sent(&client, &len);
		answer_len = r->len < 0 ? 0 : r->len > 0 ? (size_t)r->len : len + 12 + 24;
		assert_int_equal(len, 29);
		memcpy(answer, question, len);
		answer[2] = 0x84;
		answer[7] = 1;
		if (r->at >= 0)
			answer[r->at] = (uint8_t)r->value;
		judged = dnsd_answer_judge(question, len, answer, answer_len, &why);
		if (judged != r->judged || (r->judged == DNSD_ANSWER_GOOD) != (why[0] == '\0') ||
		    strstr(why, r->expected) == NULL)
			fail_msg("%s: %d, \"%s\"", r->sentence, judged, why);
	}
}

static struct posture_file
example(void)
{
	struct posture_file f = {
		.stamp = 1763690000.125, .pid = 4242, .site = "fra", .via = "lease",
		.posture = POSTURE_DRAINING,
		.since = 1763680000.5, .reason = "drained by the operator", .verdict = "drain",
		.verdict_age_s = 0.5,
		.local_up = 3, .local_total = 4, .verdict_reason = "drained by root",
		.prober_pid = 4243,
		.prober_restarts = 2, .prober_heard_s = 0.25, .prober_why = "killed by signal 9",
		.dnsd_answering = 1, .dnsd_asked = 2, .dnsd_held = 4,
		.dnsd_reason = "192.0.2.53: SERVFAIL",
		.bird_known = 1,
		.exported4 = 1, .want4 = 1, .exported6 = -1, .want6 = 2, .draining = 1,
		.established = 1, .sessions = 2,
		.version = "2.0.12", .reboot = "2026-11-21 03:28:41.263", .reconfigured = "",
		.bird_why = "",
		.penalty = 1234.5, .hold_s = 12.5, .suppressed = 1, .suppress = 6000,
		.override = MESSAGE_OVERRIDE_DRAIN, .override_id = 1763680000123, .meddled = 3,
		.prefixes = {
			{ .name = "192.0.2.0/24", .posture = POSTURE_DRAINING,
			  .since = 1763680000.5, .exported = 1, .draining = 1,
			  .penalty = 1234.5, .hold_s = 12.5,
			  .suppressed = 1, .flaps = 2, .flap_age_s = 7.5, .proven = 1,
			  .health = VERDICT_UP, .reason = "drained by the operator" },
			{ .name = "2001:db8:53::/48", .exported = -1, .draining = -1,
			  .health = VERDICT_CACHES_DOWN, .reason = "" },
		}, .n_prefixes = 2,
		.answered = { "192.0.2.53@53", "example.org SOA" }, .n_answered = 2,
		.alarms = { "one", "two" }, .n_alarms = 2,
	};

	return f;
}

static void
test_posture_file(void **state)
{
	char path[] = "/tmp/nc-posture-XXXXXX", text[POSTURE_FILE_MAX];
	struct posture_file f = example(), got;
	int fd = mkstemp(path);
	struct err err;
	ssize_t len;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(posture_file_write(&f, path, &err), 0);
	assert_int_equal(posture_file_read(&got, path, &err), 0);
	assert_int_equal(got.posture, POSTURE_DRAINING);
	assert_string_equal(got.reason, f.reason);
	assert_string_equal(got.dnsd_reason, f.dnsd_reason);
	assert_int_equal(got.exported6, -1);
	assert_int_equal(got.want6, 2);
	assert_true(got.penalty == f.penalty && got.since == f.since);
	assert_int_equal(got.override, MESSAGE_OVERRIDE_DRAIN);
	assert_true(got.override_id == f.override_id && got.meddled == 3 && got.suppress == 6000);
	assert_int_equal(got.n_prefixes, 2);
	assert_string_equal(got.prefixes[0].name, "192.0.2.0/24");
	assert_int_equal(got.prefixes[0].flaps, 2);
	assert_true(got.prefixes[0].flap_age_s == 7.5 && got.prefixes[0].proven);
	assert_int_equal(got.prefixes[1].health, VERDICT_CACHES_DOWN);
	assert_int_equal(got.prefixes[1].exported, -1);
	assert_int_equal(got.dnsd_held, 4);
	assert_int_equal(got.n_answered, 2);
	assert_string_equal(got.answered[1], "example.org SOA");
	assert_int_equal(got.n_alarms, 2);
	assert_string_equal(got.alarms[1], "two");
	/* cut off anywhere, or one octet longer: nothing is used */
	close(fd);
	fd = -1;
	{
		FILE *file = fopen(path, "r");

		assert_non_null(file);
		len = (ssize_t)fread(text, 1, sizeof(text) - 1, file);
		fclose(file);
	}
	assert_int_equal(posture_file_parse(&got, text, (size_t)len, &err), 0);
	for (ssize_t cut = 0; cut < len; cut++)
		assert_int_equal(posture_file_parse(&got, text, (size_t)cut, &err), -1);
	text[len] = '\n';
	assert_int_equal(posture_file_parse(&got, text, (size_t)len + 1, &err), -1);
	unlink(path);
	assert_int_equal(posture_file_read(&got, path, &err), -1);
	assert_int_equal(posture_file_read(&got, "/tmp", &err), -1);
	assert_int_equal(posture_file_write(&f, "/nonexistent/folder/posture", &err), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_posture_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
