// The body of every vector variant, on clang's vector types; included once by each variant's file.
//
// The including file defines
//   LOGIT_VECTOR   lanes of a machine vector: 16, 8 or 4
//   PANELS         vectors of outputs in a register tile of ROWS rows
// and puts a target attribute around the inclusion.
//
// Lanes are outputs: each has one chain, and a row's feature is broadcast to all of them. Weights lie
// row by row, so those of a tile are transposed first, a block of features at a time, which takes a
// few hundredths of what 64 rows take then. For one row alone they are transposed in registers and
// never stored.

#include "logit_kernels.h"

#include <string.h>

#pragma STDC FP_CONTRACT OFF

#define LANES LOGIT_VECTOR
#define ROWS 6
// Vectors of outputs of one row: chains enough to hide how long one addition takes.
#define ALONE_PANELS 3
// Rows that weights are transposed for.
#define ROW_BLOCK 64
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

typedef float vector __attribute__((ext_vector_type(LOGIT_VECTOR)));
typedef float quad __attribute__((ext_vector_type(4)));
typedef float unaligned_vector __attribute__((ext_vector_type(LOGIT_VECTOR), aligned(4)));
typedef float unaligned_quad __attribute__((ext_vector_type(4), aligned(4)));

INLINE vector load(const float *pointer) { return *(const unaligned_vector *)pointer; }
INLINE void store(float *pointer, vector value) { *(unaligned_vector *)pointer = value; }
INLINE quad load_quad(const float *pointer) { return *(const unaligned_quad *)pointer; }

// Steps of transposing four by four numbers in every quarter, half or whole of a vector.
#if LOGIT_VECTOR == 16
#define EACH_QUAD(a, b, w, x, y, z)                                                               \
    __builtin_shufflevector(                                                                      \
        a, b, w, x, y, z, w + 4, x + 4, y + 4, z + 4, w + 8, x + 8, y + 8, z + 8, w + 12, x + 12, \
        y + 12, z + 12)
#elif LOGIT_VECTOR == 8
#define EACH_QUAD(a, b, w, x, y, z)                                                               \
    __builtin_shufflevector(a, b, w, x, y, z, w + 4, x + 4, y + 4, z + 4)
#else
#define EACH_QUAD(a, b, w, x, y, z) __builtin_shufflevector(a, b, w, x, y, z)
#endif

// Four numbers from the place `at` of each of LANES arrays: columns[c] has number c of all of them.
INLINE void transpose(const float *const *arrays, size_t at, vector columns[4])
{
    vector rows[4];
    UNROLL for (int i = 0; i < 4; ++i) {
        quad quads[LANES / 4];
        UNROLL for (int k = 0; k < LANES / 4; ++k) quads[k] = load_quad(arrays[4 * k + i] + at);
        memcpy(&rows[i], quads, sizeof rows[i]);
    }
    const vector a = EACH_QUAD(rows[0], rows[1], 0, LANES, 1, LANES + 1);
    const vector b = EACH_QUAD(rows[0], rows[1], 2, LANES + 2, 3, LANES + 3);
    const vector c = EACH_QUAD(rows[2], rows[3], 0, LANES, 1, LANES + 1);
    const vector d = EACH_QUAD(rows[2], rows[3], 2, LANES + 2, 3, LANES + 3);
    columns[0] = EACH_QUAD(a, c, 0, 1, LANES, LANES + 1);
    columns[1] = EACH_QUAD(a, c, 2, 3, LANES + 2, LANES + 3);
    columns[2] = EACH_QUAD(b, d, 0, 1, LANES, LANES + 1);
    columns[3] = EACH_QUAD(b, d, 2, 3, LANES + 2, LANES + 3);
}

// The number at the place `at` of each of LANES arrays.
INLINE vector gather(const float *const *arrays, size_t at)
{
    vector column;
    UNROLL for (int l = 0; l < LANES; ++l) column[l] = arrays[l][at];
    return column;
}

INLINE const float *row_at(const struct logit_request *q, size_t r)
{
    return q->features + (size_t)q->rows[r] * q->feature_count;
}

INLINE const float *weights_at(const struct logit_request *q, size_t o)
{
    return q->weights + q->outputs[o] * q->feature_count;
}

// The weights of `count` outputs from `first`, and their biases; those past the last are its again.
INLINE void take_outputs(
    const struct logit_request *q, size_t first, size_t count, const float **weights, float *biases)
{
    for (size_t l = 0; l < count; ++l) {
        const size_t at = first + l < q->output_count ? first + l : q->output_count - 1;
        weights[l] = weights_at(q, at);
        biases[l] = q->biases[q->outputs[at]];
    }
}

INLINE vector ordered(const struct logit_request *q, vector logits)
{
    return logits == logits ? logits : (vector)q->not_a_number;
}

// One row and `panels` vectors of outputs.
INLINE void fill_one(const struct logit_request *q, size_t r, size_t output, const int panels)
{
    const float *weights[ALONE_PANELS * LANES];
    float logits[ALONE_PANELS * LANES];
    take_outputs(q, output, (size_t)panels * LANES, weights, logits);
    const float *const row = row_at(q, r);
    const size_t d = q->feature_count;
    vector totals[ALONE_PANELS];
    UNROLL for (int p = 0; p < panels; ++p) totals[p] = load(logits + p * LANES);
    for (size_t first = 0; first < d; first += LOGIT_BLOCK) {
        const size_t end = d - first < LOGIT_BLOCK ? d : first + LOGIT_BLOCK;
        vector sums[ALONE_PANELS];
        UNROLL for (int p = 0; p < panels; ++p) sums[p] = (vector)0.0f;
        size_t f = first;
        for (; f + 4 <= end; f += 4) {
            UNROLL for (int p = 0; p < panels; ++p) {
                vector columns[4];
                transpose(weights + p * LANES, f, columns);
                UNROLL for (int c = 0; c < 4; ++c)
                    sums[p] = __builtin_elementwise_fma(columns[c], (vector)row[f + c], sums[p]);
            }
        }
        for (; f < end; ++f)
            UNROLL for (int p = 0; p < panels; ++p)
                sums[p] = __builtin_elementwise_fma(
                    gather(weights + p * LANES, f), (vector)row[f], sums[p]);
        UNROLL for (int p = 0; p < panels; ++p) totals[p] = totals[p] + sums[p];
    }
    UNROLL for (int p = 0; p < panels; ++p) store(logits + p * LANES, ordered(q, totals[p]));
    const size_t rest = q->output_count - output, count = (size_t)panels * LANES;
    for (size_t l = 0; l < count && l < rest; ++l)
        q->logits[(output + l) * q->logit_stride + r] = logits[l];
}

// Adds the sums of a block of `count` features to the totals of `rows` rows, and brings nearer what is
// `ahead` bytes behind them: the CPU does not foresee such short stretches.
//
// `packed` is [feature][PANELS * LANES], `totals` [row][PANELS * LANES].
INLINE void add_block(
    const float *const *row, const int rows, const float *packed, const int panels, size_t count,
    size_t ahead, float *totals)
{
    vector sums[ROWS][PANELS];
    UNROLL for (int i = 0; i < rows; ++i)
        UNROLL for (int p = 0; p < panels; ++p) sums[i][p] = (vector)0.0f;
    for (size_t f = 0; f < count;) {
        UNROLL for (int i = 0; i < rows; ++i)
            __builtin_prefetch((const void *)((uintptr_t)(row[i] + f) + ahead));
        const size_t end = count - f < 16 ? count : f + 16;
        for (; f < end; ++f) {
            vector weights[PANELS];
            UNROLL for (int p = 0; p < panels; ++p)
                weights[p] = load(packed + (f * PANELS + (size_t)p) * LANES);
            UNROLL for (int i = 0; i < rows; ++i) {
                const vector value = (vector)row[i][f];
                UNROLL for (int p = 0; p < panels; ++p)
                    sums[i][p] = __builtin_elementwise_fma(weights[p], value, sums[i][p]);
            }
        }
    }
    UNROLL for (int i = 0; i < rows; ++i)
        UNROLL for (int p = 0; p < panels; ++p) {
            float *const total = totals + (i * PANELS + p) * LANES;
            store(total, load(total) + sums[i][p]);
        }
}

// Functions of their own, each with all registers to itself.
#define ADD_BLOCK(rows, panels)                                                                   \
    static __attribute__((noinline)) void add_block_##rows##_##panels(                            \
        const float *const *row, const float *packed, size_t count, size_t ahead, float *totals)  \
    {                                                                                             \
        add_block(row, rows, packed, panels, count, ahead, totals);                               \
    }
#define ADD_BLOCKS(panels)                                                                        \
    ADD_BLOCK(1, panels)                                                                          \
    ADD_BLOCK(2, panels)                                                                          \
    ADD_BLOCK(3, panels)                                                                          \
    ADD_BLOCK(4, panels)                                                                          \
    ADD_BLOCK(5, panels)                                                                          \
    ADD_BLOCK(6, panels)
#define BLOCKS(panels)                                                                            \
    {add_block_1_##panels, add_block_2_##panels, add_block_3_##panels, add_block_4_##panels,      \
     add_block_5_##panels, add_block_6_##panels}
ADD_BLOCKS(1)
ADD_BLOCKS(2)
#if PANELS > 2
ADD_BLOCKS(3)
#endif

typedef void add_block_function(
    const float *const *, const float *, size_t, size_t, float *);
static add_block_function *const blocks[PANELS][ROWS] = {
    BLOCKS(1),
    BLOCKS(2),
#if PANELS > 2
    BLOCKS(3),
#endif
};

// A block of features of `panels` vectors of outputs, as `add_block` reads them.
INLINE void pack(
    const float *const *weights, size_t first, size_t count, size_t panels, float *packed)
{
    for (size_t p = 0; p < panels; ++p) {
        const float *const *const arrays = weights + p * LANES;
        float *const target = packed + p * LANES;
        size_t f = 0;
        for (; f + 4 <= count; f += 4) {
            vector columns[4];
            transpose(arrays, first + f, columns);
            UNROLL for (int c = 0; c < 4; ++c)
                store(target + (f + (size_t)c) * PANELS * LANES, columns[c]);
        }
        for (; f < count; ++f) store(target + f * PANELS * LANES, gather(arrays, first + f));
    }
}

// Brings numbers nearer that are needed soon.
INLINE void prefetch(const float *from, size_t count)
{
    for (size_t f = 0; f < count; f += 16) __builtin_prefetch(from + f);
}

// Up to ROW_BLOCK rows from `first_row` and `panels` vectors of outputs.
static void fill_panels(
    const struct logit_request *q, size_t first_row, size_t row_count, size_t output, size_t panels)
{
    float packed[LOGIT_BLOCK * PANELS * LANES] __attribute__((aligned(64)));
    // Rows past the last are transposed with the others.
    float totals[ROW_BLOCK][PANELS * LANES] __attribute__((aligned(64)));
    const float *weights[PANELS * LANES];
    const float *rows[ROW_BLOCK];
    const size_t padded = (row_count + LANES - 1) / LANES * LANES;
    const size_t tiles = (row_count + ROWS - 1) / ROWS, share = (PANELS * LANES + tiles - 1) / tiles;
    // Rows mostly follow each other; to look for others in vain costs nothing.
    const size_t ahead = ROWS * q->feature_count * sizeof(float);
    take_outputs(q, output, panels * LANES, weights, totals[0]);
    for (size_t r = 1; r < padded; ++r) memcpy(totals[r], totals[0], sizeof totals[0]);
    for (size_t r = 0; r < row_count; ++r) rows[r] = row_at(q, first_row + r);
    for (size_t first = 0; first < q->feature_count; first += LOGIT_BLOCK) {
        const size_t rest = q->feature_count - first, count = rest < LOGIT_BLOCK ? rest : LOGIT_BLOCK;
        pack(weights, first, count, panels, packed);
        for (size_t r = 0, some; r < row_count; r += some) {
            some = row_count - r < ROWS ? row_count - r : ROWS;
            const float *row[ROWS];
            for (size_t i = 0; i < some; ++i) row[i] = rows[r + i] + first;
            // Weights of the next block share themselves out over the tiles of this one.
            for (size_t i = r / ROWS * share; i < (r / ROWS + 1) * share; ++i)
                if (first + LOGIT_BLOCK < q->feature_count)
                    prefetch(
                        weights[i % (PANELS * LANES)] + first + LOGIT_BLOCK,
                        rest - count < LOGIT_BLOCK ? rest - count : LOGIT_BLOCK);
                else if (output + PANELS * LANES + i < q->output_count)
                    prefetch(weights_at(q, output + PANELS * LANES + i), count);
            blocks[panels - 1][some - 1](row, packed, count, ahead, totals[r]);
        }
    }
    const size_t rest = q->output_count - output;
    const size_t end = rest < panels * LANES ? rest : panels * LANES;
    for (size_t r = 0; r < padded; r += LANES) {
        const float *arrays[LANES];
        for (size_t l = 0; l < LANES; ++l) arrays[l] = totals[r + l];
        for (size_t l = 0; l < end; l += 4) {
            vector columns[4];
            transpose(arrays, l, columns);
            for (size_t c = 0; c < 4 && l + c < end; ++c)
                store(
                    q->logits + (output + l + c) * q->logit_stride + first_row + r,
                    ordered(q, columns[c]));
        }
    }
}

INLINE size_t panels_from(const struct logit_request *q, size_t output, size_t most)
{
    const size_t needed = (q->output_count - output + LANES - 1) / LANES;
    return needed < most ? needed : most;
}

static void fill_alone(const struct logit_request *q, size_t row)
{
    for (size_t o = 0; o < q->output_count; o += ALONE_PANELS * LANES)
        switch (panels_from(q, o, ALONE_PANELS)) {
        case 1: fill_one(q, row, o, 1); break;
        case 2: fill_one(q, row, o, 2); break;
        default: fill_one(q, row, o, ALONE_PANELS); break;
        }
}

static void fill(const struct logit_request *q)
{
    for (size_t first = 0; first < q->row_count; first += ROW_BLOCK) {
        const size_t rest = q->row_count - first, count = rest < ROW_BLOCK ? rest : ROW_BLOCK;
        if (count == 1) {
            fill_alone(q, first);
            continue;
        }
        for (size_t o = 0; o < q->output_count; o += PANELS * LANES)
            fill_panels(q, first, count, o, panels_from(q, o, PANELS));
    }
}
