#include "ctl/ctl.h"
#include "dnsd/check.h"

int
ctl_check(struct ctl *ctl)
{
	if (ctl->argc != 0)
		return ctl_usage("check");
	return check_run(ctl->conf_path);
}
