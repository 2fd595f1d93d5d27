/* The pace of a lane. */
#include "schedule/pace.h"

static int64_t interval_ns(const struct rate *rate)
{
	return (rate->per_ms * 1000000 + rate->limit - 1) / rate->limit;
}

int64_t pace_gate_us(const struct pace *pace, const struct rate *rate)
{
	return rate->limit ? (pace->next_ns + 999) / 1000 : 0;
}

void pace_take(struct pace *pace, const struct rate *rate, int64_t now_us)
{
	int64_t now_ns = now_us * 1000;
	if (rate->limit == 0)
		return;
	int64_t from_ns = now_ns - pace->next_ns > PACE_LATE_MAX_NS ? now_ns : pace->next_ns;
	pace->next_ns = from_ns + interval_ns(rate);
}

void pace_change(struct pace *pace, const struct rate *rate, int64_t now_us)
{
	int64_t most_ns = rate->limit ? now_us * 1000 + interval_ns(rate) : 0;
	if (pace->next_ns > most_ns)
		pace->next_ns = most_ns;
}
