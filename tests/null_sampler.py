"""How workers of tests make films where no model is needed."""

from cluster.recipe import Sampler

NULL_SAMPLER = Sampler(
    model="null",
    model_digest="null",
    device="cpu",
    dtype="float32",
    steps=1,
    guidance=1.0,
    batch_size=4,
    threads=1,
)
