/// Results as Prometheus's HTTP API writes them.

#pragma once

#include "cpp/lib/json.h"
#include "cpp/promql/value.h"

namespace tocsin::promql {

/// Seconds with up to three decimals.
void WriteTimestamp(Millis t, lib::JsonWriter* w);

/// {"name":"value",...}
void WriteLabels(const Labels& labels, lib::JsonWriter* w);

/// {"count":"...","sum":"...","buckets":[[rule,"lower","upper","count"],...]}: buckets that count
/// something, ascending. The rule says which ends they include: 0 the upper one, 1 the lower one,
/// 2 none, 3 both.
void WriteHistogram(const NativeHistogram& histogram, lib::JsonWriter* w);

/// "resultType":...,"result":... into the object that is open: others may follow.
void WriteValue(const Value& value, lib::JsonWriter* w);

}  // namespace tocsin::promql
