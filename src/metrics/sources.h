/* What came in, by source. Names of sources are labels, so their number is bounded: the first METRICS_SOURCES_MAX sources that there are have
 * series of their own, the others share one that is called "other"; one that is deleted makes room. Series are named by kind ("api", the scheme of a
 * source, "hub" for the hub's own events) and source (its uid, or its id). */
#ifndef GRAPNEL_METRICS_SOURCES_H
#define GRAPNEL_METRICS_SOURCES_H

#include <stdint.h>

enum { METRICS_SOURCES_MAX = 100 };

/* Beside ids of sources, which are positive. */
enum { METRICS_SOURCE_API = 0, METRICS_SOURCE_HUB = -1, METRICS_SOURCE_UNKNOWN = -2 };

/* As in labels.def. */
enum metrics_ingest { INGEST_ACCEPTED, INGEST_DUPLICATE, INGEST_REFUSED, INGEST_FAILED };

/* Any thread. There is a source, or it is called otherwise now; it is there no more. */
void metrics_source(int64_t id, const char *kind, const char *name);
void metrics_source_gone(int64_t id);

void metrics_ingested(int64_t source, enum metrics_ingest result, uint64_t count);
/* A request was refused: counted as refused, too. */
void metrics_rejected(int64_t source, unsigned reason);

/* Shows what was counted: `counts` are those of the label INGEST, or of REJECTION. */
typedef void metrics_source_visit(void *context, const char *kind, const char *source, const uint64_t *counts);
void metrics_sources_ingested(metrics_source_visit *visit, void *context);
void metrics_sources_rejected(metrics_source_visit *visit, void *context);

#endif
