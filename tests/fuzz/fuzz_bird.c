/* What BIRD says, the keeper's own file, a child's message, dnsd's answer: any octets. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/dns/client.h"
#include "healthd/route/bird_reply.h"
#include "healthd/route/dnsd_answer.h"
#include "healthd/route/dnsd_report.h"
#include "healthd/message.h"
#include "healthd/route/posture_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
feed_bird(const uint8_t *data, size_t size)
{
	struct bird_reader reader;
	struct bird_status status = { 0 };
	struct bird_route route = { 0 };
	const char *octets = (const char *)data;
	struct bird_line line;

	bird_reader_init(&reader);
	while (bird_reader_next(&reader, &octets, &size, &line)) {
		struct bird_protocol protocol;
		char quoted[BIRD_NAME_MAX + 2];

		bird_read_status(&status, line.text);
		bird_read_route(&route, line.text);
		if (bird_read_protocol(&protocol, line.text) && bird_quote(quoted, protocol.name) &&
		    strpbrk(quoted, " \n\";") != NULL)
			abort();
		if (line.code < 0 || line.code > 9999)
			abort();
	}
	if (strpbrk(status.reboot, "\"\\\n") != NULL)
		abort();
}

static void
feed_dnsd(const uint8_t *data, size_t size)
{
	static struct dnsd_report_reader reader;
	struct client_cookie jar = { .len = 8, .octets = "12345678" };
	const char *text = (const char *)data;

	memset(&reader, 0, sizeof(reader));
	while (dnsd_report_read(&reader, &text, &size))
		if (reader.report.n > DNSD_REPORT_ADDRESSES)
			abort();
	client_cookie_take(&jar, data, (size_t)(text - (const char *)data));
	if (jar.len < 8 || jar.len > sizeof(jar.octets))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct client client = { .loop = NULL };
	const uint8_t *question;
	size_t len;
	struct verdict_message message;
	struct posture_file file;
	const char *why;
	struct err err;

	client_question(&client, (const uint8_t *)"\7example\3org", 6, 1, 0);
	question = client_sent(&client, &len);
	feed_bird(data, size);
	if (message_check(&message, data, size) && message.verdict >= VERDICT_COUNT)
		abort();
	if (posture_file_parse(&file, (const char *)data, size, &err) == 0 &&
	    file.n_alarms > POSTURE_FILE_ALARMS)
		abort();
	if (dnsd_answer_judge(question, len, data, size, &why) == DNSD_ANSWER_GOOD && size < len)
		abort();
	feed_dnsd(data, size);
	return 0;
}
