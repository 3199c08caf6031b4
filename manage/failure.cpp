#include "manage/failure.h"

namespace layergate::manage {

int exit_code(Failure::Kind kind) {
  using Kind = Failure::Kind;
  switch (kind) {
    case Kind::denied:
    case Kind::not_found:
      return 1;
    case Kind::usage:
    case Kind::conflict:
      return 2;
    case Kind::invalid:
      return 3;
    case Kind::changed:
    case Kind::io:
      return 4;
  }
  return 4;
}

}  // namespace layergate::manage
