-- description: The orders that training may see: those before train_until, up to as_of.
-- key: order_ref
select
    order_ref,
    user_id,
    dataset_id,
    ordered_at
from orders
where ordered_at < coalesce(getvariable('train_until'), timestamp 'infinity')
    and ordered_at <= getvariable('as_of')
