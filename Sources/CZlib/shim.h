#ifndef MANYHEADS_CZLIB_SHIM_H
#define MANYHEADS_CZLIB_SHIM_H

#include <zlib.h>

#endif
