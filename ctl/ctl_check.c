#include "ctl/ctl.h"
#include "dnsd/check.h"

int
ctl_check(const struct ctl *ctl)
{
	return check_run(ctl->conf_path);
}
