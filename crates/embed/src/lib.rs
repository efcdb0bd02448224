//! Text to vector: the embedding model.
