/* Routes as a tree of path segments: a node has its fixed segments and at most one parameter below it. Read-only once built. */
#include "http/router.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

/* A method that ends at a node. */
struct route_end {
	struct route_end *next;
	const char *method;
	size_t index;
};

struct route_node {
	struct route_node *next;  /* the next fixed segment beside this one */
	struct slice segment;	  /* of the pattern's text; unused in a parameter */
	struct route_node *fixed; /* below */
	struct route_node *param; /* below */
	struct route_end *ends;	  /* in the order of the table; empty: no route ends here */
};

struct router {
	struct route_node root;
};

/* Cuts the first segment off a path that begins with '/'. */
static struct slice segment_cut(struct slice *path)
{
	const char *begin = path->at + 1;
	size_t len = path->len - 1;
	const char *end = memchr(begin, '/', len);
	struct slice segment = {begin, end ? (size_t)(end - begin) : len};
	path->at = begin + segment.len;
	path->len = len - segment.len;
	return segment;
}

static bool segment_is_param(struct slice segment)
{
	return segment.len > 2 && segment.at[0] == '{' && segment.at[segment.len - 1] == '}';
}

static struct route_node *fixed_find(const struct route_node *node, struct slice segment)
{
	for (struct route_node *below = node->fixed; below; below = below->next)
		if (slice_equal(below->segment, segment))
			return below;
	return NULL;
}

static struct route_node *node_below(struct route_node *node, struct slice segment)
{
	if (segment_is_param(segment)) {
		if (!node->param)
			node->param = mem_new(struct route_node);
		return node->param;
	}
	struct route_node *below = fixed_find(node, segment);
	if (!below) {
		below = mem_new(struct route_node);
		below->segment = segment;
		below->next = node->fixed;
		node->fixed = below;
	}
	return below;
}

static void router_add(struct router *router, const struct route_pattern *pattern, size_t index)
{
	struct route_node *node = &router->root;
	struct slice rest = slice_of(pattern->path);
	unsigned params = 0;
	do {
		if (rest.len == 0 || rest.at[0] != '/')
			log_fatal("http", "the route %s does not begin with a slash", pattern->path);
		struct slice segment = segment_cut(&rest);
		params += segment_is_param(segment);
		node = node_below(node, segment);
	} while (rest.len);
	if (params > ROUTE_PARAMS_MAX)
		log_fatal("http", "the route %s has too many parameters", pattern->path);
	struct route_end **place = &node->ends;
	for (; *place; place = &(*place)->next)
		if (strcmp((*place)->method, pattern->method) == 0)
			log_fatal("http", "the route %s %s is there twice", pattern->method, pattern->path);
	*place = mem_new(struct route_end);
	(*place)->method = pattern->method;
	(*place)->index = index;
}

struct router *router_new(const struct route_pattern *patterns, size_t len)
{
	struct router *router = mem_new(struct router);
	for (size_t i = 0; i < len; i++)
		router_add(router, &patterns[i], i);
	return router;
}

static void node_free(struct route_node *node)
{
	while (node) {
		struct route_node *next = node->next;
		node_free(node->fixed);
		node_free(node->param);
		for (struct route_end *end = node->ends, *after; end; end = after) {
			after = end->next;
			free(end);
		}
		free(node);
		node = next;
	}
}

void router_free(struct router *router)
{
	if (!router)
		return;
	node_free(router->root.fixed);
	node_free(router->root.param);
	free(router);
}

/* The node where the path ends and some route does; its depth is bounded by the deepest pattern. Parameters are set on the way
 * back, so that a branch that led nowhere leaves none. */
static const struct route_node *node_match(const struct route_node *node, struct slice rest, struct slice *params, unsigned params_len)
{
	if (rest.len == 0)
		return node->ends ? node : NULL;
	struct slice segment = segment_cut(&rest);
	const struct route_node *below = fixed_find(node, segment);
	const struct route_node *found = below ? node_match(below, rest, params, params_len) : NULL;
	if (found || !node->param || segment.len == 0)
		return found;
	found = node_match(node->param, rest, params, params_len + 1);
	if (found)
		params[params_len] = segment;
	return found;
}

static void allow_add(char *allow, size_t size, const char *method)
{
	size_t len = strlen(allow), more = strlen(method), comma = len ? 2 : 0;
	if (len + comma + more >= size)
		return;
	memcpy(allow + len, ", ", comma);
	memcpy(allow + len + comma, method, more + 1);
}

static const struct route_end *end_find(const struct route_end *ends, struct slice method)
{
	for (; ends; ends = ends->next)
		if (slice_is(method, ends->method))
			return ends;
	return NULL;
}

static void allow_list(const struct route_end *ends, char *allow, size_t size)
{
	if (size)
		allow[0] = '\0';
	for (const struct route_end *end = ends; end; end = end->next) {
		allow_add(allow, size, end->method);
		if (strcmp(end->method, "GET") == 0 && !end_find(ends, SLICE_LITERAL("HEAD")))
			allow_add(allow, size, "HEAD");
	}
}

enum route_found router_find(const struct router *router, struct slice method, struct slice path, size_t *index,
			     struct slice params[ROUTE_PARAMS_MAX], char *allow, size_t allow_size)
{
	if (path.len == 0 || path.at[0] != '/')
		return ROUTE_NO_PATH;
	const struct route_node *node = node_match(&router->root, path, params, 0);
	if (!node)
		return ROUTE_NO_PATH;
	const struct route_end *end = end_find(node->ends, method);
	if (!end && slice_is(method, "HEAD"))
		end = end_find(node->ends, SLICE_LITERAL("GET"));
	if (!end) {
		allow_list(node->ends, allow, allow_size);
		return ROUTE_NO_METHOD;
	}
	*index = end->index;
	return ROUTE_FOUND;
}
