// One page of the registry's catalogue (distribution API, "Listing Repositories").
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "index/upstream_client.h"

namespace layergate::index {

struct CatalogPage {
  std::vector<std::string> repositories;  // only names by the grammar
  std::string next;                       // the `last` that asks for the next page; empty: the end
};

// The target that asks for the page after `last`; empty: for the first.
std::string catalog_target(const std::string& last);

// Nothing, and `problem` a sentence, if it is not a page. `last`: what the page was asked after.
std::optional<CatalogPage> read_catalog_page(const UpstreamAnswer& answer, const std::string& last,
                                             std::string& problem);

}  // namespace layergate::index
