-- description: The same by the square of that size (always_valid_margin); NULL where nothing varies.
create or replace macro typical_margin(variance, squared, alpha) as
case when variance > 0 then sqrt(variance * (variance + squared) / squared * (2 * ln(1 / alpha) + ln((variance + squared) / variance))) end
