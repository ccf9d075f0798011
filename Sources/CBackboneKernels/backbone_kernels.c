#include "backbone_kernels.h"

#include <math.h>
#include <string.h>

// libgomp's entry points, which gcc emits for `#pragma omp parallel`; this compiler's own OpenMP
// would bring a second set of threads.
extern void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);
extern int omp_get_thread_num(void);
extern int omp_get_num_threads(void);

#if defined(__x86_64__)
#define PER_ISA __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define PER_ISA
#endif

struct part {
    size_t begin, end;
};

// The current thread's part of `count`, in multiples of `grain`.
static struct part own_part(size_t count, size_t grain) {
    size_t threads = (size_t)omp_get_num_threads();
    size_t thread = (size_t)omp_get_thread_num();
    size_t grains = (count + grain - 1) / grain;
    size_t begin = grains * thread / threads * grain;
    size_t end = grains * (thread + 1) / threads * grain;
    return (struct part){begin < count ? begin : count, end < count ? end : count};
}

static void run(void (*body)(void *), void *data, int threads) {
    GOMP_parallel(body, data, threads > 0 ? (unsigned)threads : 1u, 0);
}

// Pixels.

struct load {
    const uint8_t *pixels;
    const uint32_t *rows;
    size_t row_count, padded_row_count, pixel_count;
    float *values;
};

PER_ISA static void load_row(const uint8_t *pixels, size_t count, float *values) {
    for (size_t i = 0; i < count; i++) values[i] = (float)pixels[i] / 255.0f;
}

static void load_body(void *data) {
    const struct load *load = data;
    struct part part = own_part(load->padded_row_count, 1);
    for (size_t row = part.begin; row < part.end; row++) {
        float *values = load->values + row * load->pixel_count;
        if (row < load->row_count) {
            load_row(
                load->pixels + load->rows[row] * load->pixel_count, load->pixel_count, values);
        } else {
            memset(values, 0, load->pixel_count * sizeof *values);
        }
    }
}

void backbone_load(
    const uint8_t *pixels, const uint32_t *rows, size_t row_count, size_t padded_row_count,
    size_t pixel_count, float *values, int threads) {
    struct load load = {pixels, rows, row_count, padded_row_count, pixel_count, values};
    run(load_body, &load, threads);
}

// Dropout.

enum { BLOCKS = 8, BLOCK_BYTES = 16 };
typedef uint64_t u64x8 __attribute__((vector_size(8 * sizeof(uint64_t))));
typedef uint8_t u8x16 __attribute__((vector_size(16)));
typedef int32_t i32x16 __attribute__((vector_size(16 * sizeof(int32_t))));
typedef float f32x16 __attribute__((vector_size(16 * sizeof(float))));

// BLOCKS consecutive Philox blocks, 16 bytes each; `last` is the last counter word of the first.
// Each 32-bit word sits in a 64-bit lane, so that products keep their upper halves.
static inline __attribute__((always_inline)) void philox_blocks(
    uint64_t seed, uint32_t row, uint32_t epoch, uint32_t last, uint64_t words[2 * BLOCKS]) {
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
static inline __attribute__((always_inline)) void drop_block(
    float *values, const uint8_t *bytes, uint32_t threshold, float scale) {
    u8x16 random;
    f32x16 units;
    memcpy(&random, bytes, sizeof random);
    memcpy(&units, values, sizeof units);
    i32x16 kept = __builtin_convertvector(random >= (uint8_t)threshold, i32x16);
    units = (f32x16)((i32x16)(units * scale) & kept);
    memcpy(values, &units, sizeof units);
}

static void drop_lanes(
    float *values, const uint8_t *bytes, size_t lanes, uint32_t threshold, float scale) {
    for (size_t lane = 0; lane < lanes; lane++) {
        values[lane] = bytes[lane] >= threshold ? values[lane] * scale : 0.0f;
    }
}

PER_ISA static void drop_row(const struct backbone_dropout_units *dropout, size_t index) {
    const size_t channel_blocks = dropout->channel_block_count;
    const size_t count = dropout->position_count * channel_blocks;
    const size_t runs = BLOCK_BYTES / dropout->lanes;
    float *position = dropout->values + index * dropout->row_stride;
    size_t channel_block = 0;
    for (size_t base = 0; base < count; base += BLOCKS) {
        uint64_t words[2 * BLOCKS];
        philox_blocks(
            dropout->seed, dropout->rows[index], dropout->epoch,
            dropout->purpose << 24 | (uint32_t)base, words);
        const uint8_t *bytes = (const uint8_t *)words;
        size_t live = count - base < BLOCKS ? count - base : BLOCKS;
        for (size_t block = 0; block < live; block++, bytes += BLOCK_BYTES) {
            float *values = position + channel_block * runs * dropout->lane_block_stride;
            if (dropout->lanes == BLOCK_BYTES) {
                drop_block(values, bytes, dropout->threshold, dropout->scale);
            } else {
                for (size_t r = 0; r < runs; r++) {
                    drop_lanes(
                        values + r * dropout->lane_block_stride, bytes + r * dropout->lanes,
                        dropout->lanes, dropout->threshold, dropout->scale);
                }
            }
            if (++channel_block == channel_blocks) {
                channel_block = 0;
                position += dropout->position_stride;
            }
        }
    }
}

static void drop_body(void *data) {
    const struct backbone_dropout_units *dropout = data;
    struct part part = own_part(dropout->row_count, 1);
    for (size_t row = part.begin; row < part.end; row++) drop_row(dropout, row);
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

PER_ISA static void relu_part(
    const float *restrict outputs, float *restrict gradients, float scale, size_t count) {
    for (size_t i = 0; i < count; i++) {
        gradients[i] = outputs[i] > 0.0f ? gradients[i] * scale : 0.0f;
    }
}

static void relu_body(void *data) {
    const struct relu *relu = data;
    struct part part = own_part(relu->count, 1024);
    relu_part(
        relu->outputs + part.begin, relu->gradients + part.begin, relu->scale,
        part.end - part.begin);
}

void backbone_relu_backward(
    const float *outputs, float *gradients, float scale, size_t count, int threads) {
    struct relu relu = {outputs, gradients, scale, count};
    run(relu_body, &relu, threads);
}

// Softmax and cross-entropy.

struct softmax {
    const float *logits;
    const int32_t *labels;
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
    for (size_t class = 1; class < classes; class++) {
        if (logits[class] > logits[best]) best = class;
    }
    float sum = 0.0f;
    for (size_t class = 0; class < classes; class++) {
        gradients[class] = expf(logits[class] - logits[best]);
        sum += gradients[class];
    }
    softmax->losses[row] = logf(sum) - (logits[label] - logits[best]);
    softmax->hits[row] = best == label;
    const float rows = (float)softmax->row_count;
    for (size_t class = 0; class < classes; class++) {
        float probability = gradients[class] / sum;
        gradients[class] = (probability - (class == label ? 1.0f : 0.0f)) / rows;
    }
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

void backbone_softmax(
    const float *logits, const int32_t *labels, size_t row_count, size_t padded_row_count,
    size_t class_count, float *gradients, float *losses, uint8_t *hits, int threads) {
    struct softmax softmax = {logits,    labels, row_count, padded_row_count, class_count,
                              gradients, losses, hits};
    run(softmax_body, &softmax, threads);
}

// Adadelta.

struct adadelta {
    const struct backbone_parameter *parameters;
    size_t parameter_count;
    float learning_rate, rho, epsilon;
};

PER_ISA static void adadelta_part(
    float *restrict weights, const float *restrict gradients, float *restrict squared_gradients,
    float *restrict squared_updates, size_t count, float learning_rate, float rho, float epsilon) {
    const float rest = 1.0f - rho;
    for (size_t i = 0; i < count; i++) {
        float g = gradients[i];
        float d = squared_updates[i];
        float a = rho * squared_gradients[i] + rest * (g * g);
        float u = g * sqrtf(d + epsilon) / sqrtf(a + epsilon);
        squared_gradients[i] = a;
        weights[i] -= learning_rate * u;
        squared_updates[i] = rho * d + rest * (u * u);
    }
}

static void adadelta_body(void *data) {
    const struct adadelta *step = data;
    for (size_t p = 0; p < step->parameter_count; p++) {
        const struct backbone_parameter *parameter = &step->parameters[p];
        struct part part = own_part(parameter->count, 1024);
        adadelta_part(
            parameter->weights + part.begin, parameter->gradients + part.begin,
            parameter->squared_gradients + part.begin, parameter->squared_updates + part.begin,
            part.end - part.begin, step->learning_rate, step->rho, step->epsilon);
    }
}

void backbone_adadelta(
    const struct backbone_parameter *parameters, size_t parameter_count, float learning_rate,
    float rho, float epsilon, int threads) {
    struct adadelta step = {parameters, parameter_count, learning_rate, rho, epsilon};
    run(adadelta_body, &step, threads);
}
