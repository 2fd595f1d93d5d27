/* A name server on loopback for tests: a thread that answers A queries by the first label of the name: public → 1.1.1.1,
 * loopback → 127.0.0.1, mixed → that and 10.0.0.1, many → 20 addresses, missing → NXDOMAIN, broken → SERVFAIL, silent → no answer. AAAA
 * queries get an empty answer, or none where the name is silent. */
#ifndef GRAPNEL_TESTS_NAME_SERVER_H
#define GRAPNEL_TESTS_NAME_SERVER_H

struct name_server;
struct name_server *name_server_start(unsigned ttl_s);
/* "127.0.0.1:port" */
const char *name_server_address(const struct name_server *server);
unsigned name_server_queries(struct name_server *server); /* A queries so far */
void name_server_stop(struct name_server *server);

#endif
