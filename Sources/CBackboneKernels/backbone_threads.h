#ifndef MANYHEADS_BACKBONE_THREADS_H
#define MANYHEADS_BACKBONE_THREADS_H

#include <stddef.h>

// libgomp's entry points, which gcc emits for `#pragma omp parallel`; this compiler's own OpenMP
// would bring a second set of threads.
extern void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);
extern int omp_get_thread_num(void);
extern int omp_get_num_threads(void);

// Not under the thread sanitizer: the dynamic linker chooses a clone before the sanitizer has begun,
// and the chooser, which is instrumented too, would crash. Without clones the results' bits may differ.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MANYHEADS_NO_CLONES
#endif
#endif
#if defined(__x86_64__) && !defined(MANYHEADS_NO_CLONES)
#define PER_ISA __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define PER_ISA
#endif
#define INLINE static inline __attribute__((always_inline))

struct part {
    size_t begin, end;
};

// The current thread's part of `count`, in multiples of `grain`.
static inline struct part own_part(size_t count, size_t grain) {
    size_t threads = (size_t)omp_get_num_threads();
    size_t thread = (size_t)omp_get_thread_num();
    size_t grains = (count + grain - 1) / grain;
    size_t begin = grains * thread / threads * grain;
    size_t end = grains * (thread + 1) / threads * grain;
    return (struct part){begin < count ? begin : count, end < count ? end : count};
}

static inline void run(void (*body)(void *), void *data, int threads) {
    GOMP_parallel(body, data, threads > 0 ? (unsigned)threads : 1u, 0);
}

#endif
