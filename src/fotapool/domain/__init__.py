"""The rules: pure functions over facts, standard library only, no clock, no chance, no await."""
