-- description: Every order is either matched or missing, on every day.
select
    day,
    business_order_count,
    matched_count,
    missing_in_matomo_count
from reconciliation_daily
where business_order_count <> matched_count + missing_in_matomo_count
