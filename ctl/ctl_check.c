/*
 * nearctl check: what `dnsd -t` does, by the same function: configuration, zones and databases
 * are read as a start of dnsd would read them, and every mistake is one line on stderr.  Needs no
 * daemon and changes nothing.
 */
#include "ctl/ctl.h"
#include "dnsd/check.h"

int
ctl_check(const struct ctl *ctl)
{
	return check_run(ctl->conf_path, ctl->here);
}
