-- description: Orders that lists earned, and how it is known: by the request id (attributed_conversions), or, where an order has none that
-- was exposed, by the visit: its dataset stood in a list that the same visit was shown before. Such an order belongs to the last of
-- those lists, and is kept apart.
-- key: conversion_id
-- column conversion_id: The conversion.
-- column how: request_id or visit.
-- column request_id: The list.
-- column dataset_id: The dataset that was ordered.
-- column position: The position of the ordered dataset in the list, from 0; NULL where it did not stand in it.
-- column order_ref: The order as Matomo knows it: T or A and its id.
-- column converted_at: When it converted, UTC.
-- column day: The day in REPORT_TIMEZONE.
-- column revenue: What it brought; 0 where that is unknown.
with
loose_orders as (
    select conversions.conversion_id, conversions.visit_id, conversions.dataset_id, conversions.converted_at
    from conversions
    left join attributed_conversions on attributed_conversions.conversion_id = conversions.conversion_id
    where conversions.order_ref is not null
        and (conversions.is_business_order or not exists (select 1 from orders))
        and attributed_conversions.conversion_id is null
),

led as (
    select
        loose_orders.conversion_id,
        arg_max(exposures.request_id, (exposures.shown_at, exposures.request_id, -exposures.position)) as request_id,
        arg_max(exposures.position, (exposures.shown_at, exposures.request_id, -exposures.position)) as position
    from loose_orders
    inner join list_visits on list_visits.visit_id = loose_orders.visit_id
    inner join exposures
        on exposures.request_id = list_visits.request_id
            and exposures.dataset_id = loose_orders.dataset_id
            and exposures.shown_at <= loose_orders.converted_at
    group by loose_orders.conversion_id
)

select
    conversion_id, 'request_id' as how, request_id, dataset_id, position, order_ref, converted_at, day, revenue
from attributed_conversions
union all
select
    led.conversion_id,
    'visit',
    led.request_id,
    conversions.dataset_id,
    led.position,
    conversions.order_ref,
    conversions.converted_at,
    conversions.day,
    coalesce(conversions.revenue, 0)
from led
inner join conversions on conversions.conversion_id = led.conversion_id
