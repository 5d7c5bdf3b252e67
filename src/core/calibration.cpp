// Points of the curve, and what lies between them.
// SPDX-License-Identifier: PostgreSQL
#include "core/calibration.hpp"

#include <cmath>

namespace quiver::core {

namespace {

// Share of the way from a to b at which `value` lies.
double share(double a, double b, double value) { return b > a ? std::clamp((value - a) / (b - a), 0.0, 1.0) : 1.0; }

// What is missed, on a scale on which curves are nearly straight.
double missed(double recall) { return -std::log(std::max(1.0 - recall, 1e-5)); }

}  // namespace

float RecallCurve::gamma_for(double target) const {
  if (recall[0] >= target) return 0.0f;
  for (size_t i = 1; i < kCalibrationPoints; ++i) {
    if (recall[i] < target) continue;
    const double s = share(missed(recall[i - 1]), missed(recall[i]), missed(target));
    return kCalibratedGammas[i - 1] + static_cast<float>(s) * (kCalibratedGammas[i] - kCalibratedGammas[i - 1]);
  }
  return kCalibratedGammas.back();
}

float RecallCurve::reachable_gamma_for(double target) const {
  constexpr double kHardlyLess = 0.001;
  return gamma_for(std::min(target, recall[kCalibrationPoints - 1] - kHardlyLess));
}

namespace {

float value_at(const float *values, float gamma) {
  for (size_t i = 1; i < kCalibrationPoints; ++i) {
    if (kCalibratedGammas[i] < gamma) continue;
    const double s = share(kCalibratedGammas[i - 1], kCalibratedGammas[i], gamma);
    return values[i - 1] + static_cast<float>(s) * (values[i] - values[i - 1]);
  }
  return values[kCalibrationPoints - 1];
}

}  // namespace

float RecallCurve::visits_at(float gamma) const { return value_at(visits, gamma); }
float RecallCurve::recall_at(float gamma) const { return value_at(recall, gamma); }

size_t CurveMeasurement::first_point_at(float gamma) {
  size_t point = 0;
  while (point < kCalibrationPoints && kCalibratedGammas[point] < gamma) ++point;
  return point;
}

void CurveMeasurement::note_stop(float from, float to, size_t visits) {
  for (size_t i = first_point_at(from); i < kCalibrationPoints && kCalibratedGammas[i] < to; ++i)
    visits_[i] += static_cast<double>(visits);
}

void CurveMeasurement::note_hit(float gamma, size_t wanted) {
  for (size_t i = first_point_at(gamma); i < kCalibrationPoints; ++i) recall_[i] += 1.0 / static_cast<double>(wanted);
}

void CurveMeasurement::note_visits(float gamma, size_t visits) {
  const size_t point = first_point_at(gamma);
  if (point < kCalibrationPoints) more_visits_[point] += static_cast<double>(visits);
}

RecallCurve CurveMeasurement::curve(uint64_t nodes) const {
  RecallCurve curve{};
  if (queries_ == 0) return curve;
  curve.nodes = nodes;
  curve.queries = queries_;
  double more = 0.0;
  for (size_t i = 0; i < kCalibrationPoints; ++i) {
    more += more_visits_[i];
    curve.recall[i] = static_cast<float>(recall_[i] / queries_);
    curve.visits[i] = static_cast<float>((visits_[i] + more) / std::max(counted_, 1u));
  }
  return curve;
}

}  // namespace quiver::core
