/// The parts of an Alertmanager's configuration, read one by one. Private to read_alertmanager.cc.

#pragma once

#include "cpp/config/reading.h"
#include "cpp/routing/config.h"

namespace tocsin::config {

/// As Section::Period, but only what Prometheus takes: no fractions, units from large to small.
void ReadStrictPeriod(Section* section, std::string_view key, Nanos* out);

/// `out` holds what is inherited, and is given what the section says; its children follow.
void ReadRoute(Section* section, routing::Route* out);

/// inhibit_rules.
std::vector<routing::InhibitRule> ReadInhibitRules(Section* alertmanager);

/// mute_time_intervals, then time_intervals.
std::vector<routing::NamedInterval> ReadTimeIntervals(Section* alertmanager);

}  // namespace tocsin::config
