#ifndef MANYHEADS_BACKBONE_KERNELS_H
#define MANYHEADS_BACKBONE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

// The backbone's elementwise work, on the threads of libgomp that oneDNN uses. Counts are
// elements. Every result is independent of `threads`; the dense layer's depends on whether the
// processor fuses multiplication and addition.

// values[r, i] = pixels[rows[r], i] / 255; rows from row_count up to padded_row_count become zeros.
// rows: [row_count] indices of samples; pixels: [sample, pixel]; values: [padded row, pixel]
void backbone_load(const uint8_t *pixels, const uint32_t *rows, size_t row_count,
                   size_t padded_row_count, size_t pixel_count, float *values, int threads);

// Inverted dropout in place: a unit is kept, times `scale`, if its random byte is at least
// `threshold`, and is zero otherwise.
//
// Units are numbered as they lie in a row, 16 bytes to a Philox4x32-10 block with key `seed` and
// counter (rows[r], epoch, 0, purpose << 24 | block number); the bytes of a block are its words'
// in order, little-endian.
// values: [row, unit]; unit_count: a multiple of 16
struct backbone_dropout_units {
    float *values;
    size_t row_count;
    size_t unit_count;
    const uint32_t *rows;
    uint64_t seed;
    uint32_t epoch;
    uint32_t purpose;
    uint32_t threshold;
    float scale;
};
void backbone_dropout(const struct backbone_dropout_units *dropout, int threads);

// gradients[i] = outputs[i] > 0 ? gradients[i] * scale : 0: backwards through ReLU and through a
// dropout of that scale after it, both of which left a zero wherever the gradient ends.
void backbone_relu_backward(const float *outputs, float *gradients, float scale, size_t count,
                            int threads);

// Softmax cross-entropy of row_count rows: each row's loss, whether its largest logit (the first
// of equals) is the label's, and the gradient of the sum of losses over row_count. Rows from
// row_count up to padded_row_count get a gradient of zero.
// logits, gradients: [padded row, class]; class_weights: [class], what loss and gradient of a row
// are multiplied by, or null
void backbone_softmax(const float *logits, const int32_t *labels,
                      const float *_Nullable class_weights, size_t row_count,
                      size_t padded_row_count, size_t class_count, float *gradients, float *losses,
                      uint8_t *hits, int threads);

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
struct backbone_adadelta_rates {
    float learning_rate, rho, epsilon;
};
void backbone_adadelta(const struct backbone_parameter *parameters, size_t parameter_count,
                       const struct backbone_adadelta_rates *rates, int threads);

// A dense layer's gradient of its weights and biases: sums over rows in the order of rows. The
// update is Adadelta's, block by block while the block's gradient is in the cache, so that the
// gradient of a large layer never goes to memory.
struct backbone_dense {
    size_t row_count;
    // Multiples of 32 and of 16.
    size_t input_count;
    size_t output_count;
    // [row, input]
    const float *sources;
    // [row, output]: the gradient of what the layer gives
    const float *gradients;
    // [output]; written
    float *bias_gradients;
    // As many floats as backbone_dense_scratch_count says.
    float *scratch;
};
size_t backbone_dense_scratch_count(size_t row_count, size_t output_count, int threads);
// weight_gradients: [input, output]
void backbone_dense_gradients(const struct backbone_dense *layer, float *weight_gradients,
                              int threads);
// weights: [input, output]; its gradients are not looked at.
void backbone_dense_update(const struct backbone_dense *layer,
                           const struct backbone_parameter *weights,
                           const struct backbone_adadelta_rates *rates, int threads);

#pragma clang assume_nonnull end

#endif
