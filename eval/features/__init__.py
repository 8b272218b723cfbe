"""Image -> vector: one module an extractor."""
