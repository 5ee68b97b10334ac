/// A table as bytes: the streaming format of Arrow IPC (version 5 of its metadata), which every
/// Arrow library reads.

#pragma once

#include <memory>
#include <string>

#include "cpp/arrow/table.h"

namespace tocsin::arrow {

/// The schema, the dictionaries, one record batch, the end of the stream.
std::string EncodeIpcStream(const std::shared_ptr<const Table>& table);

}  // namespace tocsin::arrow
