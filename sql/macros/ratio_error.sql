-- description: The standard error of a ratio of two sums over groups that are independent of each other, such as visits, whose members are
-- not (Cochran 1977): of the groups' squared numerators, products and squared denominators, all summed.
create or replace macro ratio_error(ratio, squares, products, denominator_squares, denominators, groups) as
case
    when groups > 1
        then sqrt(greatest(squares - 2 * ratio * products + ratio * ratio * denominator_squares, 0) * groups / (groups - 1)) / denominators
end
