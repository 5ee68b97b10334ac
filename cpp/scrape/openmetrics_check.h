/// Judges an exposition by all that OpenMetrics 1.0 demands: what an exporter should be tested
/// with. A scrape is more lenient; exposition.h says where.
///
/// Beyond what is read in a scrape are refused: lines of a family, or of a metric in it, that do
/// not stand together; metadata that is repeated or comes behind samples; families whose samples
/// have clashing names; samples without the suffix or label that their type asks for; values that
/// the type can not have; histograms whose parts do not fit together; exemplars elsewhere than on
/// counters and buckets, or with labels of more than 128 characters; timestamps that go back, or
/// that only some samples of a metric have; the same sample twice.
///
/// Three things are taken that the text of the standard forbids, as the public suite has them: a
/// histogram that counts observations may leave out its sum (they may be negative), or all of its
/// buckets, and le=" Inf" (a "+" that somebody decoded) is an unknown bound beside a count.

#pragma once

#include <string_view>

#include "cpp/base/status.h"

namespace tocsin::scrape {

/// kInvalidArgument with the place of the first thing that is wrong.
Status CheckOpenMetrics(std::string_view text);

}  // namespace tocsin::scrape
