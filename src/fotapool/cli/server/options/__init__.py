"""Options of `fotapool serve` and `fotapool emulate`, by what they are about."""
