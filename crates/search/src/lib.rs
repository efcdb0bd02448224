//! A user's partition: vectors, keywords, ranking.
