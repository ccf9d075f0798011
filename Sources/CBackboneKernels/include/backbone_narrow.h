#ifndef MANYHEADS_BACKBONE_NARROW_H
#define MANYHEADS_BACKBONE_NARROW_H

#include <stddef.h>
#include <stdint.h>

#include "backbone_convolutions.h"

#pragma clang assume_nonnull begin

// What is left of the convolutional half when a library computes the second convolution, in
// numbers that may be narrower: the first convolution, ReLU and pooling, and the way into and out
// of narrow numbers. Sums over images are as in backbone_convolutions.h.

enum backbone_number {
    backbone_number_fp32 = 0,
    // The upper half of an fp32, rounded to nearest, ties to even.
    backbone_number_bf16 = 1,
};

struct backbone_narrow {
    // Its outputs1, weights2, bias2 and scratch are not looked at.
    struct backbone_convolutions net;
    enum backbone_number number;
    // After ReLU: [row, height - 2, width - 2, 32]
    void *outputs1;
    // Before ReLU: [row, height - 4, width - 4, 64]; the gradient of it on the way back
    void *outputs2;
    // On the way back, shaped like outputs1.
    void *gradients1;
    // As many floats as backbone_narrow_scratch_count says.
    float *scratch;
};

// Floats of scratch memory for that many threads.
size_t backbone_narrow_scratch_count(size_t channel_count, size_t height, size_t width,
                                     int threads);

// From input to outputs1.
void backbone_narrow_first(const struct backbone_narrow *net, int threads);

// From outputs2 to pooled and choices.
void backbone_narrow_pool(const struct backbone_narrow *net, int threads);

// From the gradient of `pooled`, taken back through ReLU and a dropout of that scale after it, to
// that of outputs2, which is written in its place.
void backbone_narrow_unpool(const struct backbone_narrow *net, const float *pooled_gradients,
                            float scale, int threads);

// From gradients1 to the gradients of the first convolution's weights and bias.
void backbone_narrow_first_back(const struct backbone_narrow *net, float *weights1, float *bias1,
                                int threads);

// into[i] = from[i], rounded; count: a multiple of 16
void backbone_narrow_copy(const float *from, void *into, enum backbone_number number, size_t count,
                          int threads);

#pragma clang assume_nonnull end

#endif
