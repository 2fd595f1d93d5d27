/* Whether the process or the system is out of descriptors or memory for another socket: trouble of our own, which no endpoint's
 * delivery may pay for. Stateless. */
#ifndef GRAPNEL_DELIVER_SHORTAGE_H
#define GRAPNEL_DELIVER_SHORTAGE_H

#include <stdbool.h>

bool shortage_errno(int error);
/* Tries: for libraries that do not tell why they failed. */
bool shortage_now(void);

#endif
