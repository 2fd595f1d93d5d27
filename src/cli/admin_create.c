/* grapnel admin create: makes an administrator. The password comes from a file, or is asked for twice on the terminal; never from an
 * argument, which everybody on the machine could read. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/client.h"
#include "model/admin.h"

const struct args_option admin_create_run_options[] = {
    {"password-file", "FILE", "take the password from the first line of this file, or of the standard input when it is -"},
    {"replace", NULL, "the administrator may be there already: then this is the new password, and logging in is allowed again"},
    {0},
};

/* The first line, without its end. malloc; NULL: it was said why not. */
static char *read_line(FILE *from, const char *name)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len = getline(&line, &size, from);
	if (len < 0) {
		command_say("%s: %s", name, ferror(from) ? strerror(errno) : "there is no password in it");
		free(line);
		return NULL;
	}
	line[strcspn(line, "\r\n")] = '\0';
	return line;
}

static char *read_file(const char *path)
{
	if (strcmp(path, "-") == 0)
		return read_line(stdin, "the standard input");
	FILE *file = fopen(path, "re");
	if (!file) {
		command_say("%s: %s", path, strerror(errno));
		return NULL;
	}
	char *line = read_line(file, path);
	fclose(file);
	return line;
}

static struct termios before_silence;

/* An interrupted prompt must not leave the terminal silent. */
static void speak_and_die(int signal)
{
	tcsetattr(STDIN_FILENO, TCSANOW, &before_silence);
	raise(signal); /* SA_RESETHAND: this time it ends the process */
}

static char *ask(const char *prompt)
{
	struct sigaction dying = {.sa_handler = speak_and_die, .sa_flags = (int)(SA_RESETHAND | SA_NODEFER)}, before_int, before_term;
	if (tcgetattr(STDIN_FILENO, &before_silence)) {
		command_say("the terminal: %s", strerror(errno));
		return NULL;
	}
	struct termios silent = before_silence;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	sigaction(SIGINT, &dying, &before_int);
	sigaction(SIGTERM, &dying, &before_term);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent); /* before the prompt: what is typed after it counts */
	fputs(prompt, stderr);
	char *line = read_line(stdin, "the terminal");
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_silence);
	sigaction(SIGINT, &before_int, NULL);
	sigaction(SIGTERM, &before_term, NULL);
	fputc('\n', stderr);
	return line;
}

static void forget(char *password)
{
	if (password)
		explicit_bzero(password, strlen(password));
	free(password);
}

static char *ask_twice(void)
{
	char prompt[64];

	snprintf(prompt, sizeof prompt, "Password (at least %d bytes): ", ADMIN_PASSWORD_MIN);
	char *password = ask(prompt);
	char *again = password ? ask("Once more: ") : NULL;
	bool same = again && strcmp(password, again) == 0;
	if (again && !same)
		command_say("the two are not the same");
	forget(again);
	if (same)
		return password;
	forget(password);
	return NULL;
}

static int create(const struct command_run *run, const char *password)
{
	int code;
	json_t *answer = NULL;
	struct client *client = client_open(run, true, &code);
	if (!client)
		return code;
	json_t *doc = json_pack("{s:s, s:s}", "name", run->args->words[0], "password", password);
	if (doc && args_value(run->args, "replace"))
		json_object_set_new(doc, "replace", json_true());
	if (doc) {
		code = client_request_json(client, "POST", "/local/admins", doc, &answer);
	} else {
		command_say("name and password must be UTF-8");
		code = EXIT_USAGE;
	}
	if (code == EXIT_OK) {
		command_put(run->args->words[0], stdout);
		puts(" may log in on the page");
	}
	json_decref(answer);
	json_decref(doc);
	client_close(client);
	return code;
}

int admin_create_run(const struct command_run *run)
{
	if (command_words(run, 1, 1) != EXIT_OK)
		return EXIT_USAGE;
	const char *path = args_value(run->args, "password-file");
	if (!path && !isatty(STDIN_FILENO))
		return command_misused(run, "there is no terminal to ask for the password on: give --password-file");
	char *password = path ? read_file(path) : ask_twice();
	if (!password)
		return EXIT_FAILED;
	int code = create(run, password);
	forget(password);
	return code;
}
