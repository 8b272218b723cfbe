"""The U-ViT denoiser, and the disease knowledge that steers it: entries, hints, control adapter."""
