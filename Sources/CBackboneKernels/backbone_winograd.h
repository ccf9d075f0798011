#ifndef MANYHEADS_BACKBONE_WINOGRAD_H
#define MANYHEADS_BACKBONE_WINOGRAD_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "backbone_products.h"

// The second convolution's tiles: from images to transformed tiles and back, with ReLU and pooling
// on the way.
#pragma clang fp contract(fast)

enum {
    C1 = 32,        // channels of the first convolution
    C2 = 64,        // and of the second
    SIDE = 6,       // of a transformed tile, which yields 4 x 4 outputs
    POINTS = 36,    // SIDE * SIDE
    TILE_BLOCK = 18 // tiles transformed together: what is touched again stays in the L2 cache
};

typedef float f32x8 __attribute__((vector_size(32), aligned(4), may_alias));
typedef int32_t i32x8 __attribute__((vector_size(32)));
typedef int32_t i32x16 __attribute__((vector_size(64)));
typedef uint8_t u8x8 __attribute__((vector_size(8), aligned(1), may_alias));

#define AT8(pointer) (*(f32x8 *)(pointer))
#define CONST_AT8(pointer) (*(const f32x8 *)(pointer))

// Zero where the mask is. ReLU asks for `not at most zero`, which keeps what is not a number.
#define WHERE8(mask, value) ((f32x8)((mask) & (i32x8)(value)))
#define WHERE16(mask, value) ((f32x16)((mask) & (i32x16)(value)))

// Sizes that follow from those of the images.
struct geometry {
    size_t height1, width1; // of outputs1
    size_t pool_height, pool_width;
    size_t tile_rows, tile_columns; // of 4 x 4 outputs, 2 x 2 pooled values, each
};

static struct geometry geometry_of(size_t height, size_t width) {
    struct geometry g = {.height1 = height - 2, .width1 = width - 2};
    g.pool_height = (height - 4) / 2;
    g.pool_width = (width - 4) / 2;
    g.tile_rows = (g.pool_height + 1) / 2;
    g.tile_columns = (g.pool_width + 1) / 2;
    return g;
}

// Winograd's matrices for the points 0, 1, -1, 2, -2 and infinity, applied to one column: B' to
// inputs, A' to products, G to weights, and their transposes on the way back.

INLINE void transform_input(const f32x8 d[6], f32x8 t[6]) {
    f32x8 a = d[4] - 4.0f * d[2];
    f32x8 b = d[3] - 4.0f * d[1];
    f32x8 c = d[4] - d[2];
    f32x8 e = 2.0f * (d[3] - d[1]);
    t[0] = 4.0f * d[0] - 5.0f * d[2] + d[4];
    t[1] = a + b;
    t[2] = a - b;
    t[3] = c + e;
    t[4] = c - e;
    t[5] = 4.0f * d[1] - 5.0f * d[3] + d[5];
}

INLINE void transform_input_back(const f32x8 m[6], f32x8 x[6]) {
    f32x8 p = m[1] + m[2], q = m[1] - m[2];
    f32x8 r = m[3] + m[4], s = m[3] - m[4];
    x[0] = 4.0f * m[0];
    x[1] = 4.0f * (m[5] - q) - 2.0f * s;
    x[2] = -5.0f * m[0] - 4.0f * p - r;
    x[3] = q + 2.0f * s - 5.0f * m[5];
    x[4] = m[0] + p + r;
    x[5] = m[5];
}

INLINE void transform_product(const f32x8 m[6], f32x8 y[4]) {
    f32x8 p = m[1] + m[2], q = m[1] - m[2];
    f32x8 r = m[3] + m[4], s = m[3] - m[4];
    y[0] = m[0] + p + r;
    y[1] = q + 2.0f * s;
    y[2] = p + 4.0f * r;
    y[3] = q + 8.0f * s + m[5];
}

INLINE void transform_product_back(const f32x8 y[4], f32x8 z[6]) {
    f32x8 even = y[0] + y[2], odd = y[1] + y[3];
    f32x8 even2 = y[0] + 4.0f * y[2], odd2 = 2.0f * y[1] + 8.0f * y[3];
    z[0] = y[0];
    z[1] = even + odd;
    z[2] = even - odd;
    z[3] = even2 + odd2;
    z[4] = even2 - odd2;
    z[5] = y[3];
}

INLINE void transform_weights(const f32x8 g[3], f32x8 u[6]) {
    f32x8 even = g[0] + g[2];
    f32x8 even2 = g[0] * (1.0f / 24) + g[2] * (1.0f / 6);
    f32x8 odd2 = g[1] * (1.0f / 12);
    u[0] = g[0] * 0.25f;
    u[1] = (even + g[1]) * (-1.0f / 6);
    u[2] = (even - g[1]) * (-1.0f / 6);
    u[3] = even2 + odd2;
    u[4] = even2 - odd2;
    u[5] = g[2];
}

INLINE void transform_weights_back(const f32x8 s[6], f32x8 w[3]) {
    f32x8 p = s[1] + s[2], q = s[2] - s[1];
    f32x8 r = s[3] + s[4], t = s[3] - s[4];
    w[0] = s[0] * 0.25f - p * (1.0f / 6) + r * (1.0f / 24);
    w[1] = q * (1.0f / 6) + t * (1.0f / 12);
    w[2] = (r - p) * (1.0f / 6) + s[5];
}

// Tiles of the second convolution. `index` is a tile's place in its block.

struct tile {
    size_t y, x; // its place among the image's tiles
    size_t index;
};

// Whether all of a tile's 6 x 6 inputs exist.
INLINE int is_inner(const struct geometry *g, const struct tile *tile) {
    return 4 * tile->y + SIDE <= g->height1 && 4 * tile->x + SIDE <= g->width1;
}

INLINE void load_tile(const struct geometry *g, const float *outputs1, const struct tile *tile,
                      float *inputs) {
    float edge[SIDE * SIDE * C1];
    const float *from = outputs1 + (4 * tile->y * g->width1 + 4 * tile->x) * C1;
    size_t stride = g->width1 * C1;
    if (!is_inner(g, tile)) {
        memset(edge, 0, sizeof edge);
        size_t rows = g->height1 - 4 * tile->y, columns = g->width1 - 4 * tile->x;
        if (rows > SIDE)
            rows = SIDE;
        if (columns > SIDE)
            columns = SIDE;
        for (size_t y = 0; y < rows; y++) {
            memcpy(edge + y * SIDE * C1, from + y * stride, columns * C1 * sizeof *edge);
        }
        from = edge;
        stride = SIDE * C1;
    }
    for (size_t channel = 0; channel < C1; channel += 8) {
        f32x8 half[SIDE][SIDE];
        for (size_t x = 0; x < SIDE; x++) {
            f32x8 column[SIDE], transformed[SIDE];
            for (size_t y = 0; y < SIDE; y++) {
                column[y] = CONST_AT8(from + y * stride + x * C1 + channel);
            }
            transform_input(column, transformed);
            for (size_t y = 0; y < SIDE; y++)
                half[y][x] = transformed[y];
        }
        float *into = inputs + tile->index * C1 + channel;
        for (size_t y = 0; y < SIDE; y++) {
            f32x8 transformed[SIDE];
            transform_input(half[y], transformed);
            for (size_t x = 0; x < SIDE; x++) {
                AT8(into + (y * SIDE + x) * TILE_BLOCK * C1) = transformed[x];
            }
        }
    }
}

// From a tile's products to its pooled values, at most 2 x 2.
INLINE void pool_tile(const struct geometry *g, const float *outputs, const struct tile *tile,
                      const float *bias, float *pooled, uint8_t *choices) {
    for (size_t channel = 0; channel < C2; channel += 8) {
        f32x8 half[4][SIDE], result[4][4];
        const float *from = outputs + tile->index * C2 + channel;
        for (size_t x = 0; x < SIDE; x++) {
            f32x8 column[SIDE], transformed[4];
            for (size_t y = 0; y < SIDE; y++) {
                column[y] = CONST_AT8(from + (y * SIDE + x) * TILE_BLOCK * C2);
            }
            transform_product(column, transformed);
            for (size_t y = 0; y < 4; y++)
                half[y][x] = transformed[y];
        }
        for (size_t y = 0; y < 4; y++)
            transform_product(half[y], result[y]);
        for (size_t y = 0; y < 2 && 2 * tile->y + y < g->pool_height; y++) {
            for (size_t x = 0; x < 2 && 2 * tile->x + x < g->pool_width; x++) {
                f32x8 best = result[2 * y][2 * x];
                i32x8 choice = {};
                for (int other = 1; other < 4; other++) {
                    f32x8 value = result[2 * y + (size_t)other / 2][2 * x + (size_t)other % 2];
                    i32x8 larger = ~(value <= best);
                    best = (f32x8)(((i32x8)best & ~larger) | ((i32x8)value & larger));
                    choice = (choice & ~larger) | (larger & other);
                }
                best += CONST_AT8(bias + channel);
                size_t place = ((2 * tile->y + y) * g->pool_width + 2 * tile->x + x) * C2 + channel;
                AT8(pooled + place) = WHERE8(~(best <= 0.0f), best);
                *(u8x8 *)(choices + place) = __builtin_convertvector(choice, u8x8);
            }
        }
    }
}

// From the pooled values' gradient to a tile's transformed gradient.
INLINE void unpool_tile(const struct geometry *g, const float *pooled, const uint8_t *choices,
                        const float *gradient, float scale, const struct tile *tile, float *outputs,
                        float *bias_gradients) {
    for (size_t channel = 0; channel < C2; channel += 8) {
        f32x8 squares[4][4], half[SIDE][4];
        f32x8 bias_gradient = AT8(bias_gradients + channel);
        for (size_t y = 0; y < 2; y++) {
            for (size_t x = 0; x < 2; x++) {
                f32x8 value = {};
                i32x8 choice = {};
                if (2 * tile->y + y < g->pool_height && 2 * tile->x + x < g->pool_width) {
                    size_t place =
                        ((2 * tile->y + y) * g->pool_width + 2 * tile->x + x) * C2 + channel;
                    value = CONST_AT8(gradient + place) * scale;
                    value = WHERE8(CONST_AT8(pooled + place) > 0.0f, value);
                    choice = __builtin_convertvector(*(const u8x8 *)(choices + place), i32x8);
                }
                bias_gradient += value;
                for (int other = 0; other < 4; other++) {
                    squares[2 * y + (size_t)other / 2][2 * x + (size_t)other % 2] =
                        WHERE8(choice == other, value);
                }
            }
        }
        AT8(bias_gradients + channel) = bias_gradient;
        for (size_t x = 0; x < 4; x++) {
            f32x8 column[4], transformed[SIDE];
            for (size_t y = 0; y < 4; y++)
                column[y] = squares[y][x];
            transform_product_back(column, transformed);
            for (size_t y = 0; y < SIDE; y++)
                half[y][x] = transformed[y];
        }
        float *into = outputs + tile->index * C2 + channel;
        for (size_t y = 0; y < SIDE; y++) {
            f32x8 transformed[SIDE];
            transform_product_back(half[y], transformed);
            for (size_t x = 0; x < SIDE; x++) {
                AT8(into + (y * SIDE + x) * TILE_BLOCK * C2) = transformed[x];
            }
        }
    }
}

// Adds a tile's gradient of its 6 x 6 inputs, which overlap with its neighbours'.
INLINE void add_tile(const struct geometry *g, const float *input_gradients,
                     const struct tile *tile, float *gradients1) {
    float *into = gradients1 + (4 * tile->y * g->width1 + 4 * tile->x) * C1;
    size_t rows = g->height1 - 4 * tile->y, columns = g->width1 - 4 * tile->x;
    if (rows > SIDE)
        rows = SIDE;
    if (columns > SIDE)
        columns = SIDE;
    for (size_t channel = 0; channel < C1; channel += 8) {
        f32x8 half[SIDE][SIDE];
        const float *from = input_gradients + tile->index * C1 + channel;
        for (size_t x = 0; x < SIDE; x++) {
            f32x8 column[SIDE], transformed[SIDE];
            for (size_t y = 0; y < SIDE; y++) {
                column[y] = CONST_AT8(from + (y * SIDE + x) * TILE_BLOCK * C1);
            }
            transform_input_back(column, transformed);
            for (size_t y = 0; y < SIDE; y++)
                half[y][x] = transformed[y];
        }
        for (size_t y = 0; y < rows; y++) {
            f32x8 transformed[SIDE];
            transform_input_back(half[y], transformed);
            float *line = into + y * g->width1 * C1 + channel;
            if (columns == SIDE) {
                for (size_t x = 0; x < SIDE; x++)
                    AT8(line + x * C1) += transformed[x];
            } else {
                for (size_t x = 0; x < columns; x++)
                    AT8(line + x * C1) += transformed[x];
            }
        }
    }
}

INLINE struct tile tile_at(const struct geometry *g, size_t first, size_t index) {
    size_t number = first + index;
    return (struct tile){number / g->tile_columns, number % g->tile_columns, index};
}

#endif
