/// Attribute values as plain JSON: a text is a text, an array an array, a map an object. For people
/// and language models, who need no types; bytes are hexadecimal, numbers that JSON cannot say are
/// null.

#pragma once

#include "cpp/lib/json.h"
#include "cpp/model/span_batch.h"

namespace tocsin::api {

void WritePlainValue(const SpanBatch& batch, SpanBatch::Attr attr, lib::JsonWriter* w);

}  // namespace tocsin::api
