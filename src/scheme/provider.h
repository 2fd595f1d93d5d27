/* What a provider's file includes. Each defines its row of schemes.def, `const struct scheme scheme_…`. */
#ifndef GRAPNEL_SCHEME_PROVIDER_H
#define GRAPNEL_SCHEME_PROVIDER_H

#include "scheme/body.h"
#include "scheme/hmac.h"
#include "scheme/request.h"
#include "scheme/scheme.h"

/* A list of headers that become attributes. */
#define KEEP(...) ((const char *const[]){__VA_ARGS__, NULL})
#define SAMPLES(...) ((const struct scheme_sample[]){__VA_ARGS__, {0}})
#define SETTINGS(...) ((const struct scheme_setting[]){__VA_ARGS__, {0}})

#define JSON_TYPE "application/json"
#define FORM_TYPE "application/x-www-form-urlencoded"

enum { TOLERANCE_DEFAULT_S = 300 };

#define SCHEME(name) extern const struct scheme scheme_##name;
#include "scheme/schemes.def"
#undef SCHEME

#endif
