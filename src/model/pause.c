/* The hub's own pause in memory, and how the API shows it. */
#include "model/pause.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

struct pause {
	pthread_mutex_t mutex;
	struct pause_view view; /* under the mutex */
};

struct pause *pause_new(void)
{
	struct pause *pause = mem_new(struct pause);
	pthread_mutex_init(&pause->mutex, NULL);
	return pause;
}

void pause_free(struct pause *pause)
{
	if (!pause)
		return;
	pthread_mutex_destroy(&pause->mutex);
	free(pause);
}

void pause_set(struct pause *pause, const struct pause_view *view)
{
	pthread_mutex_lock(&pause->mutex);
	pause->view = *view;
	pthread_mutex_unlock(&pause->mutex);
}

void pause_get(struct pause *pause, struct pause_view *view)
{
	*view = (struct pause_view){.since_ms = 0};
	if (!pause)
		return;
	pthread_mutex_lock(&pause->mutex);
	*view = pause->view;
	pthread_mutex_unlock(&pause->mutex);
}

bool pause_on(struct pause *pause)
{
	struct pause_view view;
	pause_get(pause, &view);
	return view.since_ms != 0;
}

const char *pause_reason_text(enum pause_reason reason)
{
	return reason == PAUSE_RESTORE ? "restore" : "operator";
}

static json_t *time_or_null(int64_t wall_ms)
{
	char text[CLOCK_RFC3339_SIZE];
	if (wall_ms == 0)
		return json_null();
	clock_format_rfc3339(wall_ms, text);
	return json_string(text);
}

json_t *pause_json(const struct pause_view *view)
{
	bool on = view->since_ms != 0;
	return json_pack("{s:b, s:o, s:s?, s:o}", "paused", on, "since", time_or_null(view->since_ms), "reason",
	                 on ? pause_reason_text(view->reason) : NULL, "backup_at", time_or_null(on ? view->backup_ms : 0));
}
