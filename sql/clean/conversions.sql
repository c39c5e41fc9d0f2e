-- description: Conversions of people with the order, the dataset and the request id they belong to. An order converted
-- twice counts at its first conversion.
-- key: conversion_id
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
        stg_conversion.dimension_request_id
    from stg_conversion
    left join visits on visits.visit_id = stg_conversion.visit_id
    where not coalesce(visits.is_bot, false)
        and stg_conversion.converted_at is not null
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
        min(try_cast(stg_action.name as bigint)) as dataset_id
    from stg_conversion_item
    inner join stg_action on stg_action.action_id = stg_conversion_item.sku_action_id
    group by stg_conversion_item.visit_id, stg_conversion_item.order_ref
),

followed_pages as (
    select visit_id, viewed_at, arg_max(request_id, action_row_id) as request_id
    from pages
    where request_id is not null
    group by visit_id, viewed_at
)

select
    people.visit_id || '-' || people.goal_id || '-' || people.buster as conversion_id,
    people.visit_id,
    people.converted_at,
    cast(timezone(getvariable('report_timezone'), timezone('UTC', people.converted_at)) as date) as day,
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
asof left join followed_pages
    on followed_pages.visit_id = people.visit_id and followed_pages.viewed_at <= people.converted_at
