// The table of vector kernels: one function pointer per loop over raw arrays, its contract beside it.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>

namespace quiver::simd {

// Sums that cosine distance needs, gathered in one pass. All three in binary32, as the SQL operator promises.
struct CosineSums {
  float dot;
  float squared_norm_a;
  float squared_norm_b;
};

// Bits set in both of two strings, and in at least one.
struct BitCounts {
  uint64_t common;
  uint64_t either;
};

// The non-zero elements of a sparse vector. REQUIRES: indices ascending, none twice, none negative.
struct SparseTerms {
  const int32_t *indices;
  const float *values;
  size_t count;
};

// How a vector of levels points: with l_i = level_i - 1.5, sum value_i l_i and sum l_i^2. Both binary32 sums.
struct LevelSums {
  float alignment;
  float squared_norm;
};

// Of a vector of signs: sum |value_i|, and the sum of another vector's values where value_i > 0. Both binary32 sums.
struct SignSums {
  float magnitude;
  float chosen;
};

// Number of bit planes of the integer query that one-bit lanes are scanned with: signed, two's complement, so
// plane kQueryPlanes - 1 weighs -2^(kQueryPlanes - 1).
inline constexpr size_t kQueryPlanes = 6;

// Largest magnitude of a signed query that dot_u8_s8 takes.
inline constexpr int kMaxSignedQuery = 63;

// A query prepared for the neighbour codes of any node: integers that the lane kernels multiply with code bits, and
// the affine map from that integer product back to the inner product <levels, query>.
struct LaneQuery {
  const void *values;  // two-bit: int8_t[4][stride]; one-bit: uint64_t[kQueryPlanes][stride / 8]; 64-byte aligned
  size_t stride;       // bytes of one of the 4 fields or kQueryPlanes planes; code_bytes rounded up to 64, zero padded
  float scale;         // inner product = scale * integer + offset
  float offset;
};

// The lanes of one node as they lie in its slot. `codes` holds `lanes` codes of `code_bytes` bytes, back to back.
// REQUIRES: 32 readable bytes beyond the last code (the slot layout provides them); wider loads must be masked.
struct LaneBlock {
  const uint8_t *codes;
  size_t code_bytes;
  const uint16_t *add;      // bf16, one per lane
  const uint16_t *rescale;  // bf16, one per lane
  size_t lanes;
};

// A set of ids in a table: buckets of kIdBucket places that fill from the front; free places hold kNoId.
inline constexpr size_t kIdBucket = 8;
inline constexpr size_t kMostItems = 64;  // that keep_least chooses among
inline constexpr uint32_t kNoId = 0xffffffffu;
inline constexpr uint32_t kAddedId = 0x80000000u;

// A query prepared for the blocks of any list: for each group of four code bits, what each of its 16 values adds.
struct BlockQuery {
  const uint8_t *tables;  // 16 bytes a group
  size_t groups;
  float scale;  // product = scale * sum of the look-ups + offset
  float offset;
};

// 32 codes, group by group: the low nibble of byte j of a group's 16 is lane j's, the high nibble lane 16 + j's.
inline constexpr size_t kBlockLanes = 32;
struct CodeBlock {
  const uint8_t *codes;
  const float *add, *rescale, *error;  // kBlockLanes each
};

// Codes of 14 bits: a byte an axis, and a level of six bits that follow, in blocks of 32 axes. Their upper four bits
// come first: the low nibble of byte j of 16 is axis j's, the high nibble axis 16 + j's. Then the lower two: bits 2k
// and 2k + 1 of byte j of 8 are axis 8 k + j's. Such a code stands for a number around 0.
inline constexpr size_t kFineBlock = 32;       // axes
inline constexpr size_t kFineBlockBytes = 24;  // of levels
inline constexpr int kFineMiddle = 8192;

// Binary32 sums are of at least so many partial sums, where there are as many terms, of about equally many terms.
inline constexpr size_t kDensePartialSums = 8, kSparsePartialSums = 4;

// Every kernel takes unaligned pointers, accepts length 0, never throws and never allocates. "binary32 sums" may be
// reordered by vector width; a test compares each with a double-precision loop.
struct Kernels {
  const char *tier;

  // --- dense float32, binary32 sums -------------------------------------------------------------------------------
  float (*squared_l2)(const float *a, const float *b, size_t n);     // sum (a_i - b_i)^2
  float (*inner_product)(const float *a, const float *b, size_t n);  // sum a_i b_i
  float (*l1)(const float *a, const float *b, size_t n);             // sum |a_i - b_i|
  CosineSums (*cosine_sums)(const float *a, const float *b, size_t n);

  // --- dense binary16 (its bits), converted to binary32, binary32 sums. REQUIRES: finite elements ---------------
  float (*half_squared_l2)(const uint16_t *a, const uint16_t *b, size_t n);
  float (*half_inner_product)(const uint16_t *a, const uint16_t *b, size_t n);
  float (*half_l1)(const uint16_t *a, const uint16_t *b, size_t n);
  CosineSums (*half_cosine_sums)(const uint16_t *a, const uint16_t *b, size_t n);
  void (*widen_halves)(const uint16_t *halves, size_t n, float *values);
  // To nearest, ties to even; 0x7c00, infinity, beyond the range. REQUIRES: no NaN.
  void (*narrow_to_halves)(const float *values, size_t n, uint16_t *halves);

  // --- bit strings of n bytes; exact ------------------------------------------------------------------------------
  uint64_t (*hamming)(const uint8_t *a, const uint8_t *b, size_t n);
  BitCounts (*count_common_bits)(const uint8_t *a, const uint8_t *b, size_t n);

  // --- sparse float32, binary32 sums ------------------------------------------------------------------------------
  float (*sparse_squared_l2)(const SparseTerms &a, const SparseTerms &b);
  float (*sparse_inner_product)(const SparseTerms &a, const SparseTerms &b);
  float (*sparse_l1)(const SparseTerms &a, const SparseTerms &b);

  // --- dense float32, binary64 sums -------------------------------------------------------------------------------
  double (*squared_norm)(const float *a, size_t n);  // sum a_i^2

  // --- matrices, row-major float32, binary32 sums -----------------------------------------------------------------
  // out[i * columns + j] = <a_i, b_j>, where a has `rows` and b `columns` rows of n elements. The one kernel that
  // allocates (packed panels, at most a few megabytes), and so may throw bad_alloc.
  void (*inner_products)(const float *a, size_t rows, const float *b, size_t columns, size_t n, float *out);

  // --- the nearest of many ----------------------------------------------------------------------------------------
  // Turns products <a, b_i> into squared distances own + norms[i] - 2 products[i]; `places` takes those that are below
  // bounds[i] or `bound`, in order. Returns how many. `places`: room for n.
  size_t (*find_near)(float *products, const float *norms, float own, const float *bounds, float bound, size_t n,
                      uint32_t *places);
  // Keeps the `wanted` least of n finite values, in their order where no two are equal, and their ids. Returns how many
  // those are. REQUIRES: n <= kMostItems, a multiple of 16.
  size_t (*keep_least)(float *values, uint32_t *ids, size_t n, size_t wanted);

  // --- rotation ---------------------------------------------------------------------------------------------------
  // In-place Walsh-Hadamard butterflies, not normalised. REQUIRES: n a power of two. Only additions and subtractions
  // in the textbook order, so that every tier gives the same bits.
  void (*hadamard)(float *values, size_t n);

  // --- own vectors: unsigned 8-bit codes --------------------------------------------------------------------------
  float (*dot_float_u8)(const float *query, const uint8_t *code, size_t n);  // sum query_i code_i, binary32 sums
  // sum query_i c_i, binary32 sums, where c_i = 64 code_i + level_i - kFineMiddle. REQUIRES: whole blocks of levels.
  float (*dot_float_u14)(const float *query, const uint8_t *code, const uint8_t *levels, size_t n);
  uint32_t (*dot_u8)(const uint8_t *a, const uint8_t *b, size_t n);  // exact; REQUIRES n <= 65,536
  uint32_t (*sum_u8)(const uint8_t *a, size_t n);                    // exact; REQUIRES n <= 65,536
  // sum |query_i - (minimum + step code_i)|, binary32 sums
  float (*l1_float_u8)(const float *query, const uint8_t *code, size_t n, float minimum, float step);
  // sum code_i query_i, exact. REQUIRES: |query_i| <= kMaxSignedQuery, so that pairs of products fit 16 bits; n <=
  // 65,536.
  int32_t (*dot_u8_s8)(const uint8_t *code, const int8_t *query, size_t n);

  void (*decode_u8)(const uint8_t *code, size_t n, float minimum, float step, float *values);  // minimum + step code_i

  // --- encoding of residuals --------------------------------------------------------------------------------------
  // out = a - b; returns its squared length, binary32 sums.
  float (*subtract)(const float *a, const float *b, size_t n, float *out);
  // Four-level quantizer: level_i = trunc(value_i inverse_step + 2) clamped to 0..3, standing for level_i - 1.5.
  LevelSums (*quantize_levels)(const float *values, size_t n, float inverse_step, uint8_t *levels);
  // Two-level quantizer: bit i of byte b is set where value 8 b + i > 0; those beyond n are 0.
  SignSums (*quantize_signs)(const float *values, const float *other, size_t n, uint8_t *bits);

  // --- neighbour codes --------------------------------------------------------------------------------------------
  // out[i] = own + add[i] + rescale[i] * (scale * integer_i + offset), where integer_i is the product of lane i's code
  // with the query's integers.
  // Two-bit: bits 2k, 2k+1 of byte b are the level (0..3) of axis k * code_bytes + b, multiplied by values[k][b].
  void (*estimate_lanes_2bit)(const LaneQuery &query, const LaneBlock &block, float own, float *out);
  // One-bit: bit i of byte b is axis 8 b + i; integer = sum over planes p of weight_p * popcount(code & plane_p).
  void (*estimate_lanes_1bit)(const LaneQuery &query, const LaneBlock &block, float own, float *out);

  // --- sets of ids ------------------------------------------------------------------------------------------------
  // Looks for n ids in a table and inserts those that are missing; found[i] is the place of ids[i], plus kAddedId when
  // it is new. REQUIRES: `places` a power of two from kIdBucket to 2^31, n of them free and one more.
  void (*add_ids)(uint32_t *table, size_t places, const uint32_t *ids, size_t n, uint32_t *found);

  // --- codes of lists ---------------------------------------------------------------------------------------------
  // out[i] = own + add[i] + rescale[i] * (scale * sum_i + offset) - width * error[i], where sum_i is what the tables
  // say of lane i's groups. Sums are exact up to 2^24.
  void (*estimate_block)(const BlockQuery &query, const CodeBlock &block, float own, float width, float *out);
  // The same for codes of bytes: 256 bytes of table a group, and byte j of a group's 32 is lane j's.
  void (*estimate_block_8bit)(const BlockQuery &query, const CodeBlock &block, float own, float width, float *out);
};

}  // namespace quiver::simd
