// What all variants share: constants of the definition, dropout bits, the update of biases.

#ifndef MANYHEADS_HEAD_KERNELS_COMMON_H
#define MANYHEADS_HEAD_KERNELS_COMMON_H

#include "head_kernels.h"

#include <math.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

// exp(x) for x <= 0, after Cephes' expf (Moshier, 1989): x = n ln 2 + r, |r| <= ln 2 / 2, a polynomial
// of degree 5 in r. Below EXP_LOWEST it is exp(EXP_LOWEST), so that the result is always normal.
#define EXP_LOWEST -87.0f
#define EXP_LOG2E 1.44269504088896341f
#define EXP_ROUND 12582912.0f  // 1.5 * 2^23: adding and subtracting rounds to nearest even
#define EXP_LN2_HIGH 0.693359375f
#define EXP_LN2_LOW -2.12194440e-4f
#define EXP_P0 1.9875691500e-4f
#define EXP_P1 1.3981999507e-3f
#define EXP_P2 8.3334519073e-3f
#define EXP_P3 4.1665795894e-2f
#define EXP_P4 1.6666665459e-1f
#define EXP_P5 5.0000001201e-1f

// Philox4x32-10, as `Philox.block` in Swift.
static inline void head_philox(uint64_t seed, const uint32_t counter[4], uint32_t words[4])
{
    uint32_t x0 = counter[0], x1 = counter[1], x2 = counter[2], x3 = counter[3];
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; ++round) {
        const uint64_t p0 = (uint64_t)0xD2511F53u * x0, p1 = (uint64_t)0xCD9E8D57u * x2;
        const uint32_t y0 = (uint32_t)(p1 >> 32) ^ x1 ^ k0, y2 = (uint32_t)(p0 >> 32) ^ x3 ^ k1;
        x1 = (uint32_t)p1;
        x3 = (uint32_t)p0;
        x0 = y0;
        x2 = y2;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    words[0] = x0, words[1] = x1, words[2] = x2, words[3] = x3;
}

// The seed of what is drawn for a class, as `Philox.seed(_:ofClass:)` in Swift; the low half of the key
// is a counter word.
static inline uint64_t head_class_seed(uint64_t seed, uint64_t class_key)
{
    return seed + (class_key >> 32) * 0xD1342543DE82EF95u;
}

// Which of 128 features of a row are kept: feature f of block b is bit f % 32 of word f % 128 / 32.
//
// A bit is 1 with probability keep_numerator / 65536: from the lowest binary digit of that fraction
// to the highest, each digit costs one random word, which is or-ed in for a 1 and and-ed for a 0.
static inline void head_keep_bits(
    const struct head_row_request *request, uint64_t class_key, uint32_t row_in_class,
    uint32_t block, uint32_t kept[4])
{
    const uint64_t seed = head_class_seed(request->seed, class_key);
    const uint32_t block_count = (request->feature_count + 127) / 128;
    const uint32_t trailing = (uint32_t)__builtin_ctz(request->keep_numerator);
    kept[0] = kept[1] = kept[2] = kept[3] = 0;
    for (uint32_t digit = trailing; digit < 16; ++digit) {
        const uint32_t index = (digit - trailing) * block_count + block;
        const uint32_t counter[4] = {
            row_in_class, (uint32_t)class_key, request->epoch,
            request->dropout_purpose << 24 | index};
        uint32_t words[4];
        head_philox(seed, counter, words);
        if (request->keep_numerator >> digit & 1)
            for (int w = 0; w < 4; ++w) kept[w] |= words[w];
        else
            for (int w = 0; w < 4; ++w) kept[w] &= words[w];
    }
}

static inline void head_refresh_differences(struct head_state *head)
{
    const size_t d = head->feature_count, last = head->class_count - 1;
    for (size_t j = 0; j < last; ++j) {
        for (size_t f = 0; f < d; ++f)
            head->differences[j * d + f] = head->weights[j * d + f] - head->weights[last * d + f];
        head->bias_differences[j] = head->biases[j] - head->biases[last];
    }
}

// Starts a head: differences from weights; gradients and averages zero.
static inline void head_begin(struct head_state *head)
{
    const uint32_t d = head->feature_count, k = head->class_count, averaged = k == 2 ? 1 : k;
    memset(head->squared_gradients, 0, (size_t)averaged * d * sizeof(float));
    memset(head->squared_updates, 0, (size_t)averaged * d * sizeof(float));
    memset(head->bias_squared_gradients, 0, averaged * sizeof(float));
    memset(head->bias_squared_updates, 0, averaged * sizeof(float));
    memset(head->gradients, 0, (size_t)(k - 1) * d * sizeof(float));
    memset(head->bias_gradients, 0, (k - 1) * sizeof(float));
    head->minibatch_row_count = 0;
    head->pending_count = 0;
    head_refresh_differences(head);
}

// Adadelta in Keras's form (Zeiler 2012, algorithm 1): new average of squared gradients, old average
// of squared updates. One root of the quotient in place of a quotient of roots.
static inline float head_adadelta(float *a, float *d, float g, const struct head_parameters *parameters)
{
    const float rest = 1.0f - parameters->rho;
    *a = fmaf(parameters->rho, *a, rest * (g * g));
    const float u = g * sqrtf((*d + parameters->epsilon) / (*a + parameters->epsilon));
    *d = fmaf(parameters->rho, *d, rest * (u * u));
    return u;
}

// Updates one column (a feature, or the biases): weights[j * stride] with gradients g[j * stride].
static inline void head_update_column(
    uint32_t k, size_t stride, float scale, float *w, float *a, float *d, float *g,
    const struct head_parameters *parameters)
{
    float sum = 0.0f;
    for (uint32_t j = 0; j + 1 < k; ++j) {
        const float scaled = g[j * stride] * scale;
        sum = j == 0 ? scaled : sum + scaled;
        const float u = head_adadelta(&a[j * stride], &d[j * stride], scaled, parameters);
        w[j * stride] = fmaf(-parameters->learning_rate, u, w[j * stride]);
        if (k == 2) w[stride] = fmaf(parameters->learning_rate, u, w[stride]);
        g[j * stride] = 0.0f;
    }
    if (k == 2) return;
    const size_t last = (k - 1) * stride;
    const float u = head_adadelta(&a[last], &d[last], -sum, parameters);
    w[last] = fmaf(-parameters->learning_rate, u, w[last]);
}

static inline void head_update_biases(
    struct head_state *head, const struct head_parameters *parameters, float scale)
{
    head_update_column(
        head->class_count, 1, scale, head->biases, head->bias_squared_gradients,
        head->bias_squared_updates, head->bias_gradients, parameters);
    for (uint32_t j = 0; j + 1 < head->class_count; ++j)
        head->bias_differences[j] = head->biases[j] - head->biases[head->class_count - 1];
}

#endif
