// Printing a binary32 by the method of R. Giulietti, "The Schubfach way to render doubles" (2020).
// SPDX-License-Identifier: PostgreSQL
#include "core/float_text.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace quiver::core {

namespace {

using Wide = unsigned __int128;

constexpr int kFractionBits = 23;
constexpr int kLeastExponent = -149;  // of the spacing between neighbours, a power of two
constexpr int kExponents = 255;       // as stored in the number; the last one is for infinities
constexpr int kScaleBits = 60;

// A power of ten as bits * 2^exponent, the bits rounded up to an integer with its top bit set.
struct Power {
  uint64_t bits;
  int exponent;
};

constexpr Power power_of_ten(int decimal_exponent) {
  Wide five = 1;  // to the power of at most 45, below 2^105
  for (int i = 0; i < std::max(decimal_exponent, -decimal_exponent); ++i) five *= 5;
  Power power{0, decimal_exponent};
  bool inexact = false;
  if (decimal_exponent >= 0) {
    for (; five >> 64 != 0; ++power.exponent) {
      inexact |= (five & 1) != 0;
      five >>= 1;
    }
    power.bits = static_cast<uint64_t>(five);
    const int shift = std::countl_zero(power.bits);
    power.bits <<= shift;
    power.exponent -= shift;
  } else {
    Wide remainder = 1;
    for (; power.bits >> 63 == 0; --power.exponent) {
      remainder <<= 1;
      const bool bit = remainder >= five;
      if (bit) remainder -= five;
      power.bits = power.bits << 1 | (bit ? 1 : 0);
    }
    inexact = remainder != 0;
  }
  power.bits += inexact ? 1 : 0;
  return power;
}

// The unit of the last decimal place worth printing is 10^exponent: the largest power of ten that is no wider than the
// interval of the reals which round to the number. `spacing` is the distance between neighbours in those units, times
// 2^kScaleBits, rounded up.
struct Scale {
  uint64_t spacing;
  int exponent;
};

// `lopsided`: the number is a power of two, so that its lower neighbour is only half as far away as the upper one.
constexpr Scale scale_for(int exponent, bool lopsided) {
  constexpr int kLog2 = 1262611;        // log10(2) * 2^22
  constexpr int kLogLopsided = 524031;  // log10(4/3) * 2^22
  const int decimal_exponent = (exponent * kLog2 - (lopsided ? kLogLopsided : 0)) >> 22;
  const Power power = power_of_ten(-decimal_exponent);
  // Rounding up twice is rounding up once.
  const int shift = -(power.exponent + exponent + kScaleBits);
  const uint64_t ones = (uint64_t{1} << shift) - 1;
  return {(power.bits >> shift) + ((power.bits & ones) != 0 ? 1 : 0), decimal_exponent};
}

using ScaleRow = std::array<Scale, kExponents>;

constexpr std::array<ScaleRow, 2> make_scales() {
  std::array<ScaleRow, 2> scales{};
  for (int stored = 0; stored < kExponents; ++stored) {
    // Denormal numbers, stored as 0, are spaced like those above them.
    const int exponent = kLeastExponent + std::max(stored, 1) - 1;
    scales[0][static_cast<size_t>(stored)] = scale_for(exponent, false);
    scales[1][static_cast<size_t>(stored)] = scale_for(exponent, true);
  }
  return scales;
}

constexpr std::array<ScaleRow, 2> kScales = make_scales();

constexpr bool widths_hold_one_unit_but_not_ten() {
  constexpr Wide kUnit = Wide{1} << kScaleBits;
  for (const Scale &scale : kScales[0]) {
    if (scale.spacing < kUnit || scale.spacing >= 10 * kUnit) return false;
  }
  for (const Scale &scale : kScales[1]) {
    if (Wide{scale.spacing} * 3 < 4 * kUnit || Wide{scale.spacing} * 3 >= 40 * kUnit) return false;
  }
  return true;
}

static_assert(widths_hold_one_unit_but_not_ten());

struct Decimal {
  uint32_t digits;
  int exponent;
};

// A product by a spacing in quarters of a unit, its last bit set if anything was cut off: comparisons with integers
// come out as for the exact product. That one is at most 2^30 less, and never a little more than an integer.
uint32_t quarters(uint64_t spacing, uint32_t factor) {
  const Wide product = static_cast<Wide>(spacing) * factor;
  const bool inexact = static_cast<uint64_t>(product) >> 32 != 0;
  return static_cast<uint32_t>(product >> 64) | (inexact ? 1 : 0);
}

// The decimal with the fewest digits strictly between the midpoints to the neighbours, of those the nearest. The
// midpoints would do for an even number, but PostgreSQL leaves them out for readers that do not round to even.
Decimal shortest_decimal(uint32_t magnitude) {
  const uint32_t stored = magnitude >> kFractionBits;
  const uint32_t fraction = magnitude & ((1u << kFractionBits) - 1);
  const uint32_t significand = stored == 0 ? fraction : fraction | 1u << kFractionBits;
  const bool lopsided = fraction == 0 && stored > 1;
  const Scale &scale = kScales[lopsided ? 1 : 0][stored];
  // Four quarters to a spacing, and 64 - kScaleBits bits for the high word of the product to be a whole number.
  const uint32_t factor = significand << 6;
  const uint32_t below = quarters(scale.spacing, factor - (lopsided ? 16 : 32));
  const uint32_t middle = quarters(scale.spacing, factor);
  const uint32_t above = quarters(scale.spacing, factor + 32);

  // Selected without branches, as random numbers decide them at random.
  const uint32_t units = middle / 4;
  const uint32_t tens = units / 10;
  const uint32_t tens_in = below < 40 * tens;
  const uint32_t next_tens_in = 40 * tens + 40 < above;
  const uint32_t units_out = below >= 4 * units;
  const uint32_t nearer_next = middle % 4 + units % 2 > 2;
  const uint32_t by_tens = 10 * (tens + next_tens_in);
  const uint32_t by_units = units + (nearer_next | units_out);
  const uint32_t all_ones_for_tens = 0 - (tens_in | next_tens_in);
  return {by_units ^ ((by_units ^ by_tens) & all_ones_for_tens), scale.exponent};
}

// The eight digits of a number, one to a byte, the first one in the lowest byte.
uint64_t spread_digits(uint32_t number) {
  // Each step divides all lanes at once and puts the remainder in the lane above the quotient.
  const uint64_t upper = number / 10000;
  const uint64_t fours = (uint64_t{number} << 32) - upper * ((uint64_t{10000} << 32) - 1);
  const uint64_t hundreds = (fours * 10486 >> 20) & 0x0000007F0000007F;
  const uint64_t twos = (fours << 16) - hundreds * ((100 << 16) - 1);
  const uint64_t tens = (twos * 103 >> 10) & 0x000F000F000F000F;
  return (twos << 8) - tens * ((10 << 8) - 1);
}

constexpr uint64_t kZeros = 0x3030303030303030;

// The lowest byte goes first.
void store(char *out, uint64_t bytes) {
  if constexpr (std::endian::native == std::endian::big) bytes = __builtin_bswap64(bytes);
  std::memcpy(out, &bytes, sizeof bytes);
}

char *write_integer(uint32_t number, char *out) {
  const uint64_t digits = spread_digits(number);
  // The last digit stays even if it is a zero.
  const int leading = std::countr_zero(digits | uint64_t{1} << 56) & ~7;
  store(out, (digits | kZeros) >> leading);
  return out + (8 - leading / 8);
}

char *write_exponent(int exponent, char *out) {
  const int magnitude = std::abs(exponent);
  out[0] = 'e';
  out[1] = exponent < 0 ? '-' : '+';
  out[2] = static_cast<char>('0' + magnitude / 10);
  out[3] = static_cast<char>('0' + magnitude % 10);
  return out + 4;
}

// Where the parts of a text go.
struct Layout {
  uint8_t first;  // the one before eight digits, or the first of just eight
  uint8_t point;
  uint8_t rest;  // the digits without their first `shift` / 8
  uint8_t shift;
  uint8_t end;  // without the digits
};

constexpr int kLeastPlain = -4;
constexpr int kMostPlain = 5;
using LayoutRow = std::array<Layout, kMostPlain - kLeastPlain + 1>;

constexpr std::array<LayoutRow, 2> make_layouts() {
  std::array<LayoutRow, 2> layouts{};
  for (int ninth = 0; ninth < 2; ++ninth) {
    for (int exponent = kLeastPlain; exponent <= kMostPlain; ++exponent) {
      Layout &layout = layouts[ninth][exponent - kLeastPlain];
      const int first = exponent < 0 ? 1 - exponent : 0;
      const int whole = exponent < 0 ? 1 : exponent + 1;
      layout.first = static_cast<uint8_t>(first);
      layout.point = static_cast<uint8_t>(whole);
      layout.rest = static_cast<uint8_t>(exponent < 0 ? first + ninth : whole + 1);
      layout.shift = static_cast<uint8_t>(exponent < 0 ? 0 : 8 * (whole - ninth));
      layout.end = static_cast<uint8_t>(exponent < 0 ? first : 1);
    }
  }
  return layouts;
}

constexpr std::array<LayoutRow, 2> kLayouts = make_layouts();

char *write_decimal(Decimal decimal, char *out) {
  // Eight digits after a one, or just eight.
  const uint32_t ninth = decimal.digits >= 100000000;
  uint32_t number = decimal.digits - (ninth ? 100000000 : 0);
  const uint32_t seven = decimal.digits < 10000000;
  number += seven * 9 * number;
  int exponent = decimal.exponent + 7 + static_cast<int>(ninth) - static_cast<int>(seven);
  if (seven != 0 && number < 10000000) [[unlikely]] {
    do {
      number *= 10;
      --exponent;
    } while (number < 10000000);
  }
  const uint64_t digits = spread_digits(number);
  const uint64_t text = digits | kZeros;
  const uint32_t count = ninth + 8 - static_cast<uint32_t>(std::countl_zero(digits)) / 8;
  const bool scientific = exponent < -4 || exponent >= 6;
  const Layout layout = kLayouts[ninth][scientific ? 4 : exponent + 4];
  store(out, kZeros);
  out[layout.first] = '1';
  store(out + layout.first + ninth, text);
  out[layout.point] = '.';
  store(out + layout.rest, text >> layout.shift);
  char *const end = out + layout.end + count;
  if (!scientific) [[likely]]
    return end;
  return write_exponent(exponent, count > 1 ? end : end - 1);
}

}  // namespace

char *write_float(float value, char *out) noexcept {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t magnitude = bits & 0x7FFFFFFF;
  *out = '-';
  out += bits >> 31;
  const float positive = std::bit_cast<float>(magnitude);
  if (positive < 1e6f) {
    const auto integer = static_cast<int32_t>(positive);
    if (static_cast<float>(integer) == positive) return write_integer(static_cast<uint32_t>(integer), out);
  }
  return write_decimal(shortest_decimal(magnitude), out);
}

}  // namespace quiver::core
