#include "cpp/wire/span_groups.h"

namespace tocsin::wire {

std::vector<ResourceGroup> GroupRows(const SpanBatch& batch) {
  struct Place {
    uint32_t resource = 0;  // In `groups`, + 1; 0: not seen yet.
    uint32_t scope = 0;     // In that group.
  };
  std::vector<ResourceGroup> groups;
  std::vector<uint32_t> resource_places(batch.resources.size());  // In `groups`, + 1.
  std::vector<Place> scope_places(batch.scopes.size());
  for (uint32_t row = 0; row < batch.rows(); ++row) {
    const uint32_t scope = batch.scope[row];
    Place& place = scope_places[scope];
    if (place.resource == 0) {
      const uint32_t resource = batch.scopes[scope].resource;
      if (resource_places[resource] == 0) {
        groups.push_back({resource, {}});
        resource_places[resource] = static_cast<uint32_t>(groups.size());
      }
      std::vector<ScopeGroup>& scopes = groups[resource_places[resource] - 1].scopes;
      place = {resource_places[resource], static_cast<uint32_t>(scopes.size())};
      scopes.push_back({scope, {}});
    }
    groups[place.resource - 1].scopes[place.scope].rows.push_back(row);
  }
  return groups;
}

}  // namespace tocsin::wire
