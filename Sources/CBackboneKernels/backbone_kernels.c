#include "backbone_kernels.h"

#include <math.h>
#include <string.h>

#include "backbone_products.h"
#include "backbone_threads.h"

// Pixels.

struct load {
    const uint8_t *pixels;
    const uint32_t *rows;
    size_t row_count, padded_row_count, pixel_count;
    float *values;
};

PER_ISA static void load_row(const uint8_t *pixels, size_t count, float *values) {
    for (size_t i = 0; i < count; i++)
        values[i] = (float)pixels[i] / 255.0f;
}

static void load_body(void *data) {
    const struct load *load = data;
    struct part part = own_part(load->padded_row_count, 1);
    for (size_t row = part.begin; row < part.end; row++) {
        float *values = load->values + row * load->pixel_count;
        if (row < load->row_count) {
            load_row(load->pixels + load->rows[row] * load->pixel_count, load->pixel_count, values);
        } else {
            memset(values, 0, load->pixel_count * sizeof *values);
        }
    }
}

void backbone_load(const uint8_t *pixels, const uint32_t *rows, size_t row_count,
                   size_t padded_row_count, size_t pixel_count, float *values, int threads) {
    struct load load = {pixels, rows, row_count, padded_row_count, pixel_count, values};
    run(load_body, &load, threads);
}

// Dropout.

enum { BLOCKS = 8, BLOCK_BYTES = 16 };
typedef uint64_t u64x8 __attribute__((vector_size(8 * sizeof(uint64_t))));
typedef uint8_t u8x16 __attribute__((vector_size(16)));
typedef int32_t i32x16 __attribute__((vector_size(16 * sizeof(int32_t))));

// BLOCKS consecutive Philox blocks, 16 bytes each; `last` is the last counter word of the first.
// Each 32-bit word sits in a 64-bit lane, so that products keep their upper halves.
INLINE void philox_blocks(uint64_t seed, uint32_t row, uint32_t epoch, uint32_t last,
                          uint64_t words[2 * BLOCKS]) {
    const u64x8 low = (u64x8){} + 0xFFFFFFFFu;
    u64x8 x0 = (u64x8){} + row;
    u64x8 x1 = (u64x8){} + epoch;
    u64x8 x2 = {};
    u64x8 x3 = (u64x8){0, 1, 2, 3, 4, 5, 6, 7} + last;
    uint32_t k0 = (uint32_t)seed;
    uint32_t k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        u64x8 p0 = x0 * 0xD2511F53u;
        u64x8 p1 = x2 * 0xCD9E8D57u;
        x0 = (p1 >> 32) ^ x1 ^ (uint64_t)k0;
        x2 = (p0 >> 32) ^ x3 ^ (uint64_t)k1;
        x1 = p1 & low;
        x3 = p0 & low;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    u64x8 first = x0 | x1 << 32;
    u64x8 second = x2 | x3 << 32;
    for (int block = 0; block < BLOCKS; block++) {
        words[2 * block] = first[block];
        words[2 * block + 1] = second[block];
    }
}

// 16 units side by side; a mask instead of a branch, for no branch here can be predicted.
INLINE void drop_block(float *values, const uint8_t *bytes, uint32_t threshold, float scale) {
    u8x16 random;
    f32x16 units;
    memcpy(&random, bytes, sizeof random);
    memcpy(&units, values, sizeof units);
    i32x16 kept = __builtin_convertvector(random >= (uint8_t)threshold, i32x16);
    units = (f32x16)((i32x16)(units * scale) & kept);
    memcpy(values, &units, sizeof units);
}

PER_ISA static void drop_row(const struct backbone_dropout_units *dropout, size_t index) {
    const size_t count = dropout->unit_count / BLOCK_BYTES;
    float *values = dropout->values + index * dropout->unit_count;
    for (size_t base = 0; base < count; base += BLOCKS) {
        uint64_t words[2 * BLOCKS];
        philox_blocks(dropout->seed, dropout->rows[index], dropout->epoch,
                      dropout->purpose << 24 | (uint32_t)base, words);
        const uint8_t *bytes = (const uint8_t *)words;
        size_t live = count - base < BLOCKS ? count - base : BLOCKS;
        for (size_t block = 0; block < live; block++) {
            drop_block(values, bytes, dropout->threshold, dropout->scale);
            values += BLOCK_BYTES;
            bytes += BLOCK_BYTES;
        }
    }
}

static void drop_body(void *data) {
    const struct backbone_dropout_units *dropout = data;
    struct part part = own_part(dropout->row_count, 1);
    for (size_t row = part.begin; row < part.end; row++)
        drop_row(dropout, row);
}

void backbone_dropout(const struct backbone_dropout_units *dropout, int threads) {
    struct backbone_dropout_units copy = *dropout;
    run(drop_body, &copy, threads);
}

// ReLU backwards.

struct relu {
    const float *outputs;
    float *gradients;
    float scale;
    size_t count;
};

PER_ISA static void relu_part(const float *restrict outputs, float *restrict gradients, float scale,
                              size_t count) {
    for (size_t i = 0; i < count; i++) {
        gradients[i] = outputs[i] > 0.0f ? gradients[i] * scale : 0.0f;
    }
}

static void relu_body(void *data) {
    const struct relu *relu = data;
    struct part part = own_part(relu->count, 1024);
    relu_part(relu->outputs + part.begin, relu->gradients + part.begin, relu->scale,
              part.end - part.begin);
}

void backbone_relu_backward(const float *outputs, float *gradients, float scale, size_t count,
                            int threads) {
    struct relu relu = {outputs, gradients, scale, count};
    run(relu_body, &relu, threads);
}

// Softmax and cross-entropy.

struct softmax {
    const float *logits;
    const int32_t *labels;
    const float *class_weights;
    size_t row_count, padded_row_count, class_count;
    float *gradients;
    float *losses;
    uint8_t *hits;
};

static void softmax_row(const struct softmax *softmax, size_t row) {
    const size_t classes = softmax->class_count;
    const size_t label = (size_t)softmax->labels[row];
    const float *logits = softmax->logits + row * classes;
    float *gradients = softmax->gradients + row * classes;
    size_t best = 0;
    for (size_t class = 1; class < classes; class ++) {
        if (logits[class] > logits[best])
            best = class;
    }
    float sum = 0.0f;
    for (size_t class = 0; class < classes; class ++) {
        gradients[class] = expf(logits[class] - logits[best]);
        sum += gradients[class];
    }
    softmax->losses[row] = logf(sum) - (logits[label] - logits[best]);
    softmax->hits[row] = best == label;
    const float rows = (float)softmax->row_count;
    for (size_t class = 0; class < classes; class ++) {
        float probability = gradients[class] / sum;
        gradients[class] = (probability - (class == label ? 1.0f : 0.0f)) / rows;
    }
    if (!softmax->class_weights)
        return;
    const float weight = softmax->class_weights[label];
    softmax->losses[row] *= weight;
    for (size_t class = 0; class < classes; class ++)
        gradients[class] *= weight;
}

static void softmax_body(void *data) {
    const struct softmax *softmax = data;
    struct part part = own_part(softmax->padded_row_count, 1);
    for (size_t row = part.begin; row < part.end; row++) {
        if (row < softmax->row_count) {
            softmax_row(softmax, row);
        } else {
            float *gradients = softmax->gradients + row * softmax->class_count;
            memset(gradients, 0, softmax->class_count * sizeof *gradients);
        }
    }
}

void backbone_softmax(const float *logits, const int32_t *labels,
                      const float *_Nullable class_weights, size_t row_count,
                      size_t padded_row_count, size_t class_count, float *gradients, float *losses,
                      uint8_t *hits, int threads) {
    struct softmax softmax = {logits,      labels,    class_weights, row_count, padded_row_count,
                              class_count, gradients, losses,        hits};
    run(softmax_body, &softmax, threads);
}

// Adadelta.

INLINE void update_part(const struct backbone_parameter *parameter,
                        const struct backbone_adadelta_rates *rates,
                        const float *restrict gradients, size_t begin, size_t count) {
    float *restrict weights = parameter->weights + begin;
    float *restrict squared_gradients = parameter->squared_gradients + begin;
    float *restrict squared_updates = parameter->squared_updates + begin;
    const float rate = rates->learning_rate, rho = rates->rho, epsilon = rates->epsilon;
    const float rest = 1.0f - rho;
    for (size_t i = 0; i < count; i++) {
        float g = gradients[i];
        float d = squared_updates[i];
        float a = rho * squared_gradients[i] + rest * (g * g);
        float u = g * sqrtf(d + epsilon) / sqrtf(a + epsilon);
        squared_gradients[i] = a;
        weights[i] -= rate * u;
        squared_updates[i] = rho * d + rest * (u * u);
    }
}

struct adadelta {
    const struct backbone_parameter *parameters;
    size_t parameter_count;
    struct backbone_adadelta_rates rates;
};

PER_ISA static void adadelta_part(const struct backbone_parameter *parameter,
                                  const struct backbone_adadelta_rates *rates, size_t begin,
                                  size_t end) {
    update_part(parameter, rates, parameter->gradients + begin, begin, end - begin);
}

static void adadelta_body(void *data) {
    const struct adadelta *step = data;
    for (size_t p = 0; p < step->parameter_count; p++) {
        const struct backbone_parameter *parameter = &step->parameters[p];
        struct part part = own_part(parameter->count, 1024);
        adadelta_part(parameter, &step->rates, part.begin, part.end);
    }
}

void backbone_adadelta(const struct backbone_parameter *parameters, size_t parameter_count,
                       const struct backbone_adadelta_rates *rates, int threads) {
    struct adadelta step = {parameters, parameter_count, *rates};
    run(adadelta_body, &step, threads);
}

// The large dense layer's weights.

enum { BLOCK_INPUTS = 32 }; // 32 rows of weights at a time: sources and sums stay in the caches

struct dense {
    struct backbone_dense layer;
    float *gradients;
    struct backbone_parameter parameter;
    struct backbone_adadelta_rates rates;
};

// From the start of the scratch memory: gradients as [output / 16, row, 16]; then, for each
// thread, a block of sources as [row, BLOCK_INPUTS] and of sums as [BLOCK_INPUTS, output].
size_t backbone_dense_scratch_count(size_t row_count, size_t output_count, int threads) {
    return row_count * output_count +
           (size_t)(threads > 0 ? threads : 1) * BLOCK_INPUTS * (row_count + output_count);
}

static void pack_body(void *data) {
    const struct dense *dense = data;
    const struct backbone_dense *layer = &dense->layer;
    struct part part = own_part(layer->output_count, 16);
    for (size_t output = part.begin; output < part.end; output += 16) {
        f32x16 sum = {};
        float *panel = layer->scratch + output * layer->row_count;
        for (size_t row = 0; row < layer->row_count; row++) {
            f32x16 gradient = CONST_AT16(layer->gradients + row * layer->output_count + output);
            AT16(panel + row * 16) = gradient;
            sum += gradient;
        }
        AT16(layer->bias_gradients + output) = sum;
    }
}

PER_ISA static void dense_block(const struct dense *dense, float *sources, size_t input) {
    const struct backbone_dense *layer = &dense->layer;
    const size_t outputs = layer->output_count;
    for (size_t row = 0; row < layer->row_count; row++) {
        memcpy(sources + row * BLOCK_INPUTS, layer->sources + row * layer->input_count + input,
               BLOCK_INPUTS * sizeof *sources);
    }
    float *sums = dense->gradients ? dense->gradients + input * outputs
                                   : sources + layer->row_count * BLOCK_INPUTS;
    for (size_t output = 0; output < outputs; output += 16) {
        multiply(0, sources, 1, BLOCK_INPUTS, layer->scratch + output * layer->row_count, 16,
                 sums + output, outputs, BLOCK_INPUTS, 16, layer->row_count);
    }
    if (dense->gradients)
        return;
    update_part(&dense->parameter, &dense->rates, sums, input * outputs, BLOCK_INPUTS * outputs);
}

static void dense_body(void *data) {
    const struct dense *dense = data;
    const struct backbone_dense *layer = &dense->layer;
    float *own =
        layer->scratch + layer->row_count * layer->output_count +
        (size_t)omp_get_thread_num() * BLOCK_INPUTS * (layer->row_count + layer->output_count);
    struct part part = own_part(layer->input_count, BLOCK_INPUTS);
    for (size_t input = part.begin; input < part.end; input += BLOCK_INPUTS) {
        dense_block(dense, own, input);
    }
}

void backbone_dense_gradients(const struct backbone_dense *layer, float *weight_gradients,
                              int threads) {
    struct dense dense = {.layer = *layer, .gradients = weight_gradients};
    run(pack_body, &dense, threads);
    run(dense_body, &dense, threads);
}

void backbone_dense_update(const struct backbone_dense *layer,
                           const struct backbone_parameter *weights,
                           const struct backbone_adadelta_rates *rates, int threads) {
    struct dense dense = {.layer = *layer, .parameter = *weights, .rates = *rates};
    run(pack_body, &dense, threads);
    run(dense_body, &dense, threads);
}
