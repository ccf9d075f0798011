#include "backbone_convolutions.h"

#include <string.h>

#include "backbone_first.h"
#include "backbone_products.h"
#include "backbone_threads.h"
#include "backbone_winograd.h"

// A thread's own memory. Transformed tiles are [point, tile of the block, channel].
struct workspace {
    float *inputs;            // [POINTS, TILE_BLOCK, C1]
    float *outputs;           // [POINTS, TILE_BLOCK, C2]: products forwards, gradients backwards
    float *input_gradients;   // [POINTS, TILE_BLOCK, C1]
    float *weight_gradients2; // [POINTS, C1, C2]
    float *bias_gradients2;   // [C2]
    struct first_gradients first;
};

static size_t round_up(size_t count) {
    return (count + 15) / 16 * 16;
}

static size_t sum_count(size_t channels) {
    return (size_t)POINTS * C1 * C2 + 9 * channels * C1 + C1 + C2;
}

static size_t workspace_count(size_t channels, const struct geometry *g) {
    return round_up((size_t)POINTS * TILE_BLOCK * (C1 + C2 + C1) + image_count(g) +
                    sum_count(channels));
}

// The transformed weights come first, as [POINTS, C1, C2] and as [POINTS, C2, C1].
enum { SHARED = 2 * POINTS * C1 * C2 };

size_t backbone_convolution_scratch_count(size_t channel_count, size_t height, size_t width,
                                          int threads) {
    struct geometry g = geometry_of(height, width);
    return SHARED + (size_t)(threads > 0 ? threads : 1) * workspace_count(channel_count, &g);
}

static struct workspace workspace_of(const struct backbone_convolutions *net,
                                     const struct geometry *g, size_t thread) {
    float *next = net->scratch + SHARED + thread * workspace_count(net->channel_count, g);
    struct workspace own;
    own.inputs = next;
    own.outputs = own.inputs + POINTS * TILE_BLOCK * C1;
    own.input_gradients = own.outputs + POINTS * TILE_BLOCK * C2;
    own.weight_gradients2 = own.input_gradients + POINTS * TILE_BLOCK * C1;
    own.first.weights = own.weight_gradients2 + POINTS * C1 * C2;
    own.first.bias = own.first.weights + 9 * net->channel_count * C1;
    own.bias_gradients2 = own.first.bias + C1;
    own.first.outputs = own.bias_gradients2 + C2;
    return own;
}

// Weights of the second convolution: [3, 3, C1, C2] to [POINTS, C1, C2] and [POINTS, C2, C1].

PER_ISA static void transform_weights_of(const float *weights, size_t c1, float *points) {
    for (size_t c2 = 0; c2 < C2; c2 += 8) {
        f32x8 half[SIDE][3];
        for (size_t x = 0; x < 3; x++) {
            f32x8 column[3], transformed[SIDE];
            for (size_t y = 0; y < 3; y++) {
                column[y] = CONST_AT8(weights + ((y * 3 + x) * C1 + c1) * C2 + c2);
            }
            transform_weights(column, transformed);
            for (size_t y = 0; y < SIDE; y++)
                half[y][x] = transformed[y];
        }
        for (size_t y = 0; y < SIDE; y++) {
            f32x8 transformed[SIDE];
            transform_weights(half[y], transformed);
            for (size_t x = 0; x < SIDE; x++) {
                AT8(points + ((y * SIDE + x) * C1 + c1) * C2 + c2) = transformed[x];
            }
        }
    }
}

static void weights_body(void *data) {
    const struct backbone_convolutions *net = data;
    struct part part = own_part(C1, 1);
    for (size_t c1 = part.begin; c1 < part.end; c1++) {
        transform_weights_of(net->weights2, c1, net->scratch);
        for (size_t point = 0; point < POINTS; point++) {
            const float *from = net->scratch + (point * C1 + c1) * C2;
            float *into = net->scratch + (POINTS + point) * C1 * C2 + c1;
            for (size_t c2 = 0; c2 < C2; c2++)
                into[c2 * C1] = from[c2];
        }
    }
}

// Whole passes.

PER_ISA static void forward_row(const struct backbone_convolutions *net, const struct geometry *g,
                                const struct workspace *own, size_t row) {
    float *outputs1 = net->outputs1 + row * image_count(g);
    convolve1(net, g, row, outputs1);
    const size_t pool_count = g->pool_height * g->pool_width * C2;
    const size_t tiles = g->tile_rows * g->tile_columns;
    for (size_t first = 0; first < tiles; first += TILE_BLOCK) {
        const size_t count = tiles - first < TILE_BLOCK ? tiles - first : TILE_BLOCK;
        for (size_t index = 0; index < count; index++) {
            struct tile tile = tile_at(g, first, index);
            load_tile(g, outputs1, &tile, own->inputs);
        }
        for (size_t point = 0; point < POINTS; point++) {
            multiply(0, own->inputs + point * TILE_BLOCK * C1, C1, 1,
                     net->scratch + point * C1 * C2, C2, own->outputs + point * TILE_BLOCK * C2, C2,
                     count, C2, C1);
        }
        for (size_t index = 0; index < count; index++) {
            struct tile tile = tile_at(g, first, index);
            pool_tile(g, own->outputs, &tile, net->bias2, net->pooled + row * pool_count,
                      net->choices + row * pool_count);
        }
    }
}

static void forward_body(void *data) {
    const struct backbone_convolutions *net = data;
    struct geometry g = geometry_of(net->height, net->width);
    struct workspace own = workspace_of(net, &g, (size_t)omp_get_thread_num());
    struct part part = own_part(net->row_count, 1);
    for (size_t row = part.begin; row < part.end; row++)
        forward_row(net, &g, &own, row);
}

void backbone_convolutions_forward(const struct backbone_convolutions *net, int threads) {
    struct backbone_convolutions copy = *net;
    run(weights_body, &copy, threads);
    run(forward_body, &copy, threads);
}

struct backward {
    struct backbone_convolutions net;
    struct backbone_convolution_gradients gradients;
    struct geometry geometry;
    size_t threads;
};

PER_ISA static void backward_row(const struct backward *pass, const struct workspace *own,
                                 size_t row) {
    const struct backbone_convolutions *net = &pass->net;
    const struct geometry *g = &pass->geometry;
    const float *outputs1 = net->outputs1 + row * image_count(g);
    const float *transposed = net->scratch + POINTS * C1 * C2;
    const size_t pool_count = g->pool_height * g->pool_width * C2;
    const size_t tiles = g->tile_rows * g->tile_columns;
    memset(own->first.outputs, 0, image_count(g) * sizeof *own->first.outputs);
    for (size_t first = 0; first < tiles; first += TILE_BLOCK) {
        const size_t count = tiles - first < TILE_BLOCK ? tiles - first : TILE_BLOCK;
        for (size_t index = 0; index < count; index++) {
            struct tile tile = tile_at(g, first, index);
            load_tile(g, outputs1, &tile, own->inputs);
            unpool_tile(g, net->pooled + row * pool_count, net->choices + row * pool_count,
                        pass->gradients.pooled + row * pool_count, pass->gradients.scale, &tile,
                        own->outputs, own->bias_gradients2);
        }
        for (size_t point = 0; point < POINTS; point++) {
            const float *inputs = own->inputs + point * TILE_BLOCK * C1;
            const float *outputs = own->outputs + point * TILE_BLOCK * C2;
            multiply(1, inputs, 1, C1, outputs, C2, own->weight_gradients2 + point * C1 * C2, C2,
                     C1, C2, count);
            multiply(0, outputs, C2, 1, transposed + point * C1 * C2, C1,
                     own->input_gradients + point * TILE_BLOCK * C1, C1, count, C1, C2);
        }
        for (size_t index = 0; index < count; index++) {
            struct tile tile = tile_at(g, first, index);
            add_tile(g, own->input_gradients, &tile, own->first.outputs);
        }
    }
    relu1_back(g, outputs1, &own->first);
    convolve1_back(net, g, &own->first, row);
}

static void backward_body(void *data) {
    const struct backward *pass = data;
    struct workspace own = workspace_of(&pass->net, &pass->geometry, (size_t)omp_get_thread_num());
    memset(own.weight_gradients2, 0,
           sum_count(pass->net.channel_count) * sizeof *own.weight_gradients2);
    struct part part = own_part(pass->gradients.row_count, 1);
    for (size_t row = part.begin; row < part.end; row++)
        backward_row(pass, &own, row);
}

// Adds the other threads' sums to the first's, in their order.
PER_ISA static void add_sums(const struct backward *pass, size_t begin, size_t end) {
    struct workspace first = workspace_of(&pass->net, &pass->geometry, 0);
    for (size_t thread = 1; thread < pass->threads; thread++) {
        struct workspace other = workspace_of(&pass->net, &pass->geometry, thread);
        for (size_t i = begin; i < end; i++) {
            first.weight_gradients2[i] += other.weight_gradients2[i];
        }
    }
}

PER_ISA static void transform_weights_of_back(const float *points, size_t c1, float *weights) {
    for (size_t c2 = 0; c2 < C2; c2 += 8) {
        f32x8 half[3][SIDE];
        for (size_t x = 0; x < SIDE; x++) {
            f32x8 column[SIDE], transformed[3];
            for (size_t y = 0; y < SIDE; y++) {
                column[y] = CONST_AT8(points + ((y * SIDE + x) * C1 + c1) * C2 + c2);
            }
            transform_weights_back(column, transformed);
            for (size_t y = 0; y < 3; y++)
                half[y][x] = transformed[y];
        }
        for (size_t y = 0; y < 3; y++) {
            f32x8 transformed[3];
            transform_weights_back(half[y], transformed);
            for (size_t x = 0; x < 3; x++) {
                AT8(weights + ((y * 3 + x) * C1 + c1) * C2 + c2) = transformed[x];
            }
        }
    }
}

static void sums_body(void *data) {
    const struct backward *pass = data;
    const struct backbone_convolution_gradients *gradients = &pass->gradients;
    struct workspace first = workspace_of(&pass->net, &pass->geometry, 0);
    struct part part = own_part(C1, 1);
    for (size_t c1 = part.begin; c1 < part.end; c1++) {
        for (size_t point = 0; point < POINTS; point++) {
            size_t begin = (point * C1 + c1) * C2;
            add_sums(pass, begin, begin + C2);
        }
        transform_weights_of_back(first.weight_gradients2, c1, gradients->weights2);
    }
    if (part.begin != 0)
        return;
    const size_t begin = (size_t)POINTS * C1 * C2;
    const size_t count1 = 9 * pass->net.channel_count * C1;
    add_sums(pass, begin, sum_count(pass->net.channel_count));
    memcpy(gradients->weights1, first.first.weights, count1 * sizeof(float));
    memcpy(gradients->bias1, first.first.bias, C1 * sizeof(float));
    memcpy(gradients->bias2, first.bias_gradients2, C2 * sizeof(float));
}

void backbone_convolutions_backward(const struct backbone_convolutions *net,
                                    const struct backbone_convolution_gradients *gradients,
                                    int threads) {
    struct backward pass = {*net, *gradients, geometry_of(net->height, net->width),
                            (size_t)(threads > 0 ? threads : 1)};
    run(backward_body, &pass, threads);
    run(sums_body, &pass, threads);
}
