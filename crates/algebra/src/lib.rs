//! Fields, packed bits, pseudorandom generators and transcript hashing
