/*
 * nearctl bird-config: BIRD's half of the lease, for this site, from nearcast.conf.
 *
 * Prints a whole bird.conf (BIRD 2.0.12 to 3.3) on stdout, from top to bottom: the head, the
 * tables and static protocols that follow the lease (or are switched over BIRD's socket), the
 * covering prefix, the export filter, BFD and the neighbours.  What it announces follows the
 * marker addresses of healthd/route/announce.h and is therefore down until proven up; the
 * covering prefix at a home site does not follow them.  Both halves must name the same addresses,
 * tables and protocols: 169.254.53.0/24, fd53:5300::/64, and for each prefix a protocol named by
 * bird_protocol_name and its _drain.
 *
 * Reads the configuration only and asks nobody.  Names from it stand in BIRD's language quoted
 * (bird_quote).  bird/README.md tells why it is so, RFC 8326 what draining says to neighbours.
 */
#include <stdio.h>
#include <string.h>

#include "common/conf/conf.h"
#include "ctl/ctl.h"
#include "healthd/route/bird.h"
#include "healthd/route/bird_reply.h"

static bool
holds_family(const struct conf_prefixes *prefixes, int family)
{
	for (size_t i = 0; i < prefixes->n; i++)
		if (prefixes->v[i].family == family)
			return true;
	return false;
}

static void
print_head(const struct conf *conf, const char *site)
{
	bool lease = conf->announce.via == CONF_VIA_LEASE;
	const char *file = strrchr(conf->path, '/');

	printf("# BIRD of site \"%s\", made by `nearctl bird-config` from %s\n", site,
	    file != NULL ? file + 1 : conf->path);
	printf("#\n# Down until proven up: %s.\n", lease ?
	    "a prefix is announced only while healthd keeps a marker\n"
	    "# address on the loopback interface; the kernel removes it when healthd hangs or "
	    "dies.\n"
	    "# `configure` and restarts of BIRD change nothing" :
	    "the anycast protocols are disabled here and switched\n"
	    "# on by healthd over BIRD's socket.  Nothing switches them off when healthd dies: "
	    "prefer\n"
	    "# via = \"lease\"");
	printf("\nlog syslog all;\n");
	if (conf->announce.router_id != NULL)
		printf("router id %s;\n", conf->announce.router_id);
	else
		printf("# router id 192.0.2.1;\t\t"
		    "# without it BIRD takes an IPv4 address of this machine\n");
	printf("\nprotocol device { }\n");
}

/* ---- by lease ---- */

static void
print_lease_tables(const struct conf *conf, const char *interface)
{
	bool v4 = holds_family(&conf->announce.prefixes, 4);
	bool v6 = holds_family(&conf->announce.prefixes, 6);

	printf("\n# Only what healthd leases lands here, so that no default route can resolve "
	    "a marker.\n");
	if (v4)
		printf("ipv4 table lease4;\n");
	if (v6)
		printf("ipv6 table lease6;\n");
	printf("protocol direct lease {\n");
	if (v4)
		printf("\tipv4 { table lease4; import where net ~ [169.254.53.0/24+]; };\n");
	if (v6)
		printf("\tipv6 { table lease6; import where net ~ [fd53:5300::/64+]; };\n");
	printf("\tinterface \"%s\";\n}\n", interface);
}

/* The address that a recursive route follows: beside the marker of prefix k of its family. */
static void
print_follow(int family, unsigned k, bool drain)
{
	unsigned last = 8 * k + (drain ? 6 : 2);

	printf(family == 4 ? "169.254.53.%u" : "fd53:5300::%x", last);
}

/* The static protocols of a family, serving or draining, one a prefix, with table and pipe. */
static void
print_leased(const struct conf_prefixes *prefixes, int family, bool drain)
{
	const char *table = drain ? "dr" : "on";
	char text[ADDR_TEXT], name[BIRD_NAME_MAX];
	unsigned k = 0;

	printf("ipv%d table %s%d;\n", family, table, family);
	for (size_t i = 0; i < prefixes->n; i++) {
		if (prefixes->v[i].family != family)
			continue;
		bird_protocol_name(name, prefixes, i, drain);
		printf("protocol static %s {\n\tipv%d { table %s%d; preference %d; };\n"
		    "\tigp table lease%d;\n\troute %s recursive ", name, family, table, family,
		    drain ? 190 : 200, family, prefix_text(&prefixes->v[i], text));
		print_follow(family, k++, drain);
		printf(";\n}\n");
	}
	printf("protocol pipe p_%s%d { table %s%d; peer table master%d; import none; "
	    "export where dest = RTD_UNICAST; }\n",
	    table, family, table, family, family);
}

static void
print_by_lease(const struct conf *conf)
{
	print_lease_tables(conf, conf->announce.interface);
	printf("\n# Each prefix has two markers, and routes that follow them.  "
	    "Prefix k of its family, from 0: the marker\n"
	    "# 169.254.53.(8k+1)/30 or fd53:5300::(8k+1)/126 says that it is served here, "
	    "169.254.53.(8k+5)/30 or\n"
	    "# fd53:5300::(8k+5)/126 that it is served or drains.  "
	    "A recursive route whose marker is missing is\n"
	    "# \"unreachable\", which BGP would still export: "
	    "hence the pipes let unicast through only.\n");
	for (int family = 4; family <= 6; family += 2)
		if (holds_family(&conf->announce.prefixes, family)) {
			print_leased(&conf->announce.prefixes, family, false);
			print_leased(&conf->announce.prefixes, family, true);
		}
}

/* ---- by BIRD's socket ---- */

static void
print_switched(const struct conf_prefixes *prefixes, size_t at, bool drain)
{
	char text[ADDR_TEXT], name[BIRD_NAME_MAX];

	bird_protocol_name(name, prefixes, at, drain);
	printf("protocol static %s {\n\tdisabled;\n\tipv%d { preference %d; };\n"
	    "\troute %s via \"lo\";\n}\n", name, prefixes->v[at].family, drain ? 190 : 200,
	    prefix_text(&prefixes->v[at], text));
}

static void
print_by_socket(const struct conf *conf)
{
	printf("\n# healthd says enable and disable of each of these, over and over.\n");
	for (size_t i = 0; i < conf->announce.prefixes.n; i++) {
		print_switched(&conf->announce.prefixes, i, false);
		print_switched(&conf->announce.prefixes, i, true);
	}
}

/* ---- both ---- */

static void
print_cover(const struct conf *conf, bool home)
{
	const struct conf_prefixes *cover = &conf->announce.cover;
	char text[ADDR_TEXT];

	if (cover->n == 0)
		return;
	if (!home) {
		printf("\n# The covering prefix is announced at the sites marked `home`; "
		    "this is none.\n");
		return;
	}
	printf("\n# The covering prefix: outside healthd's reach, "
	    "so that the last route never goes, whatever\n"
	    "# all healthd of the world believe.  "
	    "Less specific, so it attracts nobody while any site serves.\n");
	for (int family = 4; family <= 6; family += 2) {
		if (!holds_family(cover, family))
			continue;
		printf("protocol static cover%d {\n\tipv%d { preference 100; };\n", family, family);
		for (size_t i = 0; i < cover->n; i++)
			if (cover->v[i].family == family)
				printf("\troute %s blackhole;\n", prefix_text(&cover->v[i], text));
		printf("}\n");
	}
}

static void
print_filter(const struct conf *conf, bool home)
{
	uint32_t as = conf->announce.local_as;

	printf("\n# A draining site is the last choice three times over: "
	    "GRACEFUL_SHUTDOWN (RFC 8326), MED, prepends.\n"
	    "# BIRD sends a MED to another AS only if it is set here, in the export filter.\n"
	    "function anycast_out() {\n");
	if (home && conf->announce.cover.n > 0)
		printf("\tif proto ~ \"cover?\" then accept;\n");
	printf("\tif dest != RTD_UNICAST then reject;\n"
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

/* A neighbour carries its own family, and the other one if nobody else does. */
static void
print_neighbor(const struct conf *conf, size_t at)
{
	const struct conf_neighbor *neighbor = &conf->announce.neighbors[at];
	struct addr address = neighbor->address;
	char plain[BIRD_NAME_MAX], name[BIRD_NAME_MAX + 2], text[ADDR_TEXT];

	/* a name alone could be a word of BIRD's language ("ra"), quoted or not */
	address.port = 0;
	if (snprintf(plain, sizeof(plain), "bgp_%s", neighbor->name) >= (int)sizeof(plain) ||
	    !bird_quote(name, plain))
		snprintf(name, sizeof(name), "bgp_neighbor%zu", at + 1);
	printf("protocol bgp %s from upstream {\n\tneighbor %s as %u;\n", name,
	    addr_text(&address, text), neighbor->as);
	/* BIRD takes a neighbour of our own AS for a distant one, which BFD could not watch */
	if (neighbor->as == conf->announce.local_as)
		printf("\tdirect;\n");
	for (int family = 4; family <= 6; family += 2)
		if (family == address.family || (!neighbor_family(conf, family) &&
		    holds_family(&conf->announce.prefixes, family)))
			printf("\tipv%d { import none; export where anycast_out(); "
			    "next hop self; };\n", family);
	printf("}\n");
}

static void
print_neighbors(const struct conf *conf)
{
	printf("\n# BFD finds a dead machine in 0.3 s.  "
	    "Graceful restart would keep a dead site's routes: off.\n"
	    "# This machine's own routes (its default) are not BGP's here: `import none`.\n"
	    "protocol bfd {\n\tinterface \"-lo\", \"*\" { "
	    "min rx interval 100 ms; min tx interval 100 ms; multiplier 3; };\n}\n"
	    "template bgp upstream {\n\tlocal as %u;\n\tbfd on;\n\tgraceful restart off;\n"
	    "\tconnect delay time 1;\n\tconnect retry time 2;\n\terror wait time 1,5;\n"
	    "\thold time 9;\n\tkeepalive time 3;\n}\n", conf->announce.local_as);
	if (conf->announce.n_neighbors == 0)
		printf("# no `neighbor` in the announce block; for example:\n"
		    "# protocol bgp rb from upstream {\n#\tneighbor 198.51.100.1 as 64500;\n"
		    "#\tipv4 { import none; export where anycast_out(); next hop self; };\n# }\n");
	for (size_t i = 0; i < conf->announce.n_neighbors; i++)
		print_neighbor(conf, i);
}

/* A neighbour with a link-local address, for which BIRD would need an interface, and
 * nearcast.conf has no option for it; NULL = there is none. */
static const struct conf_neighbor *
find_link_local(const struct conf *conf)
{
	for (size_t i = 0; i < conf->announce.n_neighbors; i++) {
		const struct addr *a = &conf->announce.neighbors[i].address;

		if (a->family == 6 && a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80)
			return &conf->announce.neighbors[i];
	}
	return NULL;
}

int
ctl_bird_config(const struct ctl *ctl)
{
	const struct conf_neighbor *link_local;
	struct conf *conf;
	bool home;

	conf = ctl_conf(ctl);
	if (conf == NULL)
		return 1;
	if (!conf->announce.enabled || conf->announce.prefixes.n == 0) {
		fprintf(stderr, "nearctl: %s: no announce block with a prefix: "
		    "nothing for BIRD to announce\n", conf->path);
		conf_free(conf);
		return 1;
	}
	link_local = find_link_local(conf);
	if (link_local != NULL) {
		fprintf(stderr, "nearctl: %s: neighbor \"%s\" has a link-local address, "
		    "one that is not was expected\n", conf->path, link_local->name);
		conf_free(conf);
		return 1;
	}
	home = conf->here_site != CONF_NONE && conf->sites[conf->here_site].home;
	print_head(conf, conf->here_site != CONF_NONE ? conf->sites[conf->here_site].name : "-");
	if (conf->announce.via == CONF_VIA_LEASE)
		print_by_lease(conf);
	else
		print_by_socket(conf);
	print_cover(conf, home);
	print_filter(conf, home);
	print_neighbors(conf);
	conf_free(conf);
	return fflush(stdout) == 0 ? 0 : 1;
}
