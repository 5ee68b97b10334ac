/// Results of PromQL for people and spreadsheets.

#pragma once

#include <string>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/lib/json.h"

namespace tocsin::cli {

/// One row a sample: a column for each label, then time and value, all as text.
struct SampleRows {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
};

/// Of `{"resultType":...,"result":...}` as Prometheus's API has it. A native histogram becomes
/// `{count:4, sum:2, (0.5,1]:2}`. kCorruption for anything else.
Result<SampleRows> RowsOf(const lib::Json& data);

/// Columns under each other; control characters are escaped, so that no label acts on a terminal.
std::string AsTable(const SampleRows& rows);

/// RFC 4180, lines ended by "\n".
std::string AsCsv(const SampleRows& rows);

}  // namespace tocsin::cli
