/* The window of a lane: how many attempts its endpoint may have in flight. It begins at max_in_flight, grows by one for each window of
 * successes, and is halved when the endpoint does not answer in time or says that it has too much to do (429, 503): once for what was in
 * flight together. After the breaker was open it begins at one, so that endpoints that recover together do not stampede. Pure. */
#ifndef GRAPNEL_SCHEDULE_WINDOW_H
#define GRAPNEL_SCHEDULE_WINDOW_H

#include <stdint.h>

struct window {
	float size;
	int max;
	int64_t shrunk_us; /* monotonic */
};

static inline void window_init(struct window *window, int max)
{
	*window = (struct window){.size = (float)max, .max = max};
}

static inline int window_size(const struct window *window)
{
	return (int)window->size;
}

/* max_in_flight is another one. */
static inline void window_bound(struct window *window, int max)
{
	if (window_size(window) >= window->max || window->size > (float)max)
		window->size = (float)max;
	window->max = max;
}

static inline void window_grow(struct window *window)
{
	float grown = window->size + 1 / window->size;
	window->size = grown < (float)window->max ? grown : (float)window->max;
}

/* For an attempt that began then. */
static inline void window_shrink(struct window *window, int64_t began_us, int64_t now_us)
{
	if (began_us < window->shrunk_us)
		return;
	window->size = window->size > 2 ? window->size / 2 : 1;
	window->shrunk_us = now_us;
}

static inline void window_restart(struct window *window)
{
	window->size = 1;
}

#endif
