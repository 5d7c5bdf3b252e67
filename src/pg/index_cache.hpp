// What a backend remembers of indexes between calls, by access method.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "pg/memory.hpp"
#include "pg/pages.hpp"

extern "C" {
#include "utils/inval.h"
}

namespace quiver::pg {

// Keeps one Cache for each index of an access method. A cache goes when the relation is invalidated or its file
// changes, but never before the transaction that uses it ends. Cache has a member `hints`.
template <class Cache>
class IndexCaches {
 public:
  // Called once, when the library is loaded: keeps the caches honest.
  static void watch() { CacheRegisterRelcacheCallback(mark_stale, Datum{0}); }

  // The relation's cache, or null.
  static Cache *find(Relation relation) {
    for (Node **link = &first_; *link != nullptr;) {
      Node *node = *link;
      if (node->relation != RelationGetRelid(relation)) {
        link = &node->next;
      } else if (node->stale || !compat::same_file(node->file, compat::locator(relation))) {
        drop(link);
      } else {
        return node->cache;
      }
    }
    return nullptr;
  }

  // Makes one: Cache(context, arguments...).
  template <class... Args>
  static Cache *make_cache(Relation relation, Args &&...args) {
    MemoryContext context = AllocSetContextCreate(CacheMemoryContext, "quiver index copies", ALLOCSET_DEFAULT_SIZES);
    auto *cache = make<Cache>(context, context, std::forward<Args>(args)...);
    auto *node = static_cast<Node *>(MemoryContextAlloc(CacheMemoryContext, sizeof(Node)));
    *node = {RelationGetRelid(relation), compat::locator(relation), false, context, cache, first_};
    first_ = node;
    return cache;
  }

  // Forgets it now, so that the next find() makes another.
  static void forget(Relation relation) { mark_stale(Datum{0}, RelationGetRelid(relation)); }

 private:
  struct Node {
    Oid relation;
    compat::Locator file;
    bool stale;
    MemoryContext context;
    Cache *cache;
    Node *next;
  };

  static void mark_stale(Datum, Oid relation) {
    for (Node *node = first_; node != nullptr; node = node->next)
      if (relation == InvalidOid || node->relation == relation) node->stale = true;
  }

  // A scan of this transaction may still use the cache, so its memory goes with the transaction.
  static void drop(Node **link) {
    Node *node = *link;
    *link = node->next;
    forget_hints(&node->cache->hints);
    MemoryContextSetParent(node->context, TopTransactionContext);
    pfree(node);
  }

  static inline constinit Node *first_ = nullptr;
};

}  // namespace quiver::pg
