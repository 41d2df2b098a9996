// SPDX-License-Identifier: GPL-2.0
/* ttp: tools for TTP sockets. Each command has a file of its own. */
#include <argp.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ttp.h"

/* "ttp cat" and the like */
#define NAME_LEN	32

const char *argp_program_version = "ttp 0.1, for TTP version 1";

static const struct command {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *what;
} commands[] = {
	{ "cat", cat_main, "input as datagrams, datagrams as output" },
	{ NULL },
};

static void usage(FILE *out)
{
	const struct command *cmd;

	fprintf(out, "Usage: ttp COMMAND [ARG]...\n\nCommands:\n");
	for (cmd = commands; cmd->name; cmd++)
		fprintf(out, "  %-8s%s\n", cmd->name, cmd->what);
	fprintf(out, "  %-8s%s\n", "help", "this, or 'ttp help COMMAND'");
	fprintf(out, "\n'ttp COMMAND --help' says more; 'ttp --version'.\n");
}

static int run(int argc, char **argv)
{
	const struct command *cmd = commands;
	static char name[NAME_LEN];

	while (cmd->name && strcmp(cmd->name, argv[0]))
		cmd++;
	if (!cmd->name) {
		warnx("there is no command '%s'", argv[0]);
		usage(stderr);
		return STATUS_USAGE;
	}

	snprintf(name, sizeof(name), "ttp %s", cmd->name);
	argv[0] = name;
	program_invocation_name = name;
	program_invocation_short_name = name;
	return cmd->main(argc, argv);
}

static int is_one_of(const char *arg, const char *a, const char *b)
{
	return !strcmp(arg, a) || !strcmp(arg, b);
}

/* "ttp help cat" is "ttp cat --help". */
static int run_help(int argc, char **argv)
{
	if (argc > 1) {
		argv[0] = argv[1];
		argv[1] = strdup("--help");
		return run(2, argv);
	}
	usage(stdout);
	return 0;
}

/* Or a socket would be taken for standard input. */
static void open_standard_fds(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

int main(int argc, char **argv)
{
	open_standard_fds();
	argp_err_exit_status = STATUS_USAGE;

	if (argc < 2) {
		usage(stderr);
		return STATUS_USAGE;
	}
	if (is_one_of(argv[1], "--version", "-V")) {
		puts(argp_program_version);
		return 0;
	}
	if (is_one_of(argv[1], "--help", "-h") || !strcmp(argv[1], "help"))
		return run_help(argc - 1, argv + 1);
	return run(argc - 1, argv + 1);
}
