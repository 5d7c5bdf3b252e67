// Work that several processes do together, one step after another.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace quiver::core {

// The state of the present step, in memory that all who work on it share; zero bytes are its start. One leader opens
// steps; anybody may come late, leave early or never turn up: what counts is the items done, not who does them.
struct SharedWork {
  static constexpr unsigned kItemBits = 40;

  std::atomic<uint64_t> ticket;  // sequence number of the step << kItemBits | next item
  std::atomic<uint64_t> items;
  std::atomic<uint64_t> done;
  std::atomic<uint32_t> step;
};
static_assert(std::atomic<uint64_t>::is_always_lock_free && std::atomic<uint32_t>::is_always_lock_free);

// One participant's hand on the work. Steps are numbers of the caller's choice; 0 means none yet.
class Crew {
 public:
  explicit Crew(SharedWork *work) : work_(work) {}
  virtual ~Crew() = default;
  Crew(const Crew &) = delete;
  Crew &operator=(const Crew &) = delete;

  // Leader: has items [0, items) of a step done, in ranges of `chunk`, by itself and whoever else is there:
  // body(first, last). Returns when all are done. An exception out of `body` leaves the step unfinished for ever.
  template <class Body>
  void lead(uint32_t step, size_t items, size_t chunk, Body &&body) {
    open(step, items);
    wake_all();
    take_part(chunk, body);
    wait_until([this] { return work_->done.load() == work_->items.load(); });
  }

  // Leader: tells the others a step that has nothing to be done, the last for instance.
  void announce(uint32_t step) {
    open(step, 0);
    wake_all();
  }

  // Sleeps until the condition, over what participants share, holds; whoever makes it true calls wake_all.
  template <class Condition>
  void wait_until(const Condition &condition) {
    wait([](const void *argument) { return (*static_cast<const Condition *>(argument))(); }, &condition);
  }

  // Wakes everybody who waits. May throw.
  virtual void wake_all() = 0;

  // The others: waits for a step that this participant has not seen, and returns it.
  uint32_t follow() {
    wait_until([this] { return sequence_of(work_->ticket.load()) != sequence_; });
    sequence_ = sequence_of(work_->ticket.load());
    return work_->step.load();
  }

  // The others: takes ranges of the step that follow() told, until none is left.
  template <class Body>
  void take_part(size_t chunk, Body &&body) {
    uint64_t first, last;
    while (take(chunk, &first, &last)) {
      body(static_cast<size_t>(first), static_cast<size_t>(last));
      if (work_->done.fetch_add(last - first) + (last - first) == work_->items.load()) wake_all();
    }
  }

 protected:
  // Sleeps until `holds(argument)`; looks whenever somebody wakes all. May throw.
  virtual void wait(bool (*holds)(const void *), const void *argument) = 0;

 private:
  static constexpr uint64_t kAllItems = (uint64_t{1} << SharedWork::kItemBits) - 1;
  static uint64_t sequence_of(uint64_t ticket) { return ticket >> SharedWork::kItemBits; }

  // No range of the step before is in anybody's hands: it was done.
  void open(uint32_t step, size_t items) {
    // Somebody may be looking for a range of that step even now, and must not find one among the new items.
    work_->ticket.store(work_->ticket.load() | kAllItems);
    work_->items.store(items);
    work_->done.store(0);
    work_->step.store(step);
    sequence_ = sequence_of(work_->ticket.load()) + 1;
    work_->ticket.store(sequence_ << SharedWork::kItemBits);
  }

  // False when the step has no items left, or is over: a latecomer must not take those of the next.
  bool take(size_t chunk, uint64_t *first, uint64_t *last) {
    uint64_t ticket = work_->ticket.load();
    do {
      if (sequence_of(ticket) != sequence_) return false;
      *first = ticket & kAllItems;
      const uint64_t items = work_->items.load();
      if (*first >= items) return false;
      *last = std::min<uint64_t>(*first + chunk, items);
    } while (!work_->ticket.compare_exchange_weak(ticket, sequence_ << SharedWork::kItemBits | *last));
    return true;
  }

  SharedWork *work_;
  uint64_t sequence_ = 0;
};

// Nobody else: everything is done by the time somebody would wait.
class SoloCrew final : public Crew {
 public:
  using Crew::Crew;
  void wake_all() override {}

 protected:
  void wait(bool (*)(const void *), const void *) override {}
};

}  // namespace quiver::core
