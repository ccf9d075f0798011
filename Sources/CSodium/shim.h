#ifndef MANYHEADS_CSODIUM_SHIM_H
#define MANYHEADS_CSODIUM_SHIM_H

#include <sodium.h>

#endif
