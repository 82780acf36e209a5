#include "healthd/prober/alarm.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"

void
alarm_raise(struct alarms *alarms, enum alarm_kind kind, uint32_t for_ms, const char *fmt, ...)
{
	struct alarm *a = &alarms->v[kind];
	char text[1024];
	bool fresh = a->text[0] == '\0';
	va_list ap;

	assert(kind < ALARM_COUNT);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	health_phrase(a->text, sizeof(a->text), text);
	a->until_ms = for_ms != 0 ? loop_now(alarms->loop) + for_ms : 0;
	if (!fresh)
		return;
	a->since = clock_wall();
	log_warn("alarm: %s", a->text);
	if (alarms->told != NULL)
		alarms->told(alarms->arg, a, false);
}

void
alarm_over(struct alarms *alarms, enum alarm_kind kind)
{
	struct alarm *a = &alarms->v[kind];

	if (a->text[0] == '\0')
		return;
	log_info("alarm over: %s", a->text);
	if (alarms->told != NULL)
		alarms->told(alarms->arg, a, true);
	memset(a, 0, sizeof(*a));
}

void
alarm_review(struct alarms *alarms)
{
	for (unsigned i = 0; i < ALARM_COUNT; i++)
		if (alarms->v[i].until_ms != 0 && loop_now(alarms->loop) >= alarms->v[i].until_ms)
			alarm_over(alarms, i);
}
