-- description: What each rule of exclude.toml takes out of the figures; 0 of one that matches nothing.
-- key: rule
-- chart: bar x=rule y=exposures
-- column rule: The rule.
-- column lists: Answered lists.
-- column exposures: Items in them.
-- column visits: Visits of the same people.
-- column orders: Orders of the same people.
with
lists as (
    select rule, count(*) as lists, cast(sum(exposures) as bigint) as exposures
    from excluded_lists
    group by rule
),

visits as (
    select rule, count(*) as visits
    from excluded_visits
    group by rule
),

orders as (
    select rule, count(*) as orders
    from excluded_orders
    -- Matomo may know of others, which no business has
    where order_ref in (select recorded_orders.order_ref from recorded_orders)
    group by rule
)

select
    rules.rule,
    coalesce(lists.lists, 0) as lists,
    coalesce(lists.exposures, 0) as exposures,
    coalesce(visits.visits, 0) as visits,
    coalesce(orders.orders, 0) as orders
from raw.exclusion_rules as rules
left join lists on lists.rule = rules.rule
left join visits on visits.rule = rules.rule
left join orders on orders.rule = rules.rule
