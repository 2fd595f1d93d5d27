/* Where the hub listens. */
#include "ports.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"

bool ports_have(const struct ports *ports, enum http_role role)
{
	for (size_t i = 0; i < ports->len; i++)
		if (!ports->at[i].socket_path && ports->at[i].role == role)
			return true;
	return false;
}

static void add(struct ports *ports, const struct conf *conf, const char *address, int fd, enum http_role role)
{
	int64_t which = conf->tls_ports;
	bool tls = conf->tls_certificate && (which == TLS_ALL || (which == TLS_PUBLIC) == (role == HTTP_PUBLIC));
	ports->at[ports->len++] = (struct http_listen){.address = address, .fd = fd, .tls = tls, .role = role};
}

static const struct {
	const char *name;
	enum http_role role;
} roles[] = {{"listen", HTTP_ALL}, {"listen.public", HTTP_PUBLIC}, {"listen.api", HTTP_API}};

static int add_passed(struct ports *ports, const struct conf *conf, struct err *err)
{
	for (size_t i = 0; i < ports->passed.len; i++) {
		const struct systemd_socket *passed = &ports->passed.at[i];
		size_t role = 0;
		while (role < sizeof roles / sizeof *roles && strcmp(passed->name, roles[role].name) != 0)
			role++;
		if (role == sizeof roles / sizeof *roles)
			return err_set(err, ERR_INVALID,
			               "the service manager passed the port %s with the name \"%s\"; it must say in whose place it stands: FileDescriptorName=listen, "
			               "listen.public or listen.api in the socket unit",
			               passed->address, passed->name);
		add(ports, conf, passed->address, passed->fd, roles[role].role);
	}
	if (ports_have(ports, HTTP_ALL) && (ports_have(ports, HTTP_API) || conf->listen_api))
		return err_set(err, ERR_INVALID,
		               "the service manager passed a port with the name listen, and there is listen.api in place of listen: give the socket unit "
		               "FileDescriptorName=listen.api, or unset listen.api");
	return 0;
}

/* What was passed stands in place of the option of its name. The port for the internet stands behind the others. */
int ports_plan(struct ports *ports, const struct conf *conf, bool serves, struct err *err)
{
	*ports = (struct ports){0};
	if (serves && (systemd_sockets(&ports->passed, err) || add_passed(ports, conf, err)))
		return -1;
	if (!ports_have(ports, HTTP_ALL) && !ports_have(ports, HTTP_API))
		add(ports, conf, conf->listen_api ? conf->listen_api : conf->listen, 0, conf->listen_api ? HTTP_API : HTTP_ALL);
	if (conf->listen_public && !ports_have(ports, HTTP_PUBLIC))
		add(ports, conf, conf->listen_public, 0, HTTP_PUBLIC);
	return 0;
}

/* ---- The admin socket ---------------------------------------------------------------------------------------------------------- */

static int group_find(const char *name, gid_t *gid, struct err *err)
{
	char *end;
	errno = 0;
	unsigned long number = strtoul(name, &end, 10);
	if (name[0] >= '0' && name[0] <= '9' && *end == '\0' && errno == 0 && number < (gid_t)-1) {
		*gid = (gid_t)number;
		return 0;
	}
	errno = 0;
	const struct group *group = getgrnam(name); /* no other thread asks */
	if (!group)
		return err_set(err, ERR_INVALID, "socket.group: there is no group %s%s%s on this machine", name, errno ? ": " : "", errno ? strerror(errno) : "");
	*gid = group->gr_gid;
	return 0;
}

int ports_check_group(const struct conf *conf, struct err *err)
{
	gid_t group;
	return conf->socket_group ? group_find(conf->socket_group, &group, err) : 0;
}

/* The socket helps nobody who cannot get at it. */
static void warn_of_folder(const struct conf *conf, int folder_fd, gid_t group)
{
	struct stat folder;
	if (fstat(folder_fd, &folder) == 0 && !(folder.st_mode & S_IXOTH) && (folder.st_gid != group || !(folder.st_mode & S_IXGRP)))
		log_warn("hub", "members of the group %s do not reach the admin socket: chgrp %s %s; chmod 0710 %s", conf->socket_group, conf->socket_group,
		         conf->data, conf->data);
}

int ports_add_admin(struct ports *ports, const struct conf *conf, int folder_fd, struct err *err)
{
	struct http_listen *admin = &ports->at[ports->len];
	*admin = (struct http_listen){.socket_path = "grapnel.sock", .socket_dir_fd = folder_fd};
	if (conf->socket_group) {
		if (group_find(conf->socket_group, &ports->group, err))
			return -1;
		admin->socket_group = &ports->group;
		warn_of_folder(conf, folder_fd, ports->group);
	}
	ports->len++;
	return 0;
}
