"""What can be asked: one file a noun, one function a verb. Dialects, control plane and engine enter here."""
