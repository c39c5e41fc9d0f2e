-- description: Orders and Matomo conversions side by side, joined by order id: matched, missing in Matomo, or Matomo's only.
-- key: order_ref
-- column order_ref: The order as Matomo knows it: T or A and its id.
-- column day: The order's day in REPORT_TIMEZONE; the conversion's where only Matomo knows it.
-- column status: matched, missing_in_matomo or matomo_only.
-- column dataset_id: The dataset that was ordered.
-- column user_id: The user who ordered.
-- column order_revenue: What the business says it brought.
-- column matomo_revenue: What Matomo says it brought.
-- column ordered_at: When it was ordered, UTC.
-- column converted_at: When it converted, UTC.
-- column visit_id: Matomo's visit.
with
ordered as (
    select *
    from conversions
    where order_ref is not null
)

select
    coalesce(orders.order_ref, ordered.order_ref) as order_ref,
    -- a day belongs to the event's own time: the order's, and for Matomo's own the conversion's
    coalesce(orders.day, ordered.day) as day,
    case
        when ordered.order_ref is null then 'missing_in_matomo'
        when orders.order_ref is null then 'matomo_only'
        else 'matched'
    end as status,
    coalesce(orders.dataset_id, ordered.dataset_id) as dataset_id,
    orders.user_id,
    orders.revenue as order_revenue,
    ordered.matomo_revenue,
    orders.ordered_at,
    ordered.converted_at,
    ordered.visit_id
from orders
full join ordered on ordered.order_ref = orders.order_ref
