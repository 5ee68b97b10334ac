/// When a running query is to end early: its client has gone, or its time is over.

#pragma once

#include <functional>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"

namespace tocsin::api {

/// A question for the `interrupted` of a query: OK, kCancelled or kDeadlineExceeded. Cheap to ask
/// often and from several threads at once: `gone` is asked every few milliseconds only.
/// `gone`: whether nobody waits any more; may be empty; must stay callable as long as the result.
/// `timeout`: from now, in real time; 0 is none.
std::function<Status()> InterruptWhen(std::function<bool()> gone, Nanos timeout);

}  // namespace tocsin::api
