-- description: Half the width of an interval that holds at all looks at once, however often one looks and whenever one stops: that of
-- the mixture sequential probability ratio test (Johari, Pekelis, Walsh 2015) for an estimate with this variance, where
-- differences of about the size of typical are looked for, and alpha is how often it may be wrong, in all looks together.
create or replace macro always_valid_margin(variance, typical, alpha) as
typical_margin(variance, nullif(typical, 0) * typical, alpha)
