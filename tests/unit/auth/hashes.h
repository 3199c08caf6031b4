// Hashes made by others (htpasswd, openssl passwd, libcrypt) for the tests of this folder.
#pragma once

namespace layergate::auth {

inline constexpr const char* kPassword = "correct-Horse7";

// All of kPassword.
inline constexpr const char* kBcrypt4 =
    "$2y$04$VECE.LnPXiPok2TdVgjzIOu5ow4gMXTWn.CgoIpaeXE8srbV7CLhG";
inline constexpr const char* kBcrypt5 =
    "$2y$05$abcdefghijklmnopqrstuuXh.BH2uv4p2b9z6NQ1mUZVcF6MXBtLS";
inline constexpr const char* kBcrypt4a =
    "$2a$04$abcdefghijklmnopqrstuu6AjjKsAnz88wBwbruIdgz/2J5Ceeg52";
inline constexpr const char* kBcrypt4b =
    "$2b$04$abcdefghijklmnopqrstuu6AjjKsAnz88wBwbruIdgz/2J5Ceeg52";
inline constexpr const char* kSha256 =
    "$5$rounds=1000$saltstring$0O/Dte8NPRq67Gc7R1dTlHfwwyvwhV84tadM2WRIrC/";
inline constexpr const char* kSha256Default =
    "$5$saltsalt$Vn.owViC3AgMGYmtx/itTp1.L9Mrd4LAbPnD//284E8";
inline constexpr const char* kSha512 =
    "$6$rounds=1000$saltstring$icVEGpGjUwqw/"
    "mqdAL8hdHCPX5XVz6fqdrHBOOy1EkWgGCO4qtIdZlkkLMaTm0XZMtxB4"
    "WbOygvjIckm9ojoC/";
inline constexpr const char* kYescrypt =
    "$y$j75$saltsalt$YZicVUcElSCaDV/DSpJADYDeQKwyWop7SPsuqX1MHf2";
inline constexpr const char* kApr1 = "$apr1$7QjqSint$E9na5/jiGI3jO0Dl69NO.0";

// Of 72 times "a".
inline constexpr const char* kBcryptOf72 =
    "$2y$04$abcdefghijklmnopqrstuuBzzIgyKkz7xMWYSzkIjUSnxEQFQ0WNe";

}  // namespace layergate::auth
