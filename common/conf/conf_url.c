#include "common/conf/conf_url.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char http_form[] = "http://HOST[:PORT]/PATH";

/* After the scheme; NULL if it is another one. */
static const char *
skip_scheme(const char *url)
{
	return strncasecmp(url, "http://", 7) == 0 ? url + 7 :
	    strncasecmp(url, "https://", 8) == 0 ? url + 8 : NULL;
}

/* NULL, or what is wrong with the labels of a name, of which the last may be empty. */
static const char *
label_fault(const char *host, size_t len)
{
	size_t label = 0;

	if (len > 254)
		return "a host of more than 253 octets";
	for (size_t i = 0; i <= len; i++, label++) {
		if (i < len && host[i] != '.')
			continue;
		if (label == 0 && (i != len || i == 1))
			return "a host with an empty label";
		if (label > 63)
			return "a host with a label of more than 63 octets";
		label = (size_t)-1;
	}
	return NULL;
}

/* What ends in a number is an address, and libraries take it for one. */
static int
is_bad_ipv4(const char *host, size_t len)
{
	char text[INET_ADDRSTRLEN];
	uint8_t ip[4];
	size_t digits = 0;

	while (digits < len && isdigit((unsigned char)host[len - 1 - digits]))
		digits++;
	if (digits == 0 || (digits < len && host[len - 1 - digits] != '.'))
		return 0;
	if (len >= sizeof(text))
		return 1;
	memcpy(text, host, len);
	text[len] = '\0';
	return inet_pton(AF_INET, text, ip) != 1;
}

static const char *
name_end(const char *text, const char *form, struct err *err)
{
	const char *end = text, *fault;

	while (isalnum((unsigned char)*end) || *end == '-' || *end == '.' || *end == '_')
		end++;
	if (end == text) {
		err_set(err, "no host name, %s was expected", form);
		return NULL;
	}
	fault = label_fault(text, (size_t)(end - text));
	if (fault == NULL && is_bad_ipv4(text, (size_t)(end - text)))
		fault = "a host that ends in a number and is no IPv4 address";
	if (fault == NULL)
		return end;
	err_set(err, "%s, %s was expected", fault, form);
	return NULL;
}

static const char *
bracket_end(const char *text, const char *form, struct err *err)
{
	size_t len = strspn(text + 1, "0123456789abcdefABCDEF:.");
	char inside[INET6_ADDRSTRLEN];
	uint8_t ip[16];

	if (len == 0 || text[1 + len] != ']') {
		err_set(err, "no host name, %s was expected", form);
		return NULL;
	}
	if (len < sizeof(inside)) {
		memcpy(inside, text + 1, len);
		inside[len] = '\0';
		if (inet_pton(AF_INET6, inside, ip) == 1)
			return text + len + 2;
	}
	err_set(err, "no IPv6 address between the brackets, %s was expected", form);
	return NULL;
}

const char *
conf_url_authority(const char *text, const char *form, struct err *err)
{
	const char *end = *text == '[' ? bracket_end(text, form, err) : name_end(text, form, err);
	char *after = NULL;
	long port;

	if (end == NULL)
		return NULL;
	if (*end == ':') {
		port = isdigit((unsigned char)end[1]) ? strtol(end + 1, &after, 10) : 0;
		if (memchr(end, '@', strcspn(end, "/?#")) != NULL) {
			err_set(err, "a user and password, %s was expected", form);
			return NULL;
		}
		if (port < 1 || port > 65535 || after - end > 6) {
			err_set(err, "a port from 1 to 65535 was expected after the host");
			return NULL;
		}
		end = after;
	}
	if (*end != '\0' && strchr("/?#", *end) == NULL) {
		err_set(err, "'%c' after the host, %s was expected", *end, form);
		return NULL;
	}
	return end;
}

int
conf_url_check(const char *url, struct err *err)
{
	const char *host = skip_scheme(url);

	if (host == NULL)
		return err_set(err, "a URL that begins with http:// or https:// was expected");
	for (const char *c = host; *c != '\0'; c++)
		if (*c <= ' ' || *c >= 0x7f)
			return err_set(err,
			    "blanks and non-ASCII characters are written %%XX in a URL");
	return conf_url_authority(host, http_form, err) != NULL ? 0 : -1;
}

static int
check_escape(const char *at, struct err *err)
{
	char digits[3] = { 0 };
	long octet;

	if (!isxdigit((unsigned char)at[1]) || !isxdigit((unsigned char)at[2]))
		return err_set(err, "'%%' without two hexadecimal digits, it is written %%25");
	memcpy(digits, at + 1, 2);
	octet = strtol(digits, NULL, 16);
	return octet >= ' ' && octet != 0x7f ? 0 :
	    err_set(err, "%.3s, a control character", at);
}

int
conf_url_check_link(const char *url, struct err *err)
{
	const char *host = skip_scheme(url);
	size_t len = host != NULL ? strcspn(host, ":/?#") : 0;

	if (strlen(url) > CONF_URL_LINK_MAX)
		return err_set(err, "%zu octets, at most %d were expected", strlen(url),
		    CONF_URL_LINK_MAX);
	if (len != 0 && host[len - 1] == '.')
		return err_set(err, "a host that ends in a dot, which no certificate has");
	if (strchr(url, '#') != NULL)
		return err_set(err, "has a fragment, which is never sent");
	for (const char *c = url; *c != '\0'; c++) {
		if (*c == '%' && check_escape(c, err) < 0)
			return -1;
		if (strchr("\"<>\\^`{|}", *c) != NULL)
			return err_set(err, "'%c' is written %%%02X in a URL", *c, *c);
	}
	return 0;
}
