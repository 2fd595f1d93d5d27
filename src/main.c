/* grapnel: an HTTP webhook event hub. Gives the command line the hub, and runs the hub until a signal ends it. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/strbuf.h"
#include "cli/cli.h"
#include "config.h"
#include "hub.h"
#include "service.h"
#include "settings.h"

/* How long one try for the data folder's lock waits: a command tries the admin socket again between two tries; serve has only this. */
enum { MAIN_COMMAND_WAIT_MS = 500, MAIN_SERVE_WAIT_MS = 5000 };

/* ---- serve ------------------------------------------------------------------------------------------------------------- */

/* A second signal while the hub stops. */
static void exit_at_once(int signal)
{
	_exit(128 + signal);
}

/* Waits for the signal that ends the hub; from then on another one exits at once. SIGHUP takes options and certificate again. */
static int wait_for_end(struct service *service, struct hub *hub)
{
	struct sigaction at_once = {.sa_handler = exit_at_once};
	sigset_t ending;
	int signal = 0;

	while ((signal = service_wait(service)) == SIGHUP) {
		service_reload(service);
		hub_reload(hub);
		service_reloaded(service);
	}
	sigemptyset(&ending);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGINT);
	sigaction(SIGTERM, &at_once, NULL);
	sigaction(SIGINT, &at_once, NULL);
	pthread_sigmask(SIG_UNBLOCK, &ending, NULL);
	return signal;
}

static int say_no_start(const struct err *err)
{
	log_error("main", "the hub does not start: %s", err->detail);
	for (unsigned i = 0; i < err->fields_len; i++)
		log_error("main", "%s: %s", err->fields[i].pointer, err->fields[i].detail);
	service_refused(err->detail);
	return err->code == ERR_INVALID ? EXIT_USAGE : EXIT_FAILED;
}

/* What is wrong with the options, each with its 0: how the log is to be written stands among them, so it is said when all were read. */
struct mistakes {
	struct strbuf texts;
	unsigned len;
};

static void keep_mistake(void *context, const char *text)
{
	struct mistakes *mistakes = context;

	strbuf_append(&mistakes->texts, text, strlen(text) + 1);
	mistakes->len++;
}

static void say_mistakes(const struct mistakes *mistakes)
{
	char why[ERR_DETAIL_MAX + 80];
	const char *first = strbuf_text(&mistakes->texts), *end = first + mistakes->texts.len;

	for (const char *at = first; at < end; at += strlen(at) + 1)
		log_error("main", "the hub does not start: %s", at);
	if (mistakes->len > 1)
		snprintf(why, sizeof why, "%u mistakes in the options, the first: %s", mistakes->len, first);
	else
		snprintf(why, sizeof why, "%s", first);
	service_refused(why);
}

/* Nonzero: something is wrong with them, and was said. */
static unsigned options_load(struct conf *conf, int argc, char **argv)
{
	struct mistakes mistakes = {.texts = STRBUF_INIT(1 << 20)};

	conf_find(conf, argc, argv, keep_mistake, &mistakes);
	settings_find(conf, keep_mistake, &mistakes);
	log_configure((enum log_level)conf->log_level, (enum log_format)conf->log_format);
	if (mistakes.len > 0)
		say_mistakes(&mistakes);
	strbuf_free(&mistakes.texts);
	return mistakes.len;
}

static int serve_with(const struct conf *conf, const sigset_t *signals, int argc, char **argv)
{
	struct err err = {0};

	log_told(started, NULL, "grapnel %s starts: data in %s", PACKAGE_VERSION, conf->data);
	conf_warn();
	struct service *service = service_open(signals, &err);
	if (!service)
		return say_no_start(&err);
	struct hub *hub = hub_start(conf, true, MAIN_SERVE_WAIT_MS, &err);
	if (!hub) {
		service_close(service);
		return say_no_start(&err);
	}
	hub_reloadable(hub, argc, argv);
	service_ready(service, hub);
	int signal = wait_for_end(service, hub);
	log_info("main", "%s: stopping", signal == SIGTERM ? "SIGTERM" : "SIGINT");
	service_stop(service, conf->stop_deadline);
	hub_stop(hub);
	service_close(service);
	log_flush();
	return EXIT_OK;
}

static int serve(int argc, char **argv)
{
	sigset_t signals;
	struct conf conf;

	/* Before any thread is there: all of them inherit it, and only this one takes signals. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	log_open(LOG_JOURNAL_SOCKET);
	int code = options_load(&conf, argc, argv) ? EXIT_USAGE : serve_with(&conf, &signals, argc, argv);
	conf_free(&conf);
	return code;
}

/* ---- The hub for commands, when none runs ------------------------------------------------------------------------------ */

static void *local_open(const struct conf *conf, struct err *err)
{
	/* Standard error is the command's: what goes well stays unsaid. */
	log_configure(LOG_WARN, (enum log_format)conf->log_format);
	return hub_start(conf, false, MAIN_COMMAND_WAIT_MS, err);
}

static void local_call(void *hub, const struct http_request *request, struct http_response *response)
{
	hub_call(hub, request, response);
}

static void local_close(void *hub)
{
	hub_stop(hub);
}

int main(int argc, char **argv)
{
	const struct cli_local local = {
	    .open = local_open,
	    .call = local_call,
	    .close = local_close,
	    .serve = serve,
	    .find = settings_find_all,
	    .clock = &clock_system,
	};

	signal(SIGPIPE, SIG_IGN);
	int code = cli_main(argc, argv, &local);
	/* What was printed must have arrived: a full disk behind a key that was made is no success. */
	if (fflush(stdout) != 0 && code == EXIT_OK)
		code = EXIT_FAILED;
	return code;
}
