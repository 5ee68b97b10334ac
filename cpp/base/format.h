/// Text of floating-point numbers, byte for byte as Go writes it: what clients of Prometheus parse,
/// and what users of its templates expect.
///
/// All functions take every double: infinities are "+Inf" and "-Inf", every NaN is "NaN".
/// "Shortest" means the fewest digits that parse back to the same double.

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tocsin {

/// Go's `%v` and `%g`: shortest; with an exponent (of at least two digits) below 1e-4 and from 1e6
/// on, as in 0.0001, 1e-05, 123456.7, 1.2345678e+06.
std::string FormatGoFloat(double value);

/// Go's strconv 'f' with precision -1: shortest, never an exponent.
std::string FormatGoFixed(double value);

/// Go's strconv 'e' with precision -1: shortest, always an exponent, as in 1.5e+00.
std::string FormatGoScientific(double value);

/// Go's `%.<precision>g`, `%.<precision>f` and `%.<precision>e`. REQUIRES: 0 <= precision <= 100.
std::string FormatGoGeneral(double value, int precision);
std::string FormatGoFixed(double value, int precision);
std::string FormatGoScientific(double value, int precision);

/// A sample's value in Prometheus's JSON: shortest, with an exponent below 1e-6 and from 1e21 on.
std::string FormatSampleValue(double value);

/// A float as OpenMetrics writes it in a label (`le`, `quantile`): `%g`, and ".0" is added to what
/// would look like an integer.
std::string FormatOpenMetricsFloat(double value);

/// What Go's strconv.ParseFloat accepts: decimal and hexadecimal floats, "inf", "infinity" and
/// "nan" in any case with an optional sign. Nullopt for anything else, also for leading or trailing
/// space. A number too large for a double is an infinity.
std::optional<double> ParseGoFloat(std::string_view text);

}  // namespace tocsin
