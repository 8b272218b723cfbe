"""The Diff-CXR model: reports, phantom, filter, language, denoiser, pipeline, training. Knows no Ray."""

__version__ = "0.1.0"
