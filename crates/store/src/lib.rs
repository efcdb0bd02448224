//! The server's tables. Sees ciphertext only.
