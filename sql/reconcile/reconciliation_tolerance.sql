-- description: How far each day's orders may lie apart in the business and Matomo before it means something: a share counts as above a
-- bound where chance would hardly make so many of so few (clearly_above), so that 2 of 3 are not critical.
-- key: day
-- chart: line x=day y=missing_share low=tolerated_low high=tolerated_share
-- column day: The day in REPORT_TIMEZONE.
-- column business_order_count: Orders of the business.
-- column missing_in_matomo_count: Orders that Matomo does not have.
-- column missing_share: Their share; NULL without an order.
-- column tolerated_low: 0.
-- column tolerated_share: Up to which share of so many orders nothing is said.
-- column critical_share: Above which share it is critical.
-- column missing_status: ok, warning (clearly above a twentieth), critical (a fifth) or no_orders.
-- column matomo_only_count: Conversions of orders that the business does not know.
-- column test_count: How many of them are test orders.
-- column matomo_only_status: The same of the others, as a share of Matomo's.
-- column matched_count: Orders that both know.
-- column differing_count: How many of them have another amount in Matomo.
-- column matched_revenue_difference: Matomo's revenue less the business's, of matched orders whose revenue both know.
-- column revenue_status: The same of differing amounts, as a share of matched orders.
-- column late_count: Orders that both know more than an hour apart, or whole half hours (late, zone).
-- column status: The worst of the three.
with
counted as (
    select
        day,
        count(*) filter (where status <> 'matomo_only') as orders,
        count(*) filter (where status = 'missing_in_matomo') as missing,
        count(*) filter (where status = 'matomo_only') as matomo_only,
        count(*) filter (where status = 'matched') as matched,
        count(*) filter (where status = 'matomo_only' and cause = 'test_order') as tests,
        count(*) filter (where status <> 'missing_in_matomo') as conversions,
        count(*) filter (where status = 'matched' and cause = 'amount_differs') as differing,
        count(*) filter (where status = 'matched' and cause in ('late', 'zone')) as late
    from reconciled_orders
    group by day
),

judged as (
    select
        *,
        case when clearly_above(missing, orders, 0.2) then 2 when clearly_above(missing, orders, 0.05) then 1 else 0 end as missing_rank,
        case
            when clearly_above(matomo_only - tests, conversions - tests, 0.2) then 2
            when clearly_above(matomo_only - tests, conversions - tests, 0.05) then 1
            else 0
        end as matomo_only_rank,
        case when clearly_above(differing, matched, 0.2) then 2 when clearly_above(differing, matched, 0.05) then 1 else 0 end
            as revenue_rank
    from counted
)

select
    judged.day,
    judged.orders as business_order_count,
    judged.missing as missing_in_matomo_count,
    round(judged.missing / nullif(judged.orders, 0), 6) as missing_share,
    cast(0 as double) as tolerated_low,
    round(least(tolerated_share(judged.orders, 0.05), 1), 6) as tolerated_share,
    round(least(tolerated_share(judged.orders, 0.2), 1), 6) as critical_share,
    case when judged.orders = 0 then 'no_orders' else ['ok', 'warning', 'critical'][judged.missing_rank + 1] end as missing_status,
    judged.matomo_only as matomo_only_count,
    judged.tests as test_count,
    case when judged.conversions = 0 then 'no_orders' else ['ok', 'warning', 'critical'][judged.matomo_only_rank + 1] end
        as matomo_only_status,
    judged.matched as matched_count,
    judged.differing as differing_count,
    reconciliation_daily.matched_revenue_difference,
    case when judged.matched = 0 then 'no_orders' else ['ok', 'warning', 'critical'][judged.revenue_rank + 1] end as revenue_status,
    judged.late as late_count,
    ['ok', 'warning', 'critical'][greatest(judged.missing_rank, judged.matomo_only_rank, judged.revenue_rank) + 1] as status
from judged
inner join reconciliation_daily on reconciliation_daily.day = judged.day
