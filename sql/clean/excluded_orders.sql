-- description: Orders of users whom a rule of exclude.toml names, and orders that were made in excluded visits; they count nowhere.
-- key: order_ref, rule
-- column order_ref: The order as Matomo knows it: T or A and its id.
-- column rule: The rule.
-- column kind: user, or visit (it was made in an excluded one).
-- column value: What the rule names, or the visit.
with
by_users as (
    select recorded_orders.order_ref, exclusions.rule, exclusions.kind, exclusions.value
    from recorded_orders
    inner join raw.exclusions as exclusions
        on exclusions.kind = 'user'
            and exclusions.value = cast(recorded_orders.user_id as varchar)
    inner join raw.exclusion_rules as rules on rules.rule = exclusions.rule
    where recorded_orders.ordered_at >= coalesce(rules.from_at, recorded_orders.ordered_at)
        and coalesce(recorded_orders.ordered_at < rules.until_at, true)
        and rules.endpoints is null
),

in_visits as (
    select stg_conversion.order_ref, excluded_visits.rule, 'visit' as kind, cast(stg_conversion.visit_id as varchar) as value
    from stg_conversion
    inner join excluded_visits on excluded_visits.visit_id = stg_conversion.visit_id
    where stg_conversion.order_ref is not null
        and stg_conversion.goal_id <> -1
        and stg_conversion.converted_at is not null
        and is_past(stg_conversion.converted_at)
)

select order_ref, rule, min(kind) as kind, arg_min(value, (kind, value)) as value
from (
    from by_users
    union all
    from in_visits
)
group by order_ref, rule
