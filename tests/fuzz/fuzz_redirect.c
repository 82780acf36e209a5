/* redirectd's request: any target and fields give an answer whose header lines are lines, and no
 * path that climbs out.  The input is lines: target, Host, X-Real-IP, Accept, User-Agent. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "redirectd/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char text[] = "redirect {\n exclude-path = \"^/x.*y\"\n"
    " exclude-agent = { \"*a*b*\" }\n"
    " exclude-type = { \"text/*\" }\n one-file \"o\" {\n host = { \"o\" }\n path = \"/o\"\n }\n}\n"
    "mirror \"m\" {\n url = \"http://m/\"\n one-file = \"o\"\n}\n";

static struct setup setup;
static struct worker_common common;
static struct worker *worker;

static void
prepare(void)
{
	struct err err;
	static int places[2] = { -1, -1 };
	static uint8_t health[2];

	setup.conf = conf_parse("/x", text, sizeof(text) - 1, NULL, NULL, NULL, &err);
	assert(setup.conf != NULL);
	setup.choose = choose_new(setup.conf, &err);
	setup.types = types_read("/dev/null", &err);
	setup.places = places;
	setup.health = health;
	setup.conf_number = 1;
	worker = worker_new(&common);
	assert(setup.choose != NULL && setup.types != NULL && worker != NULL);
	assert(worker_fit(worker, &setup) == 0);
}

static void
check_path(const char *path, size_t len)
{
	assert(path[0] == '/' && path[len] == '\0' && strlen(path) == len);
	assert(strstr(path, "//") == NULL && strstr(path, "/../") == NULL &&
	    strstr(path, "/./") == NULL && strpbrk(path, "\r\n") == NULL);
	assert(len < 3 || strcmp(path + len - 3, "/..") != 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1), *rest = copy, *field[5] = { NULL };
	static const unsigned known[] = { 200, 302, 400, 404, 405, 414, 500 };
	struct target_path target;
	bool fine = false;

	if (worker == NULL)
		prepare();
	memcpy(copy, data, size);
	copy[size] = '\0';
	for (size_t i = 0; i < 5 && rest != NULL; i++)
		field[i] = strsep(&rest, "\n");
	if (target_read(&target, field[0]) == TARGET_FINE)
		check_path(target.path, target.len);
	request_answer(worker, &setup, &(struct request){
		.method = "GET", .target = field[0], .host = field[1], .real_ip = field[2],
		.accept = field[3], .agent = field[4], .listen = "127.0.0.1@9555", .now = 1
	});
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		fine = fine || worker->response.status == known[i];
	assert(fine);
	for (size_t i = 0; i < worker->response.n_heads; i++)
		assert(strpbrk(worker->response.heads[i].value, "\r\n") == NULL);
	free(copy);
	return 0;
}
