// Training of softmax heads over subsets of classes: one head, one window of rows at a time.
//
// What a head's bits are is defined by `head_kernels_scalar.c`; every other variant gives the same
// bits, faster. The definition, for a head of k classes and d features (d a multiple of 16):
//
//   v[j] = w[j] - w[k-1], c[j] = b[j] - b[k-1]                 for j < k-1, after every update
//   z[j] = tree16(sum over i of fma(v[j][16i+l], x[16i+l])) + c[j]; z[k-1] = 0
//   p = softmax(z), with the exponential below; delta[j] = p[j] - (label == j)
//   delta[j] *= class_weights[label], where the head has weights
//   g[j][f] = fma(delta[j], x[f], g[j][f]), h[j] += delta[j]   for j < k-1, rows in order
//   after a minibatch of n rows: g[j] *= 1/n; g[k-1] = -(g[0] + g[1] + ...); Adadelta
//
// tree16 adds lanes 8 apart, then 4, 2, 1. Softmax depends on differences of logits only and its
// gradients over classes sum to zero, so the last class costs nothing (design, section 4).
//
// Counts are elements. Pointers never alias and are never null unless a comment says so.

#ifndef MANYHEADS_HEAD_KERNELS_H
#define MANYHEADS_HEAD_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Lanes of the reduction, and what feature counts are padded to.
#define HEAD_LANES 16
// More than the rows of a head that ever wait for the next window.
#define HEAD_PENDING_MAX 32
// Rows whose logits are computed together.
#define HEAD_TILE_ROWS 16
// Lanes of sums in double, and what their feature counts are padded to.
#define HEAD_CONVEX_LANES 4
// Rows of a tile in double.
#define HEAD_CONVEX_ROWS 8

// What every head of a bundle has in common.
struct head_parameters {
    float learning_rate;
    float rho;
    float epsilon;
    uint32_t batch_size;
};

// One head in training. Matrices are [class][feature]. A pair (k = 2) keeps Adadelta's averages for
// its first class only: the second one's are equal bit for bit and its updates are opposite.
struct head_state {
    uint32_t class_count;       // k
    uint32_t feature_count;     // d, a multiple of HEAD_LANES
    uint32_t minibatch_row_count;  // rows in `gradients` since the last update
    uint32_t pending_count;     // rows listed but not yet consumed, fewer than HEAD_PENDING_MAX
    const uint16_t *classes;    // [k], in the order of the definition: by ascending key
    float *weights;             // [k][d]
    float *biases;              // [k]
    float *squared_gradients;   // [k][d], for a pair [1][d]
    float *squared_updates;     // likewise
    float *bias_squared_gradients;  // [k], for a pair [1]
    float *bias_squared_updates;    // likewise
    float *differences;         // [k-1][d]: v
    float *bias_differences;    // [k-1]: c
    float *gradients;           // [k-1][d]: g
    float *bias_gradients;      // [k-1]: h
    const float *class_weights; // [k]: what a row of each class weighs; null: all weigh the same
    float *logits;              // [k][HEAD_TILE_ROWS], scratch: heads of one thread may share it
    // Positions in the stream buffer of the pending rows.
    uint16_t pending_rows[HEAD_PENDING_MAX];
};

// A window of the shared stream of rows. Windows alternate between the two halves of one buffer, so
// that rows of the one before, too few to fill a tile, can be consumed together with this one's.
struct head_window {
    const float *buffer;          // [row][feature], masked and scaled: both halves
    uint32_t first_row;           // where this window starts in the buffer
    uint32_t row_count;
    uint32_t feature_count;       // d
    const uint16_t *labels;       // [row], class indices: both halves
    const uint64_t *class_bits;   // [class][word]: bit r % 64 of word r / 64: row r is of the class
    uint32_t word_count;
};

// Which rows to write into a window, and how to drop their features.
struct head_row_request {
    const float *features;          // [row][source_feature_count]
    uint32_t source_feature_count;
    uint32_t feature_count;         // source_feature_count padded with zeros to HEAD_LANES
    const uint32_t *row_indices;    // [row_count], into features
    const uint16_t *row_classes;    // [row_count]
    const uint32_t *class_offsets;  // [class]: first row of the class in features
    const uint64_t *class_keys;     // [class]: what dropout names the class by
    uint32_t row_count;
    uint64_t seed;
    uint32_t epoch;
    uint32_t dropout_purpose;       // RandomPurpose.headDropout
    // A feature is kept with probability keep_numerator / 65536, 1 to 65536.
    uint32_t keep_numerator;
    float scale;                    // 1 / probability of being kept
};

// Rows of one class, and which sums over them a head over `class_count` classes asks for, in double.
// The head's bias is the weight of a feature that is 1 in every row; it is not in memory.
struct head_convex_rows {
    const float *rows;          // [row_count][stride], of which the first value_count are features
    size_t stride;
    size_t row_count;
    uint32_t value_count;
    uint32_t feature_count;     // d: value_count and the 1, padded to HEAD_CONVEX_LANES
    uint32_t class_count;       // k
    uint32_t label;             // the rows' class, a position in the head
    const float *weights;       // [row_count]: what each row weighs; null: all weigh 1
    const double *differences;  // [k-1][d]: weights less those of the last class
    // To each of these is added; each may be null.
    double *gradients;          // [k-1][d]: delta[j] x, delta as above, times the row's weight
    double *squares;            // [2][k]: delta[j]^2, and delta[j], each times the row's weight
    // Set, may be null: the probability of the rows' own class, [row_count].
    double *chosen;
    double *scratch;            // [HEAD_CONVEX_ROWS][d]
    double *logits;             // [k][HEAD_CONVEX_ROWS], scratch too
};

// What training to the optimum consists of. Matrices are [d][d], d a multiple of HEAD_CONVEX_LANES.
struct head_convex_kernels {
    void (*accumulate)(const struct head_convex_rows *request);
    // Adds rows^T diag(weights) rows to the lower triangle of `m`, rows and weights being as above; what
    // is above it is undefined.
    void (*gram)(
        const float *rows, const float *weights, size_t stride, size_t row_count,
        size_t value_count, size_t d, double *scratch, double *m);
    double (*dot)(const double *a, const double *b, size_t count);
    // y += factor * x
    void (*add_multiple)(double factor, const double *x, double *y, size_t count);
    // Cholesky's factorisation of the lower triangle, in place; false if it is not positive.
    bool (*factorise)(double *m, size_t d);
    // Solves with what `factorise` left.
    void (*solve)(const double *m, size_t d, double *x);
};

// The path of penalties: rows of a head over K outputs, in blocks of at most HEAD_PATH_ROWS, in single
// precision. Every element of a result is one chain of fused multiply-adds in the order of features, or
// of rows, so that no bit depends on how the work is cut. Definition, `tree16` as above:
//
//   z[r][j] = b[j] + s1 + s2 + ..., s = fma(w[j][f], x[r][f], s) over HEAD_PATH_FEATURES features at a time
//   e[j] = exp(z[j] - max), 0 below exp(-50); rest = tree16 of lanes of e without the label's
//   delta[j] = e[j] * (1 / (rest + e[label])), of the label -rest times that
//   out[j][f] = fma(a[r][j] * weights[r], b[r][f], out[j][f]), rows in order
#define HEAD_PATH_ROWS 128
#define HEAD_PATH_FEATURES 256
// Outputs and features are padded to this.
#define HEAD_PATH_PANEL 16
// Rows of a step of the factorisation.
#define HEAD_PATH_STEP 48

// Rows and the values of their outputs: logits, then deltas.
struct head_path_rows {
    const float *const *rows;    // [row_count]: of feature_count values each
    size_t row_count;            // at most HEAD_PATH_ROWS
    size_t feature_count;        // d, a multiple of HEAD_PATH_PANEL
    uint32_t output_count;       // K
    uint32_t stride;             // of `values`: K padded to HEAD_PATH_PANEL
    const uint32_t *labels;      // [row_count]: an output each
    const float *row_weights;    // [row_count]: what each row weighs
    const float *packed;         // [stride / 16][d][16]: weights, as `pack` leaves them
    const float *weights;        // [K][weight_stride]: the same, for `refine` alone
    size_t weight_stride;
    const float *biases;         // [stride]: those past K very low
    float *values;               // [row_count][stride]
    double *losses;              // [row_count]: set by `softmax`
    double *bias_sums;           // [K]: sums of values times weights: `softmax`, `differentiate` add to them
};

// Sums over rows of the products of two vectors of each.
struct head_path_products {
    const float *const *left;    // [row_count]: a, of left_count values
    const float *const *right;   // [row_count]: b, of right_count values
    const float *row_weights;    // [row_count]
    size_t row_count;            // at most HEAD_PATH_ROWS
    size_t left_count;
    size_t right_count;          // a multiple of HEAD_PATH_PANEL
    float *sums;                 // [left_count][sum_stride]: added to
    size_t sum_stride;
    bool is_upper;               // only sums with f >= j mean anything
};

// Rows of one class and heads of two outputs, one a column: what a gradient, or a product with second derivatives, is
// summed of.
struct head_path_binary {
    size_t row_count;
    size_t stride;               // columns, a multiple of HEAD_PATH_PANEL
    const float *row_weights;    // [row_count]
    const float *signs;          // [stride]: 1 where the class is of the first output, else -1
    const float *factors;        // [stride]: what rows weigh more than by themselves
    const float *is_product;     // [stride]: 1 where a product is wanted, 0 where a gradient
    // [row_count][stride]: v x in; out by column what is multiplied with x: for a gradient -sign times the probability of
    // the wrong output, which `deltas` gets too; for a product that times its complement times v x.
    float *values;
    float *deltas;
    double *losses;              // [stride]: sums over the rows, as they weigh, are added to; of a gradient
    double *bias_sums;           // [stride]
    double *curvatures;          // [stride]: of p (1 - p); of a gradient
};

struct head_path_kernels {
    // `weights` [output_count][d] to [panel][d][16], zeros past the last.
    void (*pack)(
        const float *weights, size_t weight_stride, size_t output_count, size_t d, float *packed);
    // Sets `values` to the logits.
    void (*forward)(const struct head_path_rows *q);
    // Logits of single precision that are within 18 of their row's highest one, and the label's, again in
    // double, and less the highest one; the others less the highest one.
    void (*refine)(const struct head_path_rows *q);
    // Logits to deltas.
    void (*softmax)(const struct head_path_rows *q);
    void (*multiply)(const struct head_path_products *q);
    // Values s, of about 1, to p[j] (s[j] - sum of p s), 0 up to 1e-18, p being the probabilities of `deltas`
    // [row_count][stride]; adds them to `bias_sums` as the rows weigh.
    void (*differentiate)(const struct head_path_rows *q, const float *deltas);
    void (*binary)(const struct head_path_binary *q);
    // m = U^T U in place, U in the upper triangle and the reciprocals of its diagonal on it; false if
    // it is not positive. d is a multiple of HEAD_PATH_PANEL.
    bool (*factorise)(float *m, size_t d);
    // Solves with what `factorise` left.
    void (*solve)(const float *m, size_t d, float *x);
    // The eigenvalues of a symmetric matrix m [d][d], ascending, and in its place its eigenvectors, one a row. `off` has
    // room for d numbers. False if they are not found.
    bool (*diagonalise)(double *m, size_t d, double *eigenvalues, double *off);
};

// A variant for one instruction set.
struct head_kernel_variant {
    const char *name;
    bool (*is_supported)(void);
    // Writes rows masked and scaled to `rows` [row_count][feature_count].
    void (*prepare_rows)(const struct head_row_request *request, float *rows);
    // Starts a head: differences from weights, gradients and averages zero.
    void (*begin)(struct head_state *head);
    // Trains each head on its rows of a window; a few of them may wait for the next one.
    // `scratch` holds row_count + 2 * HEAD_PENDING_MAX entries.
    void (*consume_window)(
        struct head_state *heads, size_t head_count, const struct head_parameters *parameters,
        const struct head_window *window, uint16_t *scratch);
    // Ends an epoch: consumes what waits and applies the last, smaller minibatch if there is one.
    // `buffer` and `labels` are the last window's.
    void (*end_epoch)(
        struct head_state *heads, size_t head_count, const struct head_parameters *parameters,
        const float *buffer, const uint16_t *labels);
    // Runs `count` rounds of independent fused multiply-adds on full vectors: the core's peak.
    // Returns a number that depends on all of them. `flop_count` gets the operations done.
    float (*measure_peak)(uint64_t count, double *flop_count);
    // Adds rows of one class, `stride` apart, to `gradients` and `bias_gradients`; nothing is updated.
    // `label` is the class's position in the head; delta of a row is multiplied by its one of `weights`
    // [row_count], where they are not null.
    void (*accumulate_rows)(
        struct head_state *head, const float *rows, const float *weights, size_t stride,
        size_t row_count, uint32_t label);
    struct head_convex_kernels convex;
    struct head_path_kernels path;
};

// Every variant of this build: 0 is the scalar reference, the last one the fastest.
uint32_t head_kernel_variant_count(void);
const struct head_kernel_variant *head_kernel_variant_at(uint32_t index);

#endif
