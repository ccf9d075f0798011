// Logits of linear heads for rows of features: the product under every prediction.
//
// What a logit's bits are is defined by `logit_kernels_scalar.c`; every other variant gives the same
// bits, faster. The definition, for d features in blocks of LOGIT_BLOCK, the last one shorter:
//
//   s = fma(w[f], x[f], s) over the features of a block, ascending, from s = 0
//   z = b + s of the first block, then + s of the second, and so on
//
// So a logit depends on its row and its weights only: not on the rows and outputs beside it, nor on
// where they stand. The blocks keep rounding errors small where there are thousands of features.
//
// Counts are elements. Pointers never alias and are never null unless a comment says so.

#ifndef MANYHEADS_LOGIT_KERNELS_H
#define MANYHEADS_LOGIT_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Features that are added up in one chain.
#define LOGIT_BLOCK 128
// What rows of logits are padded to.
#define LOGIT_PADDING 16

// Outputs asked about rows. Weights and features are row-major, `feature_count` apart.
struct logit_request {
    const float *features;      // [sample][feature]
    const int32_t *rows;        // [row_count]: samples, in any order
    size_t row_count;
    size_t feature_count;       // d, any number
    const float *weights;       // [output][feature]
    const float *biases;        // [output]
    const size_t *outputs;      // [output_count]: of weights and biases
    size_t output_count;
    float *logits;              // [output_count][row], `logit_stride` apart; past the rows anything
    size_t logit_stride;        // row_count rounded up to LOGIT_PADDING, or more
    float not_a_number;         // what stands for a logit that is NaN
};

// The kernel for one instruction set.
struct logit_kernel_variant {
    const char *name;
    bool (*is_supported)(void);
    void (*fill)(const struct logit_request *request);
};

// Every variant of this build: 0 is the scalar reference, the last one the fastest.
uint32_t logit_kernel_variant_count(void);
const struct logit_kernel_variant *logit_kernel_variant_at(uint32_t index);

#endif
