/* The pulse of the threads that a hub lives by. One thread, the watch, asks all of them at the same time whether they get on; each is woken
 * through its inbox and answers at its next turn, when whatever it was at is done. So an answer means that the thread turns, and one that hangs
 * in a call never gives one. Between two questions nobody does anything: whoever sleeps sleeps on, and a hub that nobody asks is never woken.
 *
 * A thread takes part by three calls of its own; what they share stands behind one lock, which is taken at the begin and the end of a thread and
 * by the watch alone. */
#ifndef GRAPNEL_BASE_PULSE_H
#define GRAPNEL_BASE_PULSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/inbox.h"

/* By the thread: from now on it is asked, through its inbox, which must live until pulse_end(). `name` is static text. */
void pulse_begin(const char *name, struct inbox *inbox);
/* At each of its turns, after it took what its inbox holds and before it sleeps. Answers, if it was asked. */
void pulse_beat(void);
/* Before it ends: it is asked no more. */
void pulse_end(void);

/* By the watch, one at a time. Asks all threads anew; `watch` is woken when the last one has answered. Only when pulse_awaited() is 0. */
void pulse_ask(struct inbox *watch);
/* How many have not answered yet. Any thread. */
unsigned pulse_awaited(void);
/* Their names, "write, http". */
void pulse_names(char *out, size_t size);

#endif
