"""LNFS, the latent noise filtering strategy: which films do not belong, by their latents alone.

`features` describe a latent, `distance` says how far it lies from the ordinary ones, `anomaly_model` learns
from the farthest, and `rounds` repeat that until what is removed settles. `examples` are what to look at.
Nothing here sees a label.

Source: Diff-CXR (arXiv 2410.20165) names the three stages (k-means distance for seeds, a latent anomaly
model, repeated removal). Its code is not released, so the numbers here are ours.
"""
