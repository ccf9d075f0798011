#ifndef MANYHEADS_BACKBONE_KERNELS_H
#define MANYHEADS_BACKBONE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

// The backbone's elementwise work, on the threads of libgomp that oneDNN uses. Counts are
// elements. Every result is independent of `threads` and of the instruction set.

// values[r, i] = pixels[rows[r], i] / 255; rows from row_count up to padded_row_count become zeros.
// rows: [row_count] indices of samples; pixels: [sample, pixel]; values: [padded row, pixel]
void backbone_load(
    const uint8_t *pixels, const uint32_t *rows, size_t row_count, size_t padded_row_count,
    size_t pixel_count, float *values, int threads);

// Inverted dropout in place: a unit is kept, times `scale`, if its random byte is at least
// `threshold`, and is zero otherwise.
//
// Units are numbered [position, channel] whatever their layout, 16 bytes to a Philox4x32-10 block
// with key `seed` and counter (rows[r], epoch, 0, purpose << 24 | block number); the bytes of a
// block are its words' in order, little-endian.
struct backbone_dropout_units {
    float *values;
    size_t row_count;
    size_t row_stride;
    const uint32_t *rows;
    size_t position_count;
    size_t position_stride;
    // Blocks of 16 channels.
    size_t channel_block_count;
    // Channels that lie side by side (a power of two up to 16), and the way to the next such run.
    size_t lanes;
    size_t lane_block_stride;
    uint64_t seed;
    uint32_t epoch;
    uint32_t purpose;
    uint32_t threshold;
    float scale;
};
void backbone_dropout(const struct backbone_dropout_units *dropout, int threads);

// gradients[i] = outputs[i] > 0 ? gradients[i] * scale : 0: backwards through ReLU and through a
// dropout of that scale after it, both of which left a zero wherever the gradient ends.
void backbone_relu_backward(
    const float *outputs, float *gradients, float scale, size_t count, int threads);

// Softmax cross-entropy of row_count rows: each row's loss, whether its largest logit (the first
// of equals) is the label's, and the gradient of the mean loss. Rows from row_count up to
// padded_row_count get a gradient of zero.
// logits, gradients: [padded row, class]
void backbone_softmax(
    const float *logits, const int32_t *labels, size_t row_count, size_t padded_row_count,
    size_t class_count, float *gradients, float *losses, uint8_t *hits, int threads);

// One step of Adadelta in Keras's form (Zeiler, arXiv 1212.5701, algorithm 1, with a learning
// rate): a = rho a + (1 - rho) g^2; u = g sqrt(d + eps) / sqrt(a + eps); w -= rate u;
// d = rho d + (1 - rho) u^2.
struct backbone_parameter {
    float *weights;
    const float *gradients;
    float *squared_gradients;
    float *squared_updates;
    size_t count;
};
void backbone_adadelta(
    const struct backbone_parameter *parameters, size_t parameter_count, float learning_rate,
    float rho, float epsilon, int threads);

#pragma clang assume_nonnull end

#endif
