"""HTTP that all planes share: request ids, bodies with a limit, health, metrics."""
