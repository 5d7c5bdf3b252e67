// Plans without the sort keys that nobody reads.
// SPDX-License-Identifier: PostgreSQL
#pragma once

namespace quiver::types {

// ORDER BY embedding <-> query makes the distance a column of the plan, and the executor works it out for every row,
// also where the query does not select it. For a vector outside its row that is a look-up in TOAST, as dear as ten
// visits of an index. Once an index of quiver's has put the rows in order and nothing stands above it but LIMIT, the
// column is NULL instead.
void leave_out_unread_sort_keys();

}  // namespace quiver::types
