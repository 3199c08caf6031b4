// The facts, in memory and on disk: changed here in one place, so that a restart finds what was.
//
// A change is made in memory; what it touched is then read there and written to disk as it is, so
// there is no second account of what a change does.
#pragma once

#include <functional>
#include <utility>

#include "index/shared_index.h"
#include "index/store.h"

namespace layergate::index {

class Ledger {
 public:
  using Write = std::function<void(std::function<void(Store&)>)>;

  // `write` takes what has to be done to the store, to be done soon, in the order given. The index
  // must outlive this.
  Ledger(SharedIndex& index, Write write) : index_(index), write_(std::move(write)) {}

  // All at once for who reads. Belongs to one thread, as does write_down().
  template <typename Facts>
  void change(Facts facts) {
    write_down(remember(std::move(facts)));
  }

  // In memory only, until what it touched is written down. From any thread.
  template <typename Facts>
  [[nodiscard]] Touched remember(Facts facts) {
    Touched touched;
    index_.write([&](Index& index) {
      const Watch watch(index, touched);
      facts(index);
    });
    return touched;
  }
  void write_down(Touched touched);

 private:
  class Watch {
   public:
    Watch(Index& watched, Touched& touched) : watched_(watched) { watched.watch(&touched); }
    ~Watch() { watched_.watch(nullptr); }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    Index& watched_;
  };

  SharedIndex& index_;
  const Write write_;
};

}  // namespace layergate::index
