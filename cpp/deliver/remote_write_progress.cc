#include "cpp/deliver/remote_write_progress.h"

#include "cpp/base/check.h"

namespace tocsin::deliver {

void WriteProgress::Advance() {
  while (!runs_.empty() && runs_.front().left == 0) {
    done_ = runs_.front().end;
    runs_.pop_front();
    ++first_;
  }
}

WriteTicket WriteProgress::Open(const LogPosition& end, size_t items) {
  const std::lock_guard lock(mutex_);
  runs_.push_back({end, items});
  const WriteTicket ticket = first_ + runs_.size() - 1;
  Advance();
  return ticket;
}

void WriteProgress::Done(WriteTicket ticket, size_t items) {
  const std::lock_guard lock(mutex_);
  TOCSIN_CHECK(ticket >= first_ && ticket - first_ < runs_.size());
  Run& run = runs_[ticket - first_];
  TOCSIN_CHECK(run.left >= items);
  run.left -= items;
  Advance();
}

LogPosition WriteProgress::position() const {
  const std::lock_guard lock(mutex_);
  return done_;
}

bool WriteProgress::idle() const {
  const std::lock_guard lock(mutex_);
  return runs_.empty();
}

}  // namespace tocsin::deliver
