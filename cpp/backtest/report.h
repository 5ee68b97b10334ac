/// What a backtest found, for programs.

#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "cpp/arrow/table.h"
#include "cpp/backtest/backtest.h"

namespace tocsin::backtest {

/// "firing" for a period in which the alert fired, "pending" for one in which it never did.
std::string_view StateName(const AlertPeriod& period);

/// One row a period: alert, labels (a JSON object), state, pending_since, firing_since (null: it
/// never fired), resolved_at (null: it was active at the end), value, peak, evaluations,
/// annotations (a JSON object), group, file.
std::shared_ptr<const arrow::Table> PeriodTable(const Report& report);

/// {"from", "to", "alerts": [...], "rules": [...], "metrics": [...], "warnings": [...]}: times as
/// RFC 3339 with nanoseconds, or null; values as Prometheus's JSON has them, in quotes.
std::string ReportJson(const Report& report);
/// The same without "alerts".
std::string NotesJson(const Report& report);

}  // namespace tocsin::backtest
