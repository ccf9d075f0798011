#ifndef MANYHEADS_BACKBONE_PRODUCTS_H
#define MANYHEADS_BACKBONE_PRODUCTS_H

#include <stddef.h>

#include "backbone_threads.h"

// Products of small matrices, for inlining into functions of one instruction set. Sums of products
// may be fused where the processor can.
#pragma clang fp contract(fast)

typedef float f32x16 __attribute__((vector_size(64), aligned(4), may_alias));

#define AT16(pointer) (*(f32x16 *)(pointer))
#define CONST_AT16(pointer) (*(const f32x16 *)(pointer))

// c[row, 0..16] (+)= sum over k of a[row, k] * b[k, 0..16], the sum in the order of k.
INLINE void multiply_rows(const int rows, const int adds, const float *restrict a, size_t a_row,
                          size_t a_depth, const float *restrict b, size_t b_row, float *restrict c,
                          size_t c_row, size_t depth) {
    f32x16 sums[6];
    for (int row = 0; row < rows; row++) {
        sums[row] = adds ? CONST_AT16(c + (size_t)row * c_row) : (f32x16){};
    }
    for (size_t k = 0; k < depth; k++) {
        f32x16 values = CONST_AT16(b + k * b_row);
        for (int row = 0; row < rows; row++) {
            sums[row] += a[(size_t)row * a_row + k * a_depth] * values;
        }
    }
    for (int row = 0; row < rows; row++)
        AT16(c + (size_t)row * c_row) = sums[row];
}

// The same for any number of rows and a multiple of 16 columns.
INLINE void multiply(const int adds, const float *restrict a, size_t a_row, size_t a_depth,
                     const float *restrict b, size_t b_row, float *restrict c, size_t c_row,
                     size_t rows, size_t columns, size_t depth) {
    for (size_t column = 0; column < columns; column += 16) {
        size_t row = 0;
        while (row < rows) {
            // Sixes and fives (32 is 6 + 6 + 4 * 5): enough sums to hide an addition's latency.
            size_t left = rows - row;
            size_t step = left % 6 == 0 || left % 6 == 5 || left == 7 ? 6 : 5;
            if (left < step)
                step = left;
            const float *from = a + row * a_row;
            float *into = c + row * c_row + column;
            const float *values = b + column;
#define ROWS(n) multiply_rows(n, adds, from, a_row, a_depth, values, b_row, into, c_row, depth)
            switch (step) {
            case 6:
                ROWS(6);
                break;
            case 5:
                ROWS(5);
                break;
            case 4:
                ROWS(4);
                break;
            case 3:
                ROWS(3);
                break;
            case 2:
                ROWS(2);
                break;
            default:
                ROWS(1);
                break;
            }
#undef ROWS
            row += step;
        }
    }
}

#endif
