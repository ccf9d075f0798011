#include "backbone_narrow.h"

#include <string.h>

#include "backbone_first.h"
#include "backbone_products.h"
#include "backbone_threads.h"
#include "backbone_winograd.h"

typedef uint32_t u32x16 __attribute__((vector_size(64)));
typedef uint16_t u16x16 __attribute__((vector_size(32), aligned(2), may_alias));
typedef uint8_t u8x16 __attribute__((vector_size(16), aligned(1), may_alias));

// Sixteen numbers, in or out of `values` at `index`. (By address: a wide vector is no argument
// where the processor may lack it.)

INLINE void read16(const int is_narrow, const void *values, size_t index, f32x16 *numbers) {
    if (!is_narrow) {
        *numbers = CONST_AT16((const float *)values + index);
        return;
    }
    u16x16 halves = *(const u16x16 *)((const uint16_t *)values + index);
    *numbers = (f32x16)(__builtin_convertvector(halves, u32x16) << 16);
}

INLINE void write16(const int is_narrow, void *values, size_t index, const f32x16 *numbers) {
    if (!is_narrow) {
        AT16((float *)values + index) = *numbers;
        return;
    }
    u32x16 bits = (u32x16)*numbers;
    u32x16 rounded = bits + 0x7FFFu + (bits >> 16 & 1u);
    // What is no number stays none: a carry could make it infinite or zero.
    u32x16 is_nan = (u32x16)(*numbers != *numbers);
    rounded = (rounded & ~is_nan) | ((bits | 0x400000u) & is_nan);
    *(u16x16 *)((uint16_t *)values + index) = __builtin_convertvector(rounded >> 16, u16x16);
}

// A thread's own memory.
struct own {
    float *outputs; // of one image: [height1, width1, C1]
    struct first_gradients first;
};

static size_t own_count(size_t channels, const struct geometry *g) {
    return (2 * image_count(g) + 9 * channels * C1 + C1 + 15) / 16 * 16;
}

size_t backbone_narrow_scratch_count(size_t channel_count, size_t height, size_t width,
                                     int threads) {
    struct geometry g = geometry_of(height, width);
    return (size_t)(threads > 0 ? threads : 1) * own_count(channel_count, &g);
}

static struct own own_of(const struct backbone_narrow *net, const struct geometry *g,
                         size_t thread) {
    struct own own;
    own.outputs = net->scratch + thread * own_count(net->net.channel_count, g);
    own.first.outputs = own.outputs + image_count(g);
    own.first.weights = own.first.outputs + image_count(g);
    own.first.bias = own.first.weights + 9 * net->net.channel_count * C1;
    return own;
}

// What a pass over the rows is given.
struct pass {
    struct backbone_narrow net;
    struct geometry geometry;
    const float *pooled_gradients;
    float scale;
    size_t threads;
    float *weights1, *bias1;
};

static struct pass pass_of(const struct backbone_narrow *net, int threads) {
    return (struct pass){.net = *net,
                         .geometry = geometry_of(net->net.height, net->net.width),
                         .threads = (size_t)(threads > 0 ? threads : 1)};
}

// First convolution.

INLINE void first_row(const int is_narrow, const struct pass *pass, const struct own *own,
                      size_t row) {
    const struct geometry *g = &pass->geometry;
    const size_t count = image_count(g);
    convolve1(&pass->net.net, g, row, own->outputs);
    for (size_t i = 0; i < count; i += 16) {
        f32x16 values = CONST_AT16(own->outputs + i);
        write16(is_narrow, pass->net.outputs1, row * count + i, &values);
    }
}

PER_ISA static void first_rows(const struct pass *pass, const struct own *own, struct part part) {
    for (size_t row = part.begin; row < part.end; row++) {
        if (pass->net.number == backbone_number_bf16) {
            first_row(1, pass, own, row);
        } else {
            first_row(0, pass, own, row);
        }
    }
}

static void first_body(void *data) {
    const struct pass *pass = data;
    struct own own = own_of(&pass->net, &pass->geometry, (size_t)omp_get_thread_num());
    first_rows(pass, &own, own_part(pass->net.net.row_count, 1));
}

void backbone_narrow_first(const struct backbone_narrow *net, int threads) {
    struct pass pass = pass_of(net, threads);
    run(first_body, &pass, threads);
}

INLINE void first_back_row(const int is_narrow, const struct pass *pass, const struct own *own,
                           size_t row) {
    const struct geometry *g = &pass->geometry;
    const size_t count = image_count(g);
    for (size_t i = 0; i < count; i += 16) {
        f32x16 output, gradient;
        read16(is_narrow, pass->net.outputs1, row * count + i, &output);
        read16(is_narrow, pass->net.gradients1, row * count + i, &gradient);
        AT16(own->outputs + i) = output;
        AT16(own->first.outputs + i) = gradient;
    }
    relu1_back(g, own->outputs, &own->first);
    convolve1_back(&pass->net.net, g, &own->first, row);
}

PER_ISA static void first_back_rows(const struct pass *pass, const struct own *own,
                                    struct part part) {
    for (size_t row = part.begin; row < part.end; row++) {
        if (pass->net.number == backbone_number_bf16) {
            first_back_row(1, pass, own, row);
        } else {
            first_back_row(0, pass, own, row);
        }
    }
}

static void first_back_body(void *data) {
    const struct pass *pass = data;
    struct own own = own_of(&pass->net, &pass->geometry, (size_t)omp_get_thread_num());
    memset(own.first.weights, 0, (9 * pass->net.net.channel_count * C1 + C1) * sizeof(float));
    first_back_rows(pass, &own, own_part(pass->net.net.row_count, 1));
}

void backbone_narrow_first_back(const struct backbone_narrow *net, float *weights1, float *bias1,
                                int threads) {
    struct pass pass = pass_of(net, threads);
    run(first_back_body, &pass, threads);
    // Few sums: the calling thread adds the others' to the first's, in their order.
    struct own first = own_of(net, &pass.geometry, 0);
    const size_t weights = 9 * net->net.channel_count * C1;
    for (size_t thread = 1; thread < pass.threads; thread++) {
        struct own other = own_of(net, &pass.geometry, thread);
        for (size_t i = 0; i < weights + C1; i++)
            first.first.weights[i] += other.first.weights[i];
    }
    memcpy(weights1, first.first.weights, weights * sizeof *weights1);
    memcpy(bias1, first.first.bias, C1 * sizeof *bias1);
}

// ReLU and pooling.

// The first of a square's outputs.
INLINE size_t square_of(const struct geometry *g, size_t row, size_t y, size_t x) {
    const size_t height = g->height1 - 2, width = g->width1 - 2;
    return ((row * height + 2 * y) * width + 2 * x) * C2;
}

INLINE void pool_row(const int is_narrow, const struct pass *pass, size_t row) {
    const struct geometry *g = &pass->geometry;
    const void *outputs = pass->net.outputs2;
    const size_t line = (g->width1 - 2) * C2;
    size_t place = row * g->pool_height * g->pool_width * C2;
    for (size_t y = 0; y < g->pool_height; y++) {
        for (size_t x = 0; x < g->pool_width; x++) {
            const size_t square = square_of(g, row, y, x);
            for (size_t channel = 0; channel < C2; channel += 16, place += 16) {
                f32x16 best, value;
                read16(is_narrow, outputs, square + channel, &best);
                i32x16 choice = {};
                for (int other = 1; other < 4; other++) {
                    size_t from = square + (size_t)other / 2 * line + (size_t)other % 2 * C2;
                    read16(is_narrow, outputs, from + channel, &value);
                    i32x16 larger = ~(value <= best);
                    best = (f32x16)(((i32x16)best & ~larger) | ((i32x16)value & larger));
                    choice = (choice & ~larger) | (larger & other);
                }
                AT16(pass->net.net.pooled + place) = WHERE16(~(best <= 0.0f), best);
                *(u8x16 *)(pass->net.net.choices + place) = __builtin_convertvector(choice, u8x16);
            }
        }
    }
}

PER_ISA static void pool_rows(const struct pass *pass, struct part part) {
    for (size_t row = part.begin; row < part.end; row++) {
        if (pass->net.number == backbone_number_bf16) {
            pool_row(1, pass, row);
        } else {
            pool_row(0, pass, row);
        }
    }
}

static void pool_body(void *data) {
    const struct pass *pass = data;
    pool_rows(pass, own_part(pass->net.net.row_count, 1));
}

void backbone_narrow_pool(const struct backbone_narrow *net, int threads) {
    struct pass pass = pass_of(net, threads);
    run(pool_body, &pass, threads);
}

// Zeros for one place of an image's outputs, all channels.
INLINE void clear_place(const int is_narrow, void *outputs, size_t index) {
    const f32x16 zeros = {};
    for (size_t channel = 0; channel < C2; channel += 16)
        write16(is_narrow, outputs, index + channel, &zeros);
}

INLINE void unpool_row(const int is_narrow, const struct pass *pass, size_t row) {
    const struct geometry *g = &pass->geometry;
    const size_t height = g->height1 - 2, width = g->width1 - 2, line = width * C2;
    void *outputs = pass->net.outputs2;
    size_t place = row * g->pool_height * g->pool_width * C2;
    for (size_t y = 0; y < g->pool_height; y++) {
        for (size_t x = 0; x < g->pool_width; x++) {
            const size_t square = square_of(g, row, y, x);
            for (size_t channel = 0; channel < C2; channel += 16, place += 16) {
                f32x16 value = CONST_AT16(pass->pooled_gradients + place) * pass->scale;
                value = WHERE16(CONST_AT16(pass->net.net.pooled + place) > 0.0f, value);
                u8x16 chosen = *(const u8x16 *)(pass->net.net.choices + place);
                i32x16 choice = __builtin_convertvector(chosen, i32x16);
                for (int other = 0; other < 4; other++) {
                    size_t into = square + (size_t)other / 2 * line + (size_t)other % 2 * C2;
                    f32x16 part = WHERE16(choice == other, value);
                    write16(is_narrow, outputs, into + channel, &part);
                }
            }
        }
        if (width % 2 == 1) {
            clear_place(is_narrow, outputs, square_of(g, row, y, g->pool_width));
            clear_place(is_narrow, outputs, square_of(g, row, y, g->pool_width) + line);
        }
    }
    if (height % 2 == 1) {
        for (size_t x = 0; x < width; x++) {
            clear_place(is_narrow, outputs, square_of(g, row, g->pool_height, 0) + x * C2);
        }
    }
}

PER_ISA static void unpool_rows(const struct pass *pass, struct part part) {
    for (size_t row = part.begin; row < part.end; row++) {
        if (pass->net.number == backbone_number_bf16) {
            unpool_row(1, pass, row);
        } else {
            unpool_row(0, pass, row);
        }
    }
}

static void unpool_body(void *data) {
    const struct pass *pass = data;
    unpool_rows(pass, own_part(pass->net.net.row_count, 1));
}

void backbone_narrow_unpool(const struct backbone_narrow *net, const float *pooled_gradients,
                            float scale, int threads) {
    struct pass pass = pass_of(net, threads);
    pass.pooled_gradients = pooled_gradients;
    pass.scale = scale;
    run(unpool_body, &pass, threads);
}

// Copies.

struct copy {
    const float *from;
    void *into;
    enum backbone_number number;
    size_t count;
};

PER_ISA static void copy_part(const struct copy *copy, struct part part) {
    for (size_t i = part.begin; i < part.end; i += 16) {
        f32x16 values = CONST_AT16(copy->from + i);
        write16(copy->number == backbone_number_bf16, copy->into, i, &values);
    }
}

static void copy_body(void *data) {
    const struct copy *copy = data;
    copy_part(copy, own_part(copy->count, 1024));
}

void backbone_narrow_copy(const float *from, void *into, enum backbone_number number, size_t count,
                          int threads) {
    struct copy copy = {from, into, number, count};
    run(copy_body, &copy, threads);
}
