// The keys of TLS session tickets (RFC 5077; RFC 8446, 4.6.1), the same for all workers, ports and
// certificates, so that a client resumes wherever it comes back, and after a certificate was
// swapped.
//
// They are made anew from time to time and live in memory only: with an old key whoever recorded
// TLS 1.2 connections that were resumed by it could read them.
//
// Thread safety: all members may be called from any thread.
#pragma once

#include <array>
#include <chrono>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "proxy/openssl.h"

namespace layergate::proxy {

class TlsTickets {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::hours kPeriod{
      12};  // how long one key is used; a ticket lives as long

  using Name = std::array<unsigned char, 16>;  // by which a ticket tells its key
  struct Key {
    Name name;
    std::array<unsigned char, 32> cipher;
    std::array<unsigned char, 32> mac;
    Clock::time_point made;
  };

  TlsTickets() = default;
  ~TlsTickets();
  TlsTickets(const TlsTickets&) = delete;
  TlsTickets& operator=(const TlsTickets&) = delete;

  // The context seals its tickets by these keys; they must outlive it.
  void attach(SSL_CTX* context);

  // The key for new tickets, or nothing if there are no random bytes.
  std::optional<Key> newest(Clock::time_point now);
  // The key of a ticket, unless it is too old; and whether it is still the newest.
  struct Found {
    Key key;
    bool is_newest;
  };
  std::optional<Found> find(std::span<const unsigned char> name, Clock::time_point now);

 private:
  static int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                       EVP_MAC_CTX* mac, int sealing);
  void drop_old(Clock::time_point now);

  std::mutex mutex_;
  std::vector<Key> keys_;  // the newest last; guarded by mutex_
};

}  // namespace layergate::proxy
