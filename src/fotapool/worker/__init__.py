"""What moves by itself as time passes: steps that do one piece in one transaction and may die anywhere."""
