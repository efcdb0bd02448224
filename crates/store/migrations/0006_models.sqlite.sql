-- Which memories a model embedded, without a look at their vectors.
CREATE INDEX vectors_model ON vectors (model, user_id, memory_id);
