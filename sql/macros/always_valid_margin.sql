-- description: Half the width of an interval that holds at all looks at once, however often one looks and whenever one stops: that of
-- the mixture sequential probability ratio test (Johari, Pekelis, Walsh 2015) for an estimate with this variance, where
-- differences of about the size of prior are looked for, and alpha is how often it may be wrong, in all looks together.
create or replace macro always_valid_margin(variance, prior, alpha) as
case when variance > 0 and prior > 0 then
    sqrt(variance * (variance + prior * prior) / (prior * prior) * (2 * ln(1 / alpha) + ln((variance + prior * prior) / variance)))
end
