-- description: Day by day: orders and revenue of the business beside Matomo's conversions, and what was shown, clicked and attributed.
-- key: day
-- test accepted_values: status in (ok, warning, critical, no_orders)
-- test: business_order_count >= matched_count
-- export: parquet
-- column day: The day in REPORT_TIMEZONE.
-- column business_order_count: Orders of the business.
-- column business_revenue: What those brought.
-- column matomo_conversion_count: Matomo's conversions with an order.
-- column matched_count: Orders that Matomo has too.
-- column missing_in_matomo_count: Orders that Matomo does not have.
-- column matomo_only_count: Conversions of orders that the business does not know.
-- column matched_revenue_difference: Matomo's revenue less the business's, of matched orders whose revenue both know.
-- column exposures: Exposures.
-- column clicks: Exposures that were clicked.
-- column attributed_conversions: Conversions whose list was exposed.
-- column matomo_exposures: Page views that carry a request id.
-- column matomo_unique_visits: Visits that hold such a view.
-- column matomo_total_visits: Visits of people.
-- column exposure_to_order_ratio: Exposures per order; NULL without an order.
-- column status: critical (clearly more than a fifth of orders missing in Matomo), warning (a twentieth), no_orders or ok;
-- clearly is beyond what chance makes of so few orders (clearly_above).
with
matches as (
    select
        day,
        count(*) filter (where status <> 'matomo_only') as business_order_count,
        sum(cents(coalesce(order_revenue, 0))) filter (where status <> 'matomo_only') as business_revenue_cents,
        count(*) filter (where status = 'matched') as matched_count,
        count(*) filter (where status = 'missing_in_matomo') as missing_in_matomo_count,
        count(*) filter (where status = 'matomo_only') as matomo_only_count,
        sum(cents(matomo_revenue - order_revenue))
        filter (where status = 'matched') as matched_difference_cents
    from order_matches
    group by day
),

conversion_days as (
    select day, count(*) as matomo_conversion_count
    from conversions
    where order_ref is not null
    group by day
),

exposure_days as (
    select day, count(*) as exposures
    from exposures
    group by day
),

click_days as (
    select day, count(*) as clicks
    from clicks
    group by day
),

attributed_days as (
    select day, count(*) as attributed_conversions
    from attributed_conversions
    group by day
),

page_days as (
    select
        day,
        count(*) filter (where request_id is not null) as matomo_exposures,
        count(distinct visit_id) filter (where request_id is not null) as matomo_unique_visits
    from page_views
    group by day
),

visit_days as (
    select day, count(*) as matomo_total_visits
    from visits
    where not is_bot and day is not null
    group by day
),

days as (
    select day from matches
    union
    select day from conversion_days
    union
    select day from exposure_days
    union
    select day from page_days
    union
    select day from visit_days
)

select
    days.day,
    coalesce(matches.business_order_count, 0) as business_order_count,
    coalesce(matches.business_revenue_cents, 0) / 100.0 as business_revenue,
    coalesce(conversion_days.matomo_conversion_count, 0) as matomo_conversion_count,
    coalesce(matches.matched_count, 0) as matched_count,
    coalesce(matches.missing_in_matomo_count, 0) as missing_in_matomo_count,
    coalesce(matches.matomo_only_count, 0) as matomo_only_count,
    coalesce(matches.matched_difference_cents, 0) / 100.0 as matched_revenue_difference,
    coalesce(exposure_days.exposures, 0) as exposures,
    coalesce(click_days.clicks, 0) as clicks,
    coalesce(attributed_days.attributed_conversions, 0) as attributed_conversions,
    coalesce(page_days.matomo_exposures, 0) as matomo_exposures,
    coalesce(page_days.matomo_unique_visits, 0) as matomo_unique_visits,
    coalesce(visit_days.matomo_total_visits, 0) as matomo_total_visits,
    round(coalesce(exposure_days.exposures, 0) / nullif(matches.business_order_count, 0), 6) as exposure_to_order_ratio,
    case
        when coalesce(matches.business_order_count, 0) + coalesce(matches.matomo_only_count, 0) = 0 then 'no_orders'
        when clearly_above(matches.missing_in_matomo_count, matches.business_order_count, 0.2) then 'critical'
        when clearly_above(matches.missing_in_matomo_count, matches.business_order_count, 0.05) then 'warning'
        else 'ok'
    end as status
from days
left join matches on matches.day = days.day
left join conversion_days on conversion_days.day = days.day
left join exposure_days on exposure_days.day = days.day
left join click_days on click_days.day = days.day
left join attributed_days on attributed_days.day = days.day
left join page_days on page_days.day = days.day
left join visit_days on visit_days.day = days.day
where days.day is not null
