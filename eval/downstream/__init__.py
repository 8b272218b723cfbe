"""Models that are trained to be measured."""
