#ifndef MANYHEADS_BACKBONE_FIRST_H
#define MANYHEADS_BACKBONE_FIRST_H

#include "backbone_convolutions.h"
#include "backbone_products.h"
#include "backbone_winograd.h"

// The first convolution of one image, for inlining into functions of one instruction set.
#pragma clang fp contract(fast)

static inline size_t image_count(const struct geometry *g) {
    return g->height1 * g->width1 * C1;
}

// A thread's gradients.
struct first_gradients {
    float *outputs; // of one image: [height1, width1, C1]
    float *weights; // [3, 3, channel, C1]: a sum over images
    float *bias;    // [C1]: likewise
};

INLINE void convolve_pixels(const int pixels, const struct backbone_convolutions *net,
                            const float *image, size_t half, float *outputs) {
    f32x16 sums[6];
    for (int p = 0; p < pixels; p++)
        sums[p] = CONST_AT16(net->bias1 + half);
    const float *weights = net->weights1 + half;
    for (size_t y = 0; y < 3; y++) {
        for (size_t x = 0; x < 3; x++) {
            for (size_t channel = 0; channel < net->channel_count; channel++) {
                const float *from = image + (channel * net->height + y) * net->width + x;
                f32x16 weight = CONST_AT16(weights);
                weights += C1;
                for (int p = 0; p < pixels; p++)
                    sums[p] += from[p] * weight;
            }
        }
    }
    for (int p = 0; p < pixels; p++) {
        AT16(outputs + p * C1 + half) = WHERE16(~(sums[p] <= 0.0f), sums[p]);
    }
}

// One image: to [height1, width1, C1], after ReLU.
INLINE void convolve1(const struct backbone_convolutions *net, const struct geometry *g, size_t row,
                      float *outputs) {
    const float *image = net->input + row * net->channel_count * net->height * net->width;
    for (size_t y = 0; y < g->height1; y++) {
        for (size_t x = 0; x < g->width1;) {
            const float *from = image + y * net->width + x;
            float *into = outputs + (y * g->width1 + x) * C1;
            size_t left = g->width1 - x;
            if (left >= 6) {
                for (size_t half = 0; half < C1; half += 16) {
                    convolve_pixels(6, net, from, half, into);
                }
                x += 6;
            } else if (left >= 2) {
                for (size_t half = 0; half < C1; half += 16) {
                    convolve_pixels(2, net, from, half, into);
                }
                x += 2;
            } else {
                for (size_t half = 0; half < C1; half += 16) {
                    convolve_pixels(1, net, from, half, into);
                }
                x += 1;
            }
        }
    }
}

// Adds one image's gradient of the first convolution's weights.
INLINE void convolve1_back(const struct backbone_convolutions *net, const struct geometry *g,
                           const struct first_gradients *own, size_t row) {
    const float *image = net->input + row * net->channel_count * net->height * net->width;
    for (size_t channel = 0; channel < net->channel_count; channel++) {
        for (size_t y = 0; y < 3; y++) {
            f32x16 sums[3][2];
            float *into = own->weights + (3 * y * net->channel_count + channel) * C1;
            const size_t tap = net->channel_count * C1;
            for (int x = 0; x < 3; x++) {
                sums[x][0] = AT16(into + x * tap);
                sums[x][1] = AT16(into + x * tap + 16);
            }
            const float *gradient = own->outputs;
            for (size_t row1 = 0; row1 < g->height1; row1++) {
                const float *from = image + (channel * net->height + row1 + y) * net->width;
                for (size_t column = 0; column < g->width1; column++) {
                    f32x16 low = CONST_AT16(gradient), high = CONST_AT16(gradient + 16);
                    gradient += C1;
                    for (int x = 0; x < 3; x++) {
                        sums[x][0] += from[column + x] * low;
                        sums[x][1] += from[column + x] * high;
                    }
                }
            }
            for (int x = 0; x < 3; x++) {
                AT16(into + x * tap) = sums[x][0];
                AT16(into + x * tap + 16) = sums[x][1];
            }
        }
    }
}

// Takes one image's gradient back through the first ReLU and adds up the bias's.
INLINE void relu1_back(const struct geometry *g, const float *outputs,
                       const struct first_gradients *own) {
    f32x16 low = AT16(own->bias), high = AT16(own->bias + 16);
    for (size_t i = 0; i < image_count(g); i += C1) {
        float *gradient = own->outputs + i;
        f32x16 a = WHERE16(CONST_AT16(outputs + i) > 0.0f, AT16(gradient));
        f32x16 b = WHERE16(CONST_AT16(outputs + i + 16) > 0.0f, AT16(gradient + 16));
        AT16(gradient) = a;
        AT16(gradient + 16) = b;
        low += a;
        high += b;
    }
    AT16(own->bias) = low;
    AT16(own->bias + 16) = high;
}

#endif
