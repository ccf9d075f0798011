#ifndef MANYHEADS_CONEDNN_SHIM_H
#define MANYHEADS_CONEDNN_SHIM_H

#include <oneapi/dnnl/dnnl.h>

// A memory whose block is set later; Swift imports no macro that is a cast.
static inline dnnl_status_t manyheads_memory_create_unbound(
    dnnl_memory_t *memory, const dnnl_memory_desc_t *descriptor, dnnl_engine_t engine) {
    return dnnl_memory_create(memory, descriptor, engine, DNNL_MEMORY_NONE);
}

// From libgomp, on whose threads oneDNN runs. Its omp.h lies in gcc's private folder, where clang
// does not look, so the prototype is repeated here.
void omp_set_num_threads(int count);

#endif
