/// What happens while a configuration is read: where each setting came from, what was found wrong,
/// and what was accepted without effect.

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/lib/yaml.h"

namespace tocsin::config {

class Reading {
 public:
  explicit Reading(std::string file_name) : file_name_(std::move(file_name)) {}

  /// Puts `value` (YAML) at a dotted path of the tree, and makes the maps on the way. A number in
  /// the path is an index of a list; the index behind the last entry adds one.
  Status Override(std::string_view path, std::string_view value, lib::Yaml* tree);
  /// The path of a file as it stands at `at`: relative ones are relative to the folder of the
  /// configuration, or, of an override, to the working directory: it is typed in a shell.
  std::string Resolve(const lib::Yaml& at, std::string_view path) const;

  /// Did the node come from Override?
  static bool IsOverride(const lib::Yaml& node) { return node.line < 0; }

  void Error(const lib::Yaml& at, std::string_view message);
  void Warn(const lib::Yaml& at, std::string_view message);

  /// Notes that `setting`, by its first name, is given by `node`. False if it is already given by
  /// something that wins: an override over the file, a later override over an earlier one, and of
  /// two in the file the first that was claimed, with a warning.
  bool Claim(const std::string& setting, const lib::Yaml& node);
  /// "default", "FILE:3:5" or "--set KEY".
  std::string OriginOf(const std::string& setting) const;

  /// The content of another file, which is named at `at`, under `key`. An error is noted for the
  /// place.
  std::optional<lib::Yaml> ReadOther(const lib::Yaml& at, std::string_view key,
                                     const std::string& path);

  /// Takes over what was noted while another file was read, which is named at `at`: its first
  /// error, its warnings, and where its settings come from.
  void Adopt(const lib::Yaml& at, Reading other);

  /// The error that stands first in the file, or else the first override's.
  Status FirstError() const;
  std::vector<std::string> TakeWarnings() { return std::move(warnings_); }

 private:
  std::string ShortPlace(const lib::Yaml& node) const;

  std::string file_name_;
  std::vector<std::string> override_paths_;  // Nodes of override i have line -(i + 1).
  struct Claimed {
    int line = 0;
    int column = 0;
  };
  std::map<std::string, Claimed> claimed_;
  std::map<std::string, std::string> adopted_;  // Origins of settings of other files.
  struct Problem {
    int line = 0;
    int column = 0;
    std::string text;
  };
  std::vector<Problem> errors_;
  std::vector<std::string> warnings_;
};

/// A map of the file while its keys are read one by one. What is absent or null keeps its default;
/// every key that no call has named is unknown.
class Section {
 public:
  /// `node` may be null. `path` is how the user reached it, `name` the first name of the same
  /// section, under which its settings are known.
  Section(Reading* reading, const lib::Yaml* node, std::string path, std::string name);

  bool present() const { return node_ != nullptr; }
  const lib::Yaml* node() const { return node_; }
  Reading& reading() const { return *reading_; }

  // Each reads one key. `name`: the setting's first name, where it is not the section's name and
  // the key.
  void Text(std::string_view key, std::string* out, std::string_view name = {});
  /// A path of a file, see Reading::Resolve.
  void File(std::string_view key, std::string* out, std::string_view name = {});
  void Bool(std::string_view key, bool* out, std::string_view name = {});
  void Size(std::string_view key, uint64_t* out, std::string_view name = {});
  /// The same where all units are powers of two, also KB and M.
  void BinarySize(std::string_view key, uint64_t* out, std::string_view name = {});
  void Period(std::string_view key, Nanos* out, std::string_view name = {});
  void Count(std::string_view key, uint32_t* out, std::string_view name = {});
  void Count64(std::string_view key, uint64_t* out, std::string_view name = {});
  /// "host:port"; an empty host is 0.0.0.0, an empty text is allowed.
  void Endpoint(std::string_view key, std::string* out, std::string_view name = {});
  /// One of `choices`.
  void Choice(std::string_view key, const std::vector<std::string_view>& choices, std::string* out);
  void Texts(std::string_view key, std::vector<std::string>* out);
  void Pairs(std::string_view key, std::vector<std::pair<std::string, std::string>>* out);

  /// A map below this one.
  Section Map(std::string_view key, std::string_view name = {});
  /// The maps of a list. `first`: the number of the first one in the setting's name.
  std::vector<Section> Maps(std::string_view key, std::string_view name = {}, size_t first = 0);
  /// The value of a key, whatever it is; null if it is absent or null.
  const lib::Yaml* Any(std::string_view key);

  /// Keys that have no effect here, with the reason.
  void Ignore(const std::vector<std::string_view>& keys, std::string_view reason);
  /// Keys that must not be ignored silently and have no effect yet.
  void Refuse(const std::vector<std::string_view>& keys);
  /// Whatever the map holds below this key has been said enough about.
  void IgnoreRest() { rest_ignored_ = true; }

  /// Refuses the keys that no call has named. Must be the last call.
  void Done();

  /// An error at the value of a key, or at the map if it has none: "PATH message".
  void Fail(std::string_view key, std::string_view message);
  /// Refuses a value of 0 if it is this key that gives it.
  template <class T>
  void NotZero(std::string_view key, T value) {
    if (value == 0 && Any(key) != nullptr) Fail(key, "must not be 0");
  }

 private:
  std::string PathOf(std::string_view key) const;
  std::string NameOf(std::string_view key) const;
  const lib::Yaml* Find(std::string_view key);
  const lib::Yaml* Scalar(std::string_view key);
  /// Text of a scalar that claims its setting; null if there is none or another one wins.
  template <class T, class Parse>
  void Read(std::string_view key, T* out, std::string_view name, Parse parse,
            std::string_view what);

  Reading* reading_;
  const lib::Yaml* node_;  // Null, or a map.
  std::string path_;
  std::string name_;
  std::set<std::string, std::less<>> known_;
  bool rest_ignored_ = false;
};

/// "host:port" in one form: brackets around IPv6, 0.0.0.0 for no host; empty if it is none.
/// `default_port`: for a text without one; 0 to demand one.
std::string NormalEndpoint(std::string_view text, int default_port);

/// The same of a host and a port that are told apart: an IPv6 address needs no brackets.
std::string EndpointOf(std::string host, uint32_t port);

/// The entry of `known` that was probably meant; "" if none is near.
std::string_view Nearest(std::string_view word, const std::set<std::string, std::less<>>& known);

}  // namespace tocsin::config
