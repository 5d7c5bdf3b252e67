// Products of matrices, through Eigen under a name of this tier's own.
// SPDX-License-Identifier: PostgreSQL

// Compiled for different processors, Eigen's templates have the same names: a linker would merge them.
#define QUIVER_EIGEN_NAME(tier) Eigen_##tier
#define QUIVER_EIGEN(tier) QUIVER_EIGEN_NAME(tier)
#define Eigen QUIVER_EIGEN(QUIVER_TIER)
#define EIGEN_DONT_PARALLELIZE
#define EIGEN_NO_DEBUG
#include <eigen3/Eigen/Core>

namespace {

void inner_products(const float *a, size_t rows, const float *b, size_t columns, size_t n, float *out) {
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const auto index = [](size_t size) { return static_cast<Eigen::Index>(size); };
  const Eigen::Map<const Matrix> left(a, index(rows), index(n)), right(b, index(columns), index(n));
  Eigen::Map<Matrix> product(out, index(rows), index(columns));
  product.noalias() = left * right.transpose();
}

}  // namespace
