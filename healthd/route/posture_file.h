/*
 * posture_file: what the keeper tells everybody, RUN-DIR/posture.
 *
 * Replaced by rename on every change and once a second, so that `nearctl status`
 * works also when the prober, which serves healthd's socket, hangs; and read by the
 * next healthd, which takes over the flap penalty.  One item a line:
 *
 *   nearcast-posture 2 stamp=1763690000.123 pid=4242 site=fra via=lease
 *   posture serving since=1763680000.000 reason="ok"
 *   verdict up age=0.4 local=3/3 reason="ok"
 *   prober pid=4243 restarts=0 heard=0.4 why=""
 *   dnsd answering=2/2 held=0 reason=""
 *   bird known=1 exported4=1/1 exported6=1/1 draining=0 sessions=1/1
 *   bird-text version="2.0.12" reboot="..." reconfigured="..." why=""
 *   damping penalty=0.0 hold=0.0 suppressed=0 suppress=6000
 *   override drain id=1763680000000
 *   markers meddled=0
 *   prefix 192.0.2.0/24 serving since=1763680000.000 exported=1 draining=0 penalty=0.0 hold=0.0
 *       suppressed=0 flaps=0 flap-age=0.0 proven=1 health=up reason="ok"   ; one line, any number
 *   answered "192.0.2.53@53 tcp"     ; by dnsd: an address, over TCP as well, or not any more
 *                                    ; (no-tcp); or a question ("example.org SOA")
 *   alarm "..."                      ; any number of these two
 *   configuration digest=0123456789abcdef
 *   end
 *
 * Texts are printable ASCII without '"' and '\'.  A reader that meets anything else, or
 * no `end`, uses nothing.  Pure but for the file.
 */
#ifndef NEARCAST_POSTURE_FILE_H
#define NEARCAST_POSTURE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/addr.h"
#include "common/err.h"
#include "common/health_file.h"
#include "healthd/message.h"

#define POSTURE_FILE_ALARMS 16
#define POSTURE_FILE_ALARM 512		/* octets of each, with NUL */
#define POSTURE_FILE_PREFIXES 32
#define POSTURE_FILE_ANSWERED 64
#define POSTURE_FILE_ANSWER 80		/* octets of each, with NUL */
#define POSTURE_FILE_MAX 65536		/* octets */
#define POSTURE_FILE_NAME "posture"	/* in run-dir */

struct posture_file_prefix {
	char name[ADDR_TEXT];		/* the prefix in text; "-" = the site itself */
	enum health_posture posture;
	double since;
	int exported, draining;		/* by BIRD; -1 = not known */
	double penalty, hold_s;
	int suppressed;
	unsigned flaps;
	double flap_age_s;		/* since the last of them */
	int proven;
	enum verdict health;
	char reason[HEALTH_REASON_MAX];
};

/* Of the site: the posture is the highest of its prefixes, penalty and hold the worst. */
struct posture_file {
	double stamp;			/* CLOCK_REALTIME */
	int pid;
	char site[HEALTH_NAME_MAX];	/* "-" = none */
	char via[16];			/* "lease", "bird-socket", "none" */
	enum health_posture posture;
	double since;
	char reason[HEALTH_REASON_MAX];
	char verdict[16];
	double verdict_age_s;
	unsigned local_up, local_total;
	char verdict_reason[HEALTH_REASON_MAX];
	int prober_pid;			/* 0 = none */
	unsigned prober_restarts;
	double prober_heard_s;
	char prober_why[HEALTH_REASON_MAX];
	unsigned dnsd_answering, dnsd_asked;
	unsigned dnsd_held;		/* times that silence was overload */
	char dnsd_reason[HEALTH_REASON_MAX];
	int bird_known;
	int exported4, want4, exported6, want6;	/* prefixes; exported -1 = not known */
	int draining;			/* exported with 65535:0 */
	unsigned established, sessions;
	char version[HEALTH_NAME_MAX], reboot[HEALTH_NAME_MAX], reconfigured[HEALTH_NAME_MAX];
	char bird_why[HEALTH_REASON_MAX];
	double penalty, hold_s;
	int suppressed;
	unsigned suppress;		/* the penalty from which on a prefix stays down */
	enum message_override override;
	uint64_t override_id;
	unsigned meddled;		/* markers that somebody else removed or added */
	struct posture_file_prefix prefixes[POSTURE_FILE_PREFIXES];
	size_t n_prefixes;
	char answered[POSTURE_FILE_ANSWERED][POSTURE_FILE_ANSWER];
	size_t n_answered;
	char digest[17];		/* of the configuration in force; "" = not told */
	char alarms[POSTURE_FILE_ALARMS][POSTURE_FILE_ALARM];
	size_t n_alarms;
};

/* Replaces the file.  0, or -1 with a reason. */
int posture_file_write(const struct posture_file *file, const char *path, struct err *err);

/* Reads it.  0, or -1 with a reason and *file unusable. */
int posture_file_read(struct posture_file *file, const char *path, struct err *err);

/* The same from memory. */
int posture_file_parse(struct posture_file *file, const char *text, size_t len, struct err *err);

#endif
