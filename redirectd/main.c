/*
 * redirectd: sends downloads to other people's mirrors, each client to the nearest that has the
 * file.
 *
 * This reads the command line; daemon.c does the rest.
 */
#include <stdio.h>

int
main(void)
{
	fputs("redirectd: not yet\n", stderr);
	return 69;
}
