"""The measures: state -> merge -> result, pure functions over arrays. Knows no Ray."""
