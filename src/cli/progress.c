/* Progress. */
#include "cli/progress.h"

#include <stdio.h>
#include <unistd.h>

enum { BAR_WIDTH = 30, BAR_EVERY_US = 100 * 1000, LINE_EVERY_US = 5 * 1000 * 1000 };

void progress_begin(struct progress *progress, const struct clock *clock, const char *what, int64_t total)
{
	*progress = (struct progress){
	    .clock = clock,
	    .what = what,
	    .total = total,
	    .bar = isatty(STDERR_FILENO) == 1,
	    .drawn_us = clock_mono_us(clock),
	};
}

static void draw_bar(const struct progress *progress, int64_t done)
{
	char bar[BAR_WIDTH + 1];
	int full = progress->total > 0 ? (int)(done * BAR_WIDTH / progress->total) : 0;

	for (int i = 0; i < BAR_WIDTH; i++)
		bar[i] = i < full ? '#' : '.';
	bar[BAR_WIDTH] = '\0';
	if (progress->total > 0)
		fprintf(stderr, "\r[%s] %3lld%%  %lld of %lld %s\033[K", bar, (long long)(done * 100 / progress->total), (long long)done,
		        (long long)progress->total, progress->what);
	else
		fprintf(stderr, "\r%lld %s\033[K", (long long)done, progress->what);
}

static void draw_line(const struct progress *progress, int64_t done)
{
	if (progress->total > 0)
		fprintf(stderr, "%lld of %lld %s\n", (long long)done, (long long)progress->total, progress->what);
	else
		fprintf(stderr, "%lld %s\n", (long long)done, progress->what);
}

void progress_show(struct progress *progress, int64_t done)
{
	int64_t now_us = clock_mono_us(progress->clock), tenth = 0;

	if (progress->total > 0 && done > progress->total)
		done = progress->total;
	if (progress->total > 0)
		tenth = done * 10 / progress->total;
	int64_t every_us = progress->bar ? BAR_EVERY_US : LINE_EVERY_US;
	bool due = progress->bar && (!progress->drawn || done == progress->total);
	if (!due && tenth == progress->tenth && now_us - progress->drawn_us < every_us)
		return;
	if (progress->bar)
		draw_bar(progress, done);
	else
		draw_line(progress, done);
	fflush(stderr);
	progress->drawn = true;
	progress->drawn_us = now_us;
	progress->tenth = tenth;
}

void progress_clear(struct progress *progress)
{
	if (progress->bar && progress->drawn)
		fputs("\r\033[K", stderr);
	fflush(stderr);
	progress->drawn = false;
}
