#ifndef MANYHEADS_BACKBONE_CONVOLUTIONS_H
#define MANYHEADS_BACKBONE_CONVOLUTIONS_H

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

// The convolutional half of the backbone, forwards and backwards: convolution 32 3x3, ReLU,
// convolution 64 3x3, ReLU, 2x2 maximum pooling; stride 1, no padding, an odd last row or column
// left out by pooling. The second convolution is Winograd's F(4x4, 3x3) (Lavin and Gray,
// arXiv 1509.09308), its backward pass that algorithm's transpose, so that all three products
// take a quarter of the multiplications. Its output is pooled tile by tile and never stored.
//
// Sums over images go through one partial sum a thread, added in the threads' order: bits depend
// on the number of threads, and on whether the processor fuses multiplication and addition.

// Everything is contiguous, the last dimension innermost.
struct backbone_convolutions {
    size_t row_count, channel_count, height, width;
    // [row, channel, height, width]
    const float *input;
    // [3, 3, channel, 32], [32], [3, 3, 32, 64], [64]
    const float *weights1;
    const float *bias1;
    const float *weights2;
    const float *bias2;
    // After ReLU: [row, height - 2, width - 2, 32]
    float *outputs1;
    // [row, (height - 4) / 2, (width - 4) / 2, 64]
    float *pooled;
    // Which of its square's four each pooled value was, row-major; shaped like `pooled`.
    uint8_t *choices;
    // As many floats as backbone_convolution_scratch_count says.
    float *scratch;
};

struct backbone_convolution_gradients {
    // Shaped like `pooled`; taken back through ReLU, and a dropout of that scale after it, here:
    // it counts only where `pooled` is above zero.
    const float *pooled;
    float scale;
    // Rows that have a gradient, from the first; the others' is zero.
    size_t row_count;
    // Shaped like the weights and biases; written.
    float *weights1;
    float *bias1;
    float *weights2;
    float *bias2;
};

// Floats of scratch memory for that many threads.
size_t backbone_convolution_scratch_count(size_t channel_count, size_t height, size_t width,
                                          int threads);

// From input to outputs1, pooled and choices.
void backbone_convolutions_forward(const struct backbone_convolutions *net, int threads);

// From the pooled gradients to the weights' and biases', after a forward pass with these weights.
void backbone_convolutions_backward(const struct backbone_convolutions *net,
                                    const struct backbone_convolution_gradients *gradients,
                                    int threads);

#pragma clang assume_nonnull end

#endif
