// How the process's limit of open files (RLIMIT_NOFILE) is shared out.
#pragma once

#include <algorithm>
#include <cstddef>

namespace layergate::proxy {

struct OpenFiles {
  // Files of ours, the admin port, kept connections to the registry.
  static constexpr std::size_t kReserved = 128;
  // Of one client: its connection and the registry's, or the file it reads.
  static constexpr std::size_t kOfOne = 2;
  // For 256 pipes, or a quarter of all. Many more than that move no more bytes: what finds none is
  // copied.
  static constexpr std::size_t for_pipes(std::size_t files) {
    return std::min<std::size_t>(512, files / 4);
  }

  // Clients that can be served at once with so many files; at least one.
  static constexpr std::size_t clients(std::size_t files) {
    const auto taken = kReserved + for_pipes(files);
    return files > taken + kOfOne ? (files - taken) / kOfOne : 1;
  }
  // Pipes that there may be beside as many clients.
  static constexpr std::size_t pipes(std::size_t files, std::size_t clients) {
    const auto taken = kReserved + kOfOne * clients;
    return files > taken ? (files - taken) / 2 : 0;
  }
};

}  // namespace layergate::proxy
