#ifndef MANYHEADS_CMALLOC_SHIM_H
#define MANYHEADS_CMALLOC_SHIM_H

#include <malloc.h>

#endif
