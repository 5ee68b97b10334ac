#include "cpp/wire/pprof.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "cpp/lib/compression.h"
#include "cpp/wire/proto_writer.h"

namespace tocsin::wire {
namespace {

// Fields of profile.proto's messages.
namespace profile_field {
constexpr uint32_t kSampleType = 1, kSample = 2, kMapping = 3, kLocation = 4, kFunction = 5,
                   kStringTable = 6, kTime = 9, kDuration = 10, kPeriodType = 11, kPeriod = 12;
}
namespace value_type_field {
constexpr uint32_t kType = 1, kUnit = 2;
}
namespace sample_field {
constexpr uint32_t kLocations = 1, kValues = 2;
}
namespace mapping_field {
constexpr uint32_t kId = 1, kStart = 2, kLimit = 3, kOffset = 4, kFile = 5;
}
namespace location_field {
constexpr uint32_t kId = 1, kMapping = 2, kAddress = 3, kLine = 4;
constexpr uint32_t kLineFunction = 1;
}  // namespace location_field
namespace function_field {
constexpr uint32_t kId = 1, kName = 2, kSystemName = 3;
}

class Encoder {
 public:
  explicit Encoder(const Profile& profile) : profile_(profile), writer_(&out_) {
    Text("");  // Number 0 is the empty string, as the format demands.
  }

  std::string Encode() {
    for (const ProfileValueType& type : profile_.value_types) {
      ValueType(profile_field::kSampleType, type);
    }
    for (const ProfileSample& sample : profile_.samples) Sample(sample);
    for (size_t i = 0; i < profile_.mappings.size(); ++i) Mapping(i);
    for (const auto& [address, id] : locations_) Location(address, id);
    for (size_t i = 0; i < profile_.symbols.size(); ++i) Function(i);
    writer_.VarintSet(profile_field::kTime, static_cast<uint64_t>(profile_.began));
    writer_.VarintSet(profile_field::kDuration, static_cast<uint64_t>(profile_.duration));
    ValueType(profile_field::kPeriodType, profile_.period_type);
    writer_.VarintSet(profile_field::kPeriod, static_cast<uint64_t>(profile_.period));
    // The last thing, as everything before adds to it.
    for (const std::string& text : texts_) writer_.Bytes(profile_field::kStringTable, text);
    return std::move(out_);
  }

 private:
  uint64_t Text(const std::string& text) {
    const auto [entry, made] = numbers_.try_emplace(text, texts_.size());
    if (made) texts_.push_back(text);
    return entry->second;
  }

  void ValueType(uint32_t field, const ProfileValueType& type) {
    const uint64_t name = Text(type.type);
    const uint64_t unit = Text(type.unit);
    writer_.Message(field, [&] {
      writer_.VarintSet(value_type_field::kType, name);
      writer_.VarintSet(value_type_field::kUnit, unit);
    });
  }

  void Sample(const ProfileSample& sample) {
    writer_.Message(profile_field::kSample, [&] {
      for (const uint64_t address : sample.stack) {
        const auto [entry, made] = locations_.try_emplace(address, locations_.size() + 1);
        writer_.Varint(sample_field::kLocations, entry->second);
      }
      for (const int64_t value : sample.values) {
        writer_.Varint(sample_field::kValues, static_cast<uint64_t>(value));
      }
    });
  }

  void Mapping(size_t i) {
    const ProfileMapping& mapping = profile_.mappings[i];
    const uint64_t file = Text(mapping.file);
    writer_.Message(profile_field::kMapping, [&] {
      writer_.Varint(mapping_field::kId, i + 1);
      writer_.VarintSet(mapping_field::kStart, mapping.start);
      writer_.VarintSet(mapping_field::kLimit, mapping.limit);
      writer_.VarintSet(mapping_field::kOffset, mapping.offset);
      writer_.VarintSet(mapping_field::kFile, file);
    });
  }

  void Location(uint64_t address, uint64_t id) {
    const auto mapping = std::ranges::find_if(profile_.mappings, [&](const ProfileMapping& one) {
      return address >= one.start && address < one.limit;
    });
    const auto symbol =
        std::ranges::lower_bound(profile_.symbols, address, {}, &ProfileSymbol::address);
    writer_.Message(profile_field::kLocation, [&] {
      writer_.Varint(location_field::kId, id);
      if (mapping != profile_.mappings.end()) {
        writer_.Varint(location_field::kMapping,
                       static_cast<uint64_t>(mapping - profile_.mappings.begin()) + 1);
      }
      writer_.Varint(location_field::kAddress, address);
      if (symbol == profile_.symbols.end() || symbol->address != address) return;
      writer_.Message(location_field::kLine, [&] {
        writer_.Varint(location_field::kLineFunction,
                       static_cast<uint64_t>(symbol - profile_.symbols.begin()) + 1);
      });
    });
  }

  void Function(size_t i) {
    const uint64_t name = Text(profile_.symbols[i].function);
    writer_.Message(profile_field::kFunction, [&] {
      writer_.Varint(function_field::kId, i + 1);
      writer_.Varint(function_field::kName, name);
      writer_.Varint(function_field::kSystemName, name);
    });
  }

  const Profile& profile_;
  std::string out_;
  ProtoWriter writer_;
  std::vector<std::string> texts_;
  std::map<std::string, uint64_t> numbers_;
  std::map<uint64_t, uint64_t> locations_;  // Address to number, from 1.
};

}  // namespace

std::string EncodeProfile(const Profile& profile) { return lib::Gzip(Encoder(profile).Encode()); }

}  // namespace tocsin::wire
