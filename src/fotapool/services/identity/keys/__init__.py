"""Keys of operators and devices: their last uses, the end of replaced ones, and the key of the first start."""
