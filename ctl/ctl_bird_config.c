/*
 * nearctl bird-config: BIRD's half of the lease, for this site, from nearcast.conf.
 *
 * Prints a whole bird.conf (BIRD 2.0.12 to 3.3) on stdout, or puts it in the place of a file once
 * `bird -p` has read it, from top to bottom: the head, the tables and static protocols that follow
 * the lease (or are switched over BIRD's socket), the covering prefix, the export filter, BFD and
 * the neighbours, with their passwords.  What it announces follows the marker addresses of
 * healthd/route/announce.h and is therefore down until proven up; the covering prefix at a home
 * site does not follow them.  Both halves must name the same addresses,
 * tables and protocols: 169.254.53.0/24, fd53:5300::/64, and for each prefix a protocol named by
 * bird_protocol_name and its _drain.
 *
 * Reads the configuration and the neighbours' password files, and asks nobody.  Names from it stand
 * in BIRD's language quoted (bird_quote).  bird/README.md tells why it is so, RFC 8326 what
 * draining says to neighbours.
 */
#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/conf/conf.h"
#include "common/file.h"
#include "ctl/ctl.h"
#include "healthd/route/bird.h"
#include "healthd/route/bird_reply.h"

#define PASSWORD_MAX 80			/* octets of a TCP MD5 key, RFC 2385 and tcp(7) */

static bool
holds_family(const struct conf_prefixes *prefixes, int family)
{
	for (size_t i = 0; i < prefixes->n; i++)
		if (prefixes->v[i].family == family)
			return true;
	return false;
}

static void
print_head(FILE *out, const struct conf *conf, const char *site)
{
	bool lease = conf->announce.via == CONF_VIA_LEASE;
	const char *file = strrchr(conf->path, '/');

	fprintf(out, "# BIRD of site \"%s\", made by `nearctl bird-config` from %s\n", site,
	    file != NULL ? file + 1 : conf->path);
	fprintf(out, "#\n# Down until proven up: %s.\n", lease ?
	    "a prefix is announced only while healthd keeps a marker\n"
	    "# address on the loopback interface; the kernel removes it when healthd hangs or "
	    "dies.\n"
	    "# `configure` and restarts of BIRD change nothing" :
	    "the anycast protocols are disabled here and switched\n"
	    "# on by healthd over BIRD's socket.  Nothing switches them off when healthd dies: "
	    "prefer\n"
	    "# via = \"lease\"");
	fprintf(out, "\nlog syslog all;\n");
	if (conf->announce.router_id != NULL)
		fprintf(out, "router id %s;\n", conf->announce.router_id);
	else
		fprintf(out, "# router id 198.51.100.2;\t"
		    "# without it BIRD takes this machine's lowest IPv4 address, which may be the\n"
		    "\t\t\t\t# anycast one, the same at every site: better give `router-id`\n");
	fprintf(out, "\nprotocol device { }\n");
}

/* ---- by lease ---- */

static void
print_lease_tables(FILE *out, const struct conf *conf, const char *interface)
{
	bool v4 = holds_family(&conf->announce.prefixes, 4);
	bool v6 = holds_family(&conf->announce.prefixes, 6);

	fprintf(out, "\n# Only what healthd leases lands here, so that no default route can "
	    "resolve a marker.\n");
	if (v4)
		fprintf(out, "ipv4 table lease4;\n");
	if (v6)
		fprintf(out, "ipv6 table lease6;\n");
	fprintf(out, "protocol direct lease {\n");
	if (v4)
		fprintf(out, "\tipv4 { table lease4; "
		    "import where net ~ [169.254.53.0/24{30,30}]; };\n");
	if (v6)
		fprintf(out, "\tipv6 { table lease6; "
		    "import where net ~ [fd53:5300::/64{126,126}]; };\n");
	fprintf(out, "\tinterface \"%s\";\n}\n", interface);
}

/* The address that a recursive route follows: beside the marker of prefix k of its family. */
static void
print_follow(FILE *out, int family, unsigned k, bool drain)
{
	unsigned last = 8 * k + (drain ? 6 : 2);

	fprintf(out, family == 4 ? "169.254.53.%u" : "fd53:5300::%x", last);
}

/* The static protocols of a family, serving or draining, one a prefix, with table and pipe. */
static void
print_leased(FILE *out, const struct conf_prefixes *prefixes, int family, bool drain)
{
	const char *table = drain ? "dr" : "on";
	char text[ADDR_TEXT], name[BIRD_NAME_MAX];
	unsigned k = 0;

	fprintf(out, "ipv%d table %s%d;\n", family, table, family);
	for (size_t i = 0; i < prefixes->n; i++) {
		if (prefixes->v[i].family != family)
			continue;
		bird_protocol_name(name, prefixes, i, drain);
		fprintf(out, "protocol static %s {\n\tipv%d { table %s%d; preference %d; };\n"
		    "\tigp table lease%d;\n\troute %s recursive ", name, family, table, family,
		    drain ? 190 : 200, family, prefix_text(&prefixes->v[i], text));
		print_follow(out, family, k++, drain);
		fprintf(out, ";\n}\n");
	}
	fprintf(out, "protocol pipe p_%s%d { table %s%d; peer table master%d; import none; "
	    "export where dest = RTD_UNICAST; }\n",
	    table, family, table, family, family);
}

static void
print_by_lease(FILE *out, const struct conf *conf)
{
	print_lease_tables(out, conf, conf->announce.interface);
	fprintf(out, "\n# Each prefix has two markers, and routes that follow them.  "
	    "Prefix k of its family, from 0: the marker\n"
	    "# 169.254.53.(8k+1)/30 or fd53:5300::(8k+1)/126 says that it is served here, "
	    "169.254.53.(8k+5)/30 or\n"
	    "# fd53:5300::(8k+5)/126 that it is served or drains.  "
	    "A recursive route whose marker is missing is\n"
	    "# \"unreachable\", which BGP would still export: "
	    "hence the pipes let unicast through only.\n");
	for (int family = 4; family <= 6; family += 2)
		if (holds_family(&conf->announce.prefixes, family)) {
			print_leased(out, &conf->announce.prefixes, family, false);
			print_leased(out, &conf->announce.prefixes, family, true);
		}
}

/* ---- by BIRD's socket ---- */

static void
print_switched(FILE *out, const struct conf_prefixes *prefixes, size_t at, bool drain)
{
	char text[ADDR_TEXT], name[BIRD_NAME_MAX];

	bird_protocol_name(name, prefixes, at, drain);
	fprintf(out, "protocol static %s {\n\tdisabled;\n\tipv%d { preference %d; };\n"
	    "\troute %s via \"lo\";\n}\n", name, prefixes->v[at].family, drain ? 190 : 200,
	    prefix_text(&prefixes->v[at], text));
}

static void
print_by_socket(FILE *out, const struct conf *conf)
{
	fprintf(out, "\n# healthd says enable and disable of each of these, over and over.\n");
	for (size_t i = 0; i < conf->announce.prefixes.n; i++) {
		print_switched(out, &conf->announce.prefixes, i, false);
		print_switched(out, &conf->announce.prefixes, i, true);
	}
}

/* ---- both ---- */

static void
print_cover(FILE *out, const struct conf *conf, bool home)
{
	const struct conf_prefixes *cover = &conf->announce.cover;
	char text[ADDR_TEXT];

	if (cover->n == 0)
		return;
	if (!home) {
		fprintf(out, "\n# The covering prefix is announced at the sites marked `home`; "
		    "this is none.\n");
		return;
	}
	fprintf(out, "\n# The covering prefix: outside healthd's reach, "
	    "so that the last route never goes, whatever\n"
	    "# all healthd of the world believe.  "
	    "Less specific, so it attracts nobody while any site serves.\n");
	for (int family = 4; family <= 6; family += 2) {
		if (!holds_family(cover, family))
			continue;
		fprintf(out, "protocol static cover%d {\n\tipv%d { preference 100; };\n",
		    family, family);
		for (size_t i = 0; i < cover->n; i++)
			if (cover->v[i].family == family)
				fprintf(out, "\troute %s blackhole;\n",
				    prefix_text(&cover->v[i], text));
		fprintf(out, "}\n");
	}
}

static void
print_filter(FILE *out, const struct conf *conf, bool home)
{
	uint32_t as = conf->announce.local_as;

	fprintf(out, "\n# A draining site is the last choice three times over: "
	    "GRACEFUL_SHUTDOWN (RFC 8326), MED, prepends.\n"
	    "# BIRD sends a MED to another AS only if it is set here, in the export filter.\n"
	    "function anycast_out() {\n");
	if (home && conf->announce.cover.n > 0)
		fprintf(out, "\tif proto ~ \"cover?\" then accept;\n");
	fprintf(out, "\tif dest != RTD_UNICAST then reject;\n"
	    "\tif proto ~ \"anycast?_*_drain\" then {\n"
	    "\t\tbgp_community.add((65535,0));\n\t\tbgp_med = 1000;\n"
	    "\t\tbgp_path.prepend(%u);\n\t\tbgp_path.prepend(%u);\n\t\taccept;\n\t}\n"
	    "\tif proto ~ \"anycast?_*\" then accept;\n"
	    "\treject;\n}\n", as, as);
}

static bool
neighbor_family(const struct conf *conf, int family)
{
	for (size_t i = 0; i < conf->announce.n_neighbors; i++)
		if (conf->announce.neighbors[i].address.family == family)
			return true;
	return false;
}

/* The password of a session, from its file: its first line.  0, or -1 with a reason. */
static int
read_password(char out[PASSWORD_MAX + 1], const char *path, struct err *err)
{
	size_t len, line;
	char *text = file_read(path, 0, PASSWORD_MAX + 2, &len, err);

	if (text == NULL)
		return err_prefix(err, "%s", path);
	line = strcspn(text, "\r\n");
	/* BIRD's strings know no escapes */
	if (line == 0 || line > PASSWORD_MAX || strspn(text + line, "\r\n") != len - line ||
	    strcspn(text, "\"") < line) {
		free(text);
		return err_set(err, "%s: one line of 1 to %d characters without \" was expected",
		    path, PASSWORD_MAX);
	}
	memcpy(out, text, line);
	out[line] = '\0';
	free(text);
	return 0;
}

/* How the session is made, beyond address and AS. */
static int
print_session(FILE *out, const struct conf *conf, const struct conf_neighbor *neighbor,
    struct err *err)
{
	char text[ADDR_TEXT], password[PASSWORD_MAX + 1];
	struct addr source = neighbor->source;

	source.port = 0;
	if (neighbor->multihop > 0)
		fprintf(out, "\tmultihop %u;\n", neighbor->multihop);
	/* BIRD takes a neighbour of our own AS for a distant one, which BFD could not watch */
	else if (neighbor->as == conf->announce.local_as)
		fprintf(out, "\tdirect;\n");
	if (source.family != 0)
		fprintf(out, "\tsource address %s;\n", addr_text(&source, text));
	if (neighbor->interface != NULL)
		fprintf(out, "\tinterface \"%s\";\n", neighbor->interface);
	if (!neighbor->bfd)
		fprintf(out, "\tbfd off;\n");
	if (neighbor->password_file != NULL) {
		if (read_password(password, neighbor->password_file, err) < 0)
			return -1;
		fprintf(out, "\tpassword \"%s\";\n", password);
	}
	for (char **line = neighbor->bird; line != NULL && *line != NULL; line++)
		fprintf(out, "\t%s\n", *line);
	return 0;
}

/* A neighbour carries its own family, and the other one if nobody else does. */
static int
print_neighbor(FILE *out, const struct conf *conf, size_t at, struct err *err)
{
	const struct conf_neighbor *neighbor = &conf->announce.neighbors[at];
	struct addr address = neighbor->address;
	char plain[BIRD_NAME_MAX], name[BIRD_NAME_MAX + 2], text[ADDR_TEXT];

	/* a name alone could be a word of BIRD's language ("ra"), quoted or not */
	address.port = 0;
	if (snprintf(plain, sizeof(plain), "bgp_%s", neighbor->name) >= (int)sizeof(plain) ||
	    !bird_quote(name, plain))
		snprintf(name, sizeof(name), "bgp_neighbor%zu", at + 1);
	fprintf(out, "protocol bgp %s from upstream {\n\tneighbor %s as %u;\n", name,
	    addr_text(&address, text), neighbor->as);
	if (print_session(out, conf, neighbor, err) < 0)
		return err_prefix(err, "%s:%d: neighbor \"%s\"", conf->path, neighbor->line,
		    neighbor->name);
	for (int family = 4; family <= 6; family += 2)
		if (family == address.family || (!neighbor_family(conf, family) &&
		    holds_family(&conf->announce.prefixes, family)))
			fprintf(out, "\tipv%d { import none; export where anycast_out(); "
			    "next hop self; };\n", family);
	fprintf(out, "}\n");
	return 0;
}

static int
print_neighbors(FILE *out, const struct conf *conf, struct err *err)
{
	fprintf(out, "\n# BFD finds a dead machine in 0.3 s.  "
	    "Graceful restart would keep a dead site's routes: off.\n"
	    "# This machine's own routes (its default) are not BGP's here: `import none`.\n"
	    "protocol bfd {\n\tinterface \"-lo\", \"*\" { "
	    "min rx interval 100 ms; min tx interval 100 ms; multiplier 3; };\n}\n"
	    "template bgp upstream {\n\tlocal as %u;\n\tbfd on;\n\tgraceful restart off;\n"
	    "\tconnect delay time 1;\n\tconnect retry time 2;\n\terror wait time 1,5;\n"
	    "\thold time 9;\n\tkeepalive time 3;\n}\n", conf->announce.local_as);
	if (conf->announce.n_neighbors == 0)
		fprintf(out, "# no `neighbor` in the announce block; for example:\n"
		    "# protocol bgp rb from upstream {\n#\tneighbor 198.51.100.1 as 64500;\n"
		    "#\tipv4 { import none; export where anycast_out(); next hop self; };\n"
		    "# }\n");
	for (size_t i = 0; i < conf->announce.n_neighbors; i++)
		if (print_neighbor(out, conf, i, err) < 0)
			return -1;
	return 0;
}

/* The whole of it.  0, or -1 with a reason. */
static int
print_all(FILE *out, const struct conf *conf, struct err *err)
{
	const struct conf_site *here = conf->here_site != CONF_NONE ?
	    &conf->sites[conf->here_site] : NULL;
	bool home = here != NULL && here->home;

	print_head(out, conf, here != NULL ? here->name : "-");
	if (conf->announce.via == CONF_VIA_LEASE)
		print_by_lease(out, conf);
	else
		print_by_socket(out, conf);
	print_cover(out, conf, home);
	print_filter(out, conf, home);
	return print_neighbors(out, conf, err);
}

/* ---- to a file ---- */

/* Does BIRD understand the file?  0, or -1 with errno; what it does not like, it says itself. */
static int
ask_bird(const char *path)
{
	const char *const argv[] = { "bird", "-p", "-c", path, NULL };
	int status;
	pid_t pid;
	int error = posix_spawnp(&pid, "bird", NULL, NULL, (char *const *)argv, environ);

	if (error == 0)
		while (waitpid(pid, &status, 0) < 0)
			if (errno != EINTR)
				return -1;
	if (error == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	errno = error != 0 ? error : EINVAL;
	fprintf(stderr, "nearctl: bird -p: %s\n", error != 0 ? strerror(error) :
	    "BIRD does not take this configuration");
	return -1;
}

struct target {
	const char *path, *text;
	const struct stat *old;		/* NULL = there was none */
};

/* Writes and has it read by BIRD before it takes the place of what is there. */
static int
print_target(void *arg, FILE *out)
{
	const struct target *target = arg;
	char beside[PATH_MAX];

	if (snprintf(beside, sizeof(beside), "%s.new", target->path) >= (int)sizeof(beside)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	/* BIRD's own user reads it later */
	if (target->old != NULL &&
	    (fchown(fileno(out), target->old->st_uid, target->old->st_gid) < 0 ||
	    fchmod(fileno(out), target->old->st_mode & 07777) < 0))
		return -1;
	if (fputs(target->text, out) < 0 || fflush(out) != 0)
		return -1;
	return ask_bird(beside);
}

static int
write_target(const char *path, const char *text)
{
	struct stat st;
	struct target target = { path, text, stat(path, &st) == 0 ? &st : NULL };
	/* it may hold passwords */
	const struct file_new how = { .mode = 0640, .sync = true, .print = print_target,
		.arg = &target };
	struct err err;

	if (file_replace(path, &how, &err) == 0)
		return 0;
	fprintf(stderr, "nearctl: %s; the file is as it was\n", err.text);
	return 1;
}

/* What is missing for BIRD to run at all; NULL = nothing. */
static const char *
find_missing(const struct conf *conf)
{
	if (!conf->announce.enabled || conf->announce.prefixes.n == 0)
		return "no announce block with a prefix: nothing for BIRD to announce";
	if (conf_lacks_router_id(conf))
		return "announce: a router-id is needed: BIRD finds no IPv4 address at a site that "
		    "has IPv6 only, and would not start";
	return NULL;
}

int
ctl_bird_config(const struct ctl *ctl)
{
	struct conf *conf = ctl_conf(ctl);
	const char *missing;
	char *text = NULL;
	size_t len = 0;
	FILE *out;
	struct err err = { .text = "out of memory" };
	int result = 1;

	if (conf == NULL)
		return 1;
	missing = find_missing(conf);
	out = missing == NULL ? open_memstream(&text, &len) : NULL;
	if (missing != NULL)
		fprintf(stderr, "nearctl: %s: %s\n", conf->path, missing);
	else if (out == NULL || print_all(out, conf, &err) < 0 || fflush(out) != 0)
		fprintf(stderr, "nearctl: %s\n", err.text);
	else if (ctl->out != NULL)
		result = write_target(ctl->out, text);
	else
		result = fwrite(text, 1, len, stdout) == len && fflush(stdout) == 0 ? 0 : 1;
	if (out != NULL)
		fclose(out);
	free(text);
	conf_free(conf);
	return result;
}
