"""The U-ViT denoiser. The disease-knowledge control adapter has its place here."""
