"""One module a stage of `diffcxr train`: its options, and how they become weights in the output."""
