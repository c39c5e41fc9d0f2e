-- description: Conversions whose request id was exposed; position is that of the converted dataset in the list, where it
-- stood in it. An order that the business does not know of (Matomo's only) earns no list anything, unless the business's
-- orders are not there to ask.
-- key: conversion_id
-- column conversion_id: The conversion.
-- column request_id: The list it is owed to.
-- column dataset_id: The dataset that was ordered.
-- column order_ref: The order as Matomo knows it: T or A and its id.
-- column converted_at: When it converted, UTC.
-- column day: The day in REPORT_TIMEZONE.
-- column revenue: What it brought; 0 where that is unknown.
-- column position: The position of the ordered dataset in the list, from 0; NULL where it did not stand in it.
-- column algorithm_version: The model version that made the list.
-- column variant: Whether the list was the model's (primary) or a fallback.
-- column experiment_variant: The variant of the experiment; control without one.
-- column endpoint: The route that answered.
-- column source: Where the list was shown, as the front end calls it; unknown.
-- column device_type: What it was shown on: mobile, tablet, desktop, bot or unknown.
select
    conversions.conversion_id,
    conversions.request_id,
    conversions.dataset_id,
    conversions.order_ref,
    conversions.converted_at,
    conversions.day,
    coalesce(conversions.revenue, 0) as revenue,
    min(exposures.position) filter (where exposures.dataset_id = conversions.dataset_id) as position,
    any_value(exposures.algorithm_version) as algorithm_version,
    any_value(exposures.variant) as variant,
    any_value(exposures.experiment_variant) as experiment_variant,
    any_value(exposures.endpoint) as endpoint,
    any_value(exposures.source) as source,
    any_value(exposures.device_type) as device_type
from conversions
inner join exposures on exposures.request_id = conversions.request_id
where conversions.order_ref is not null
    and (conversions.is_business_order or not exists (select 1 from orders))
group by all
