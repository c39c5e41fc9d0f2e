-- description: Conversions of people with the order, the dataset and the request id they belong to. An order converted
-- twice counts at its first conversion. The page of a conversion (idlink_va) tells better than its time what came before.
-- key: conversion_id
-- column conversion_id: Visit, goal and buster.
-- column visit_id: Matomo's visit.
-- column converted_at: When it converted, UTC.
-- column day: The day in REPORT_TIMEZONE.
-- column order_ref: The order as Matomo knows it: T or A and its id.
-- column is_business_order: Whether the business knows the order.
-- column dataset_id: The order's dataset; else the item's sku; else the id in its URL.
-- column matomo_revenue: What Matomo says it brought.
-- column revenue: What the order brought; else Matomo's figure.
-- column request_id: The list it is owed to: its own custom dimension, else that of the latest recommended page before it.
with
people as (
    select
        stg_conversion.visit_id,
        stg_conversion.goal_id,
        stg_conversion.buster,
        stg_conversion.converted_at,
        stg_conversion.order_ref,
        stg_conversion.revenue,
        stg_conversion.url_dataset_id,
        stg_conversion.url_action_id,
        stg_conversion.dimension_request_id,
        coalesce(own_page.viewed_at, stg_conversion.converted_at) as followed_until,
        coalesce(own_page.action_row_id, 9223372036854775807) as followed_until_row
    from stg_conversion
    left join visits on visits.visit_id = stg_conversion.visit_id
    left join stg_link_visit_action as own_page
        on own_page.action_row_id = stg_conversion.action_row_id
            and own_page.visit_id = stg_conversion.visit_id
            and is_past(own_page.viewed_at)
    where not coalesce(visits.is_bot, false)
        and stg_conversion.visit_id not in (select excluded_visits.visit_id from excluded_visits)
        and (
            stg_conversion.order_ref is null
            or stg_conversion.order_ref not in (select excluded_orders.order_ref from excluded_orders)
        )
        -- a cart that was left is no order
        and stg_conversion.goal_id <> -1
        and stg_conversion.converted_at is not null
        and is_past(stg_conversion.converted_at)
    qualify stg_conversion.order_ref is null
        or row_number() over (
            partition by stg_conversion.order_ref
            order by stg_conversion.converted_at, stg_conversion.visit_id, stg_conversion.goal_id, stg_conversion.buster
        ) = 1
),

item_skus as (
    select
        stg_conversion_item.visit_id,
        stg_conversion_item.order_ref,
        min(whole_number(stg_action.name)) as dataset_id
    from stg_conversion_item
    inner join stg_action on stg_action.action_id = stg_conversion_item.sku_action_id
    where is_past(stg_conversion_item.converted_at)
    group by stg_conversion_item.visit_id, stg_conversion_item.order_ref
),

followed_pages as (
    select
        people.visit_id,
        people.goal_id,
        people.buster,
        arg_max(pages.request_id, (pages.viewed_at, pages.action_row_id)) as request_id
    from people
    inner join pages
        on pages.visit_id = people.visit_id
            and pages.request_id is not null
            and (pages.viewed_at, pages.action_row_id) <= (people.followed_until, people.followed_until_row)
    group by people.visit_id, people.goal_id, people.buster
)

select
    people.visit_id || '-' || people.goal_id || '-' || people.buster as conversion_id,
    people.visit_id,
    people.converted_at,
    report_day(people.converted_at) as day,
    people.order_ref,
    orders.order_ref is not null as is_business_order,
    coalesce(
        orders.dataset_id,
        item_skus.dataset_id,
        people.url_dataset_id,
        url_action.detail_dataset_id,
        url_action.payment_dataset_id
    ) as dataset_id,
    people.revenue as matomo_revenue,
    coalesce(orders.revenue, people.revenue) as revenue,
    coalesce(people.dimension_request_id, followed_pages.request_id) as request_id
from people
left join orders on orders.order_ref = people.order_ref
left join item_skus on item_skus.visit_id = people.visit_id and item_skus.order_ref = people.order_ref
left join stg_action as url_action on url_action.action_id = people.url_action_id
left join followed_pages
    on followed_pages.visit_id = people.visit_id
        and followed_pages.goal_id = people.goal_id
        and followed_pages.buster is not distinct from people.buster
