/* What a storage engine implements: one table of functions, one folder. All but the reader functions are called on the writer's
 * thread (or before it starts). The reader functions are those of read.h, called on the reader's own thread. */
#ifndef GRAPNEL_STORE_ENGINE_H
#define GRAPNEL_STORE_ENGINE_H

#include "store/read.h"
#include "store/store.h"

/* News that a transaction collects for after its commit; see the listener in store.h. */
struct news;

/* The engine decides its own struct; store.c keeps it as an opaque pointer. The table stands in engine_ops (store/engine.h is
 * completed by the implementation: open, close, begin, run one command, commit, operation slice, backup step, probe, reader_*). */

#endif
