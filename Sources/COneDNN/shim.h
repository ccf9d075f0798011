#ifndef MANYHEADS_CONEDNN_SHIM_H
#define MANYHEADS_CONEDNN_SHIM_H

#include <oneapi/dnnl/dnnl.h>

#endif
