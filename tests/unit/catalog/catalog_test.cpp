#include "catalog/catalog.h"

#include <doctest/doctest.h>

#include "catalog/image_size.h"
#include "tests/unit/temp_dir.h"

namespace layergate::catalog {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'b');

}  // namespace

TEST_CASE("catalogue: a question makes no file") {
  const TempDir dir;
  CHECK_FALSE(Catalog::open_existing(dir / "state"));
  CHECK_FALSE(std::filesystem::exists(dir / "state"));
}

TEST_CASE("catalogue: what was given and what was found are kept apart") {
  const TempDir dir;
  const ImageName image{"team/telechat", "7b"};
  const Given given{"", "2024-01-01", 0};
  {
    Catalog catalog(dir / "state");
    CHECK(catalog.given(image).empty());
    catalog.put_given({{image, given}, {{"x", "y"}, {kDigest, "", {}}}});
    catalog.put_found({{kDigest, {"2023-01-01T00:00:00Z", 12'000'000'000}}});
  }
  auto again = Catalog::open_existing(dir / "state");
  REQUIRE(again);
  CHECK(again->given(image) == given);
  CHECK(again->given({"x", "y"}) == Given{kDigest, "", {}});
  CHECK(again->found(kDigest) == Found{"2023-01-01T00:00:00Z", 12'000'000'000});
  CHECK_FALSE(again->found("sha256:other"));
  again->put_given({{image, {}}});
  CHECK(again->given(image).empty());
}

TEST_CASE("catalogue: the outline of a manifest") {
  const auto config = R"("config": {"mediaType": "application/vnd.oci.image.config.v1+json",
    "digest": ")" + kDigest +
                      R"(", "size": 7})";
  auto outline = outline_of("{" + config + R"(, "layers": [{"size": 100}, {"size": 3500000000}]})");
  CHECK(outline.size == 3'500'000'107);
  CHECK(outline.config == kDigest);
  SUBCASE("a size that is missing or cannot be leaves the sum unknown") {
    CHECK_FALSE(outline_of("{" + config + R"(, "layers": [{"size": 100}, {}]})").size);
    CHECK_FALSE(outline_of("{" + config + R"(, "layers": [{"size": -1}]})").size);
    CHECK_FALSE(outline_of("{" + config + R"(, "layers": [{"size": 18446744073709551615}]})").size);
    CHECK_FALSE(outline_of("{" + config + R"(, "layers": [4]})").size);
  }
  SUBCASE("an index names what is below it") {
    outline =
        outline_of(R"({"manifests": [{"digest": ")" + kDigest + R"("}, {"digest": "../x"}, 3]})");
    CHECK(outline.manifests == std::vector<std::string>{kDigest});
    CHECK_FALSE(outline.size);
  }
  SUBCASE("an artifact's config is not asked for") {
    CHECK(outline_of(R"({"config": {"mediaType": "x/y", "digest": ")" + kDigest +
                     R"(", "size": 2}, "layers": []})")
              .config.empty());
  }
  SUBCASE("what is no manifest says nothing") {
    for (const char* text : {"", "[", "[]", "null", "7", "{}", R"({"config": 1, "layers": {}})"}) {
      CAPTURE(text);
      CHECK_FALSE(outline_of(text).size);
      CHECK(outline_of(text).config.empty());
    }
  }
}

TEST_CASE("catalogue: when an image was created") {
  CHECK(created_of(R"({"created": "2024-01-15T10:30:00.123456789Z"})") ==
        "2024-01-15T10:30:00.123456789Z");
  for (const char* text : {"", "{}", "[]", R"({"created": 1})", R"({"created": "yesterday"})"}) {
    CAPTURE(text);
    CHECK(created_of(text).empty());
  }
}

}  // namespace layergate::catalog
