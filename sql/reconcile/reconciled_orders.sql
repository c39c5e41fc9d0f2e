-- description: Every order of the business and of Matomo, whether both know it, and where not, or where they say different things of it,
-- the likely cause, which is the first that the data speak for.
-- key: order_ref
-- column order_ref: The order as Matomo knows it: T or A and its id.
-- column day: The order's day in REPORT_TIMEZONE; the conversion's where only Matomo knows it.
-- column status: matched, missing_in_matomo or matomo_only.
-- column cause: NULL of an order that both know alike. Of one that both know: zone (the times lie whole half hours apart), amount_differs
-- or late (more than an hour between them). Of one missing in Matomo: bot_visit, other_site or cart (Matomo has it, but it does not count),
-- other_id or zone (Matomo has one of the same dataset and amount under an id that the business does not know), duplicated (the user made
-- another just like it, which Matomo has), test_order (of a company that is called a test), unpaid, late (Matomo's data do not reach it
-- yet), no_tracking (Matomo saw nobody that day), blocked (it did not see this user around the order, though it knows users), not_reported
-- (it saw the user then, and no order) or unknown. Of Matomo's own: test_order, other_id, zone, duplicated, unusable (the business's row
-- was set aside), late (its number lies beyond the business's newest), removed (its number is one of the business's, which has no such
-- order now: cancelled or deleted) or foreign_id (no id of the business's: another shop, or another site that tracks into this Matomo).
-- column other_ref: The order it was held against.
-- column dataset_id: The dataset that was ordered.
-- column user_id: The user who ordered.
-- column order_revenue: What the business says it brought.
-- column matomo_revenue: What Matomo says it brought.
-- column revenue_difference: Matomo's less the business's; NULL where either is unknown.
-- column ordered_at: When it was ordered, UTC.
-- column converted_at: When it converted, UTC.
-- column lag_seconds: From the order to the conversion; of other_id and zone, to the conversion it was held against.
-- column visits_around: Visits of the user that Matomo saw within a day of the order; NULL where the user is not known.
-- column visit_id: Matomo's visit of the conversion.
with
-- all that Matomo has under an order's id, whether it counts or not
recorded as (
    select
        text_of(conversion.idorder) as order_ref,
        bool_or(not is_counted_site(conversion.idsite)) as is_other_site,
        bool_or(small_number(conversion.idgoal) = -1) as is_cart,
        bool_or(coalesce(visits.is_bot, false)) as is_bot
    from raw.matomo_log_conversion as conversion
    left join visits on visits.visit_id = whole_number(conversion.idvisit)
    where text_of(conversion.idorder) is not null
    group by text_of(conversion.idorder)
),

-- an unmatched order and an unmatched conversion that look like one: at once, or whole half hours apart
alike as (
    select
        missing.order_ref,
        other.order_ref as other_ref,
        date_diff('second', missing.ordered_at, other.converted_at) as lag_seconds
    from order_matches as missing
    inner join order_matches as other
        on other.dataset_id = missing.dataset_id
            and other.status = 'matomo_only'
            and other.converted_at between missing.ordered_at - to_hours(15) and missing.ordered_at + to_hours(15)
            and abs(coalesce(other.matomo_revenue, 0) - coalesce(missing.order_revenue, 0)) < 0.01
    where missing.status = 'missing_in_matomo'
),

paired as (
    select order_ref, other_ref, lag_seconds
    from alike
    where abs(lag_seconds) <= 900 or abs(lag_seconds - round(lag_seconds / 1800) * 1800) <= 120
    qualify row_number() over (partition by order_ref order by abs(lag_seconds), other_ref) = 1
        and row_number() over (partition by other_ref order by abs(lag_seconds), order_ref) = 1
),

pairs as (
    select order_ref, other_ref, lag_seconds from paired
    union all
    select other_ref, order_ref, lag_seconds from paired
),

repeated as (
    select again.order_ref, min(first.order_ref) as other_ref
    from order_matches as again
    inner join order_matches as first
        on first.dataset_id = again.dataset_id
            and first.status = 'matched'
            and (
                again.status = 'missing_in_matomo'
                and first.user_id = again.user_id
                and abs(date_diff('second', first.ordered_at, again.ordered_at)) <= 600
                and first.order_revenue is not distinct from again.order_revenue
                or again.status = 'matomo_only'
                and first.visit_id = again.visit_id
                and first.matomo_revenue is not distinct from again.matomo_revenue
            )
    where again.status <> 'matched'
    group by again.order_ref
),

seen_users as (
    select
        order_matches.order_ref,
        count(visits.visit_id) as visits_around,
        count(visits.visit_id) filter (
            where visits.started_at <= order_matches.ordered_at + to_minutes(30)
            and visits.ended_at >= order_matches.ordered_at - to_minutes(30)
        ) as visits_then
    from order_matches
    left join visits
        on visits.user_id = order_matches.user_id
            and visits.started_at between order_matches.ordered_at - to_days(1) and order_matches.ordered_at + to_days(1)
    where order_matches.user_id is not null
    group by order_matches.order_ref
),

known as (
    select
        (select bool_or(visits.user_id is not null) from visits) as has_users,
        (select max(visits.ended_at) from visits) as newest_visit_at,
        (select max(stg_task.task_id) from stg_task) as newest_task,
        (select max(stg_api_order.api_order_id) from stg_api_order) as newest_api_order,
        (select coalesce(bool_or(stg_api_order.paid_at is not null), false) from stg_api_order) as has_payments
),

tracked_days as (
    select distinct day from visits
),

-- orders of the business that are not in orders, since they could not be used
unusable as (
    select 'T' || stg_task.task_id as order_ref from stg_task
    union
    select 'A' || stg_api_order.api_order_id from stg_api_order
),

held as (
    select
        order_matches.*,
        coalesce(pairs.lag_seconds, date_diff('second', order_matches.ordered_at, order_matches.converted_at)) as lag_seconds,
        order_matches.matomo_revenue - order_matches.order_revenue as revenue_difference,
        coalesce(pairs.other_ref, repeated.other_ref) as other_ref,
        pairs.other_ref is not null as is_paired,
        repeated.other_ref is not null as is_repeated,
        recorded.is_bot,
        recorded.is_other_site,
        recorded.is_cart,
        seen_users.visits_around,
        seen_users.visits_then,
        tracked_days.day is not null as is_tracked_day,
        unusable.order_ref is not null as is_unusable,
        try_cast(substr(order_matches.order_ref, 2) as bigint) as number,
        case left(order_matches.order_ref, 1) when 'T' then known.newest_task when 'A' then known.newest_api_order end as newest_number,
        known.has_users,
        known.newest_visit_at,
        known.has_payments and stg_api_order.api_order_id is not null and stg_api_order.paid_at is null as is_unpaid,
        regexp_matches(coalesce(users.company_name, ''), '(?i)\btest\b|测试') as is_test_company
    from order_matches
    cross join known
    left join pairs on pairs.order_ref = order_matches.order_ref
    left join repeated on repeated.order_ref = order_matches.order_ref
    left join recorded on recorded.order_ref = order_matches.order_ref
    left join seen_users on seen_users.order_ref = order_matches.order_ref
    left join tracked_days on tracked_days.day = order_matches.day
    left join unusable on unusable.order_ref = order_matches.order_ref
    left join users on users.user_id = order_matches.user_id
    left join stg_api_order on 'A' || stg_api_order.api_order_id = order_matches.order_ref
)

select
    order_ref,
    day,
    status,
    case status
        when 'matched'
            then case
                    when abs(lag_seconds) between 1680 and 50520 and abs(lag_seconds - round(lag_seconds / 1800) * 1800) <= 120 then 'zone'
                    when abs(revenue_difference) > greatest(0.01, 0.001 * abs(order_revenue)) then 'amount_differs'
                    when abs(lag_seconds) > 3600 then 'late'
                end
        when 'missing_in_matomo'
            then case
                    when is_bot then 'bot_visit'
                    when is_other_site then 'other_site'
                    when is_cart then 'cart'
                    when is_paired and abs(lag_seconds) <= 900 then 'other_id'
                    when is_paired then 'zone'
                    when is_repeated then 'duplicated'
                    when is_test_company then 'test_order'
                    when is_unpaid then 'unpaid'
                    when ordered_at > newest_visit_at - to_minutes(30) then 'late'
                    when not is_tracked_day then 'no_tracking'
                    when visits_then > 0 then 'not_reported'
                    when has_users and visits_around is not null then 'blocked'
                    else 'unknown'
                end
        else case
                when regexp_matches(order_ref, '(?i)test|demo|dummy|sample|测试') then 'test_order'
                when is_paired and abs(lag_seconds) <= 900 then 'other_id'
                when is_paired then 'zone'
                when is_repeated then 'duplicated'
                when is_unusable then 'unusable'
                when number > newest_number then 'late'
                when number <= newest_number then 'removed'
                else 'foreign_id'
            end
    end as cause,
    other_ref,
    dataset_id,
    user_id,
    order_revenue,
    matomo_revenue,
    round(revenue_difference, 2) as revenue_difference,
    ordered_at,
    converted_at,
    lag_seconds,
    visits_around,
    visit_id
from held
