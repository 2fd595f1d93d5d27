/* Compiler attributes used in headers. */
#ifndef GRAPNEL_BASE_ATTR_H
#define GRAPNEL_BASE_ATTR_H

#define ATTR_MUST_USE __attribute__((warn_unused_result))
#define ATTR_PRINTF(at, first) __attribute__((format(printf, at, first)))
#define ATTR_NORETURN __attribute__((noreturn))

/* The structure that holds `member` at address `pointer`. */
#define CONTAINER_OF(pointer, type, member) ((type *)(void *)((char *)(pointer) - offsetof(type, member)))

#endif
