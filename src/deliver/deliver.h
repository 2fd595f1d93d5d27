/* Delivery: workers, one thread each, send requests with the libcurl multi interface. An endpoint belongs to one worker, so its
 * connections are reused without locks. A worker reads payloads that the scheduler did not pass, resolves and judges addresses,
 * signs, sends, caps what comes back, and turns the result into an outcome (verdict.h). A job for which the hub has no socket is given
 * back as at a stop: done() with the fate UNAVAILABLE, nothing is stored, no attempt is used up. */
#ifndef GRAPNEL_DELIVER_DELIVER_H
#define GRAPNEL_DELIVER_DELIVER_H

#include "base/budget.h"
#include "base/clock.h"
#include "base/err.h"
#include "deliver/egress.h"
#include "schedule/job.h"
#include "sign/seal.h"

struct deliver_config {
	struct store *store; /* outcomes are posted here; each worker opens a reader */
	struct budget *budget;
	const struct clock *clock;
	const struct master_key *master;
	const struct egress *egress;
	unsigned workers;
	unsigned idle_connections_max; /* that one worker keeps */
	const char *dns_servers; /* NULL or "": the system's */
	const char *authorities; /* a file of PEM certificates that are trusted; NULL: libcurl's own */
	const char *user_agent;  /* "grapnel/1.0" */
	const char *cloudevents_source; /* of events that did not come as CloudEvents */
	bool capture_success;
	void (*freed)(struct job *job); /* scheduler_freed */
};

struct deliver;
/* The texts and objects that the configuration points to must live until deliver_stop(). */
struct deliver *deliver_start(const struct deliver_config *config, struct err *err) ATTR_MUST_USE;
/* Takes the job over. Any thread; not after deliver_stop() began. */
void deliver_job(struct deliver *deliver, struct job *job);
/* Breaks off what is running and ends the threads. The jobs' done() is called with the fate UNAVAILABLE and nothing is stored: their rows
 * stay pending as they are, no attempt is used up by our own stop, and the next start sends them at once. NULL is allowed. */
void deliver_stop(struct deliver *deliver);

#endif
