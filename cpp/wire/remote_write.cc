#include "cpp/wire/remote_write.h"

#include "cpp/wire/proto_writer.h"

namespace tocsin::wire {
namespace {

void WriteLabels(const Labels& labels, ProtoWriter* writer) {
  for (const Labels::Pair& label : labels) {
    writer->Message(1, [&] {
      writer->BytesSet(1, label.first);
      writer->BytesSet(2, label.second);
    });
  }
}

}  // namespace

std::string EncodeWriteRequest(std::span<const WriteSeries> series) {
  std::string out;
  ProtoWriter writer(&out);
  for (const WriteSeries& one : series) {
    writer.Message(1, [&] {
      WriteLabels(one.labels, &writer);
      for (const Sample& sample : one.samples) {
        writer.Message(2, [&] {
          writer.DoubleSet(1, sample.v);
          writer.VarintSet(2, static_cast<uint64_t>(sample.t));
        });
      }
      for (const Exemplar& exemplar : one.exemplars) {
        writer.Message(3, [&] {
          WriteLabels(exemplar.labels, &writer);
          writer.DoubleSet(2, exemplar.value);
          writer.VarintSet(3, static_cast<uint64_t>(exemplar.t));
        });
      }
    });
  }
  return out;
}

}  // namespace tocsin::wire
