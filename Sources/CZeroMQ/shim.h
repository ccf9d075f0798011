#ifndef MANYHEADS_CZEROMQ_SHIM_H
#define MANYHEADS_CZEROMQ_SHIM_H

#include <zmq.h>

#endif
