// Opening a pass.
// SPDX-License-Identifier: PostgreSQL
#include "pg/page_stream.hpp"

namespace quiver::pg {

void PageStream::open(Relation index, BlockNumber first, BlockNumber end, PassPurpose purpose,
                      BufferAccessStrategy strategy) {
  range_ = {first, end};
  reading_ = compat::begin_reading(index, &range_, strategy, purpose == PassPurpose::maintenance);
}

}  // namespace quiver::pg
