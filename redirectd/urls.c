#include "redirectd/urls.h"

#include "redirectd/encode.h"

/* What may stand in no URL would end what the URL stands in. */
static void
as_written(struct draft *draft, const char *url)
{
	for (size_t n; *url != '\0'; url += n) {
		n = strcspn(url, "<>\"\\^`{|}");
		draft_put(draft, url, n);
		if (url[n] != '\0')
			draft_format(draft, "%%%02X", url[n++]);
	}
}

/* A URL that ends in a slash, and the path without the slash that it begins with. */
static void
below(struct draft *draft, const char *url, const struct choice_file *file)
{
	as_written(draft, url);
	encode_url(draft, file->path + 1, file->path_len - 1);
}

void
urls_mirror(struct draft *draft, const struct redirect_choice *choice,
    const struct conf_mirror *mirror)
{
	if (mirror->one_file != NULL)
		as_written(draft, mirror->url);
	else
		below(draft, mirror->url, &choice->file);
}

void
urls_fallback(struct draft *draft, const struct redirect_choice *choice)
{
	below(draft, choice->fallback->url, &choice->file);
}

void
urls_self(struct draft *draft, const struct redirect_choice *choice, const char *behind)
{
	draft_text(draft, choice->site);
	encode_url(draft, choice->file.path, choice->file.path_len);
	draft_text(draft, behind);
}

void
urls_home(struct draft *draft, const struct redirect_choice *choice)
{
	urls_self(draft, choice, "?here");
}

const char *
urls_name(const struct choice_file *file, size_t *len)
{
	const char *slash = memrchr(file->path, '/', file->path_len);
	const char *name = slash != NULL ? slash + 1 : file->path;

	*len = file->path_len - (size_t)(name - file->path);
	return name;
}
