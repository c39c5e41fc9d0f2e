-- description: What may be wrong with the data, by table and check: a value, up to where it is usual, what it takes off the table's
-- score, and how many rows, days or datasets it is about. Tables are the sources' (business.dataset; none that a source does not have) and
-- interactions, dataset_features, user_profile, dataset_stats; interactions and user_profile only where there are any.
-- key: table_name, check_name
-- column table_name: source.table, or what the figures are about.
-- column check_name: nulls, duplicates, set_aside, strangers, concentration, price_outliers, day_gaps or unusual_days.
-- column rows: Rows of the table.
-- column value: A share, 0 to 1; of concentration the Gini coefficient, of unusual_days the number of days.
-- column bound: What is usual: data_quality_alerts has what lies above.
-- column penalty: What it takes off the score, as a share of it.
-- column anomalies: How many rows, days or datasets are odd.
-- column severity: How grave it is where it is beyond the usual: info, warning or critical (data_quality_policy).
-- column owner: Whose it is to mend.
-- column is_blocking: Whether a run in which it is beyond the usual publishes nothing.
with
is_there as (
    select source || '.' || table_name as table_name, table_name as source_table, rows
    from raw.watermarks
    where is_there
),

-- columns that a row says little without: the one that is missing most
needed as (
    select
        'user' as source_table,
        count(*) filter (where created_at is null) as missing
    from stg_user
    union all
    select
        'dataset',
        greatest(count(*) filter (where title is null), count(*) filter (where created_at is null))
    from stg_dataset
    union all
    select
        'task',
        greatest(
            count(*) filter (where dataset_id is null),
            count(*) filter (where user_id is null),
            count(*) filter (where created_at is null)
        )
    from stg_task
    union all
    select
        'api_order',
        greatest(
            count(*) filter (where dataset_id is null),
            count(*) filter (where user_id is null),
            count(*) filter (where created_at is null)
        )
    from stg_api_order
    union all
    select
        'dataset_image',
        greatest(count(*) filter (where dataset_id is null), count(*) filter (where image_url is null))
    from stg_dataset_image
    union all
    select 'matomo_log_action', count(*) filter (where name is null)
    from stg_action
    union all
    select
        'matomo_log_visit',
        greatest(count(*) filter (where visitor_id is null), count(*) filter (where last_action_at is null))
    from stg_visit
    union all
    select
        'matomo_log_link_visit_action',
        greatest(count(*) filter (where visit_id is null), count(*) filter (where viewed_at is null))
    from stg_link_visit_action
    union all
    select 'matomo_log_conversion', count(*) filter (where converted_at is null)
    from stg_conversion
    union all
    select 'matomo_log_conversion_item', count(*) filter (where sku_action_id is null)
    from stg_conversion_item
),

set_aside_rows as (
    select
        source_table,
        count(distinct concat_ws(':', source_key, file, row_number)) filter (where reason <> 'duplicate_id') as set_aside,
        count(distinct concat_ws(':', source_key, file, row_number)) filter (where reason = 'duplicate_id') as duplicates
    from rejected_rows
    where (outcome in ('dropped', 'repaired', 'unlisted') or reason = 'duplicate_id')
        -- they are as they should be, and count nowhere
        and reason not in ('bot_visit', 'other_site')
    group by source_table
),

of_sources as (
    select
        is_there.table_name,
        is_there.rows,
        unnest([
            { 'check_name': 'nulls', 'odd': coalesce(needed.missing, 0), 'all': is_there.rows, 'bound': 0.05 },
            {
                'check_name': 'duplicates',
                'odd': coalesce(set_aside_rows.duplicates, 0),
                'all': is_there.rows + coalesce(set_aside_rows.duplicates, 0),
                'bound': 0.02
            },
            { 'check_name': 'set_aside', 'odd': coalesce(set_aside_rows.set_aside, 0), 'all': is_there.rows, 'bound': 0.1 }
        ]) as found
    from is_there
    left join needed on needed.source_table = is_there.source_table
    left join set_aside_rows on set_aside_rows.source_table = is_there.source_table
),

days as (
    select 'interactions' as table_name, day, count(*) as events
    from page_views
    group by day
    union all
    select 'matomo.matomo_log_visit', day, count(*)
    from visits
    where day is not null
    group by day
),

day_figures as (
    select
        table_name,
        count(*) as days,
        date_diff('day', min(day), max(day)) + 1 as span,
        sum(events) as events,
        quantile_cont(events, 0.25) as low,
        quantile_cont(events, 0.75) as high
    from days
    group by table_name
),

odd_days as (
    select day_figures.table_name, count(*) as days
    from day_figures
    inner join days
        on days.table_name = day_figures.table_name
            and (
                days.events > day_figures.high + 3 * (day_figures.high - day_figures.low)
                or days.events < day_figures.low - 3 * (day_figures.high - day_figures.low)
            )
    group by day_figures.table_name
),

events as (
    select dataset_id
    from page_views
    union all
    select dataset_id
    from orders
),

dataset_events as (
    select datasets.dataset_id, count(events.dataset_id) as events
    from datasets
    left join events on events.dataset_id = datasets.dataset_id
    where datasets.is_listed
    group by datasets.dataset_id
),

ranked as (
    select events, row_number() over (order by events, dataset_id) as rank
    from dataset_events
),

concentration as (
    select
        cast(sum(events) as bigint) as events,
        2 * sum(rank * events) / (count(*) * nullif(sum(events), 0)) - (count(*) + 1) / count(*) as gini
    from ranked
),

prices as (
    -- prices are spread over several powers of ten: fences are those of their logarithms
    select dataset_id, ln(1 + price) as size
    from datasets
    where price > 0
),

fences as (
    select quantile_cont(size, 0.25) as low, quantile_cont(size, 0.75) as high
    from prices
),

outliers as (
    select
        count(*) as prices,
        count(*) filter (
            where not prices.size between fences.low - 1.5 * (fences.high - fences.low) and fences.high + 1.5 * (fences.high - fences.low)
        ) as odd
    from prices
    cross join fences
),

view_figures as (
    select
        count(*) as views,
        count(*) - count(distinct row(page_views.visit_id, page_views.dataset_id, page_views.viewed_at)) as repeated,
        count(*) filter (where stg_visit.visitor_id is null) as without_visitor,
        count(*) filter (where datasets.dataset_id is null) as of_strangers
    from page_views
    left join stg_visit on stg_visit.visit_id = page_views.visit_id
    left join datasets on datasets.dataset_id = page_views.dataset_id
),

order_figures as (
    select
        count(*) as orders,
        count(*) filter (where datasets.dataset_id is null) as of_strangers,
        count(*) filter (where orders.user_id is null or users.user_id is null) as by_strangers
    from orders
    left join datasets on datasets.dataset_id = orders.dataset_id
    left join users on users.user_id = orders.user_id
),

catalogue as (
    select
        count(*) as datasets,
        greatest(
            count(*) filter (where title is null),
            count(*) filter (where description is null and len(tags) = 0),
            count(*) filter (where provider is null),
            count(*) filter (where price is null)
        ) as missing,
        count(*) - count(distinct row(title, provider, description, price)) as repeated
    from datasets
    where not is_deleted
),

accounts as (
    select
        count(*) as users,
        count(*) filter (where account_age_days is null) as missing
    from user_features_v2
),

found as (
    select
        table_name,
        rows,
        found.check_name,
        round(coalesce(found.odd / nullif(found.all, 0), 0), 6) as value,
        cast(found.bound as double) as bound,
        found.odd as anomalies
    from of_sources
    union all
    select
        'interactions', view_figures.views + order_figures.orders, 'nulls',
        round(coalesce(view_figures.without_visitor / nullif(view_figures.views, 0), 0), 6), 0.05, view_figures.without_visitor
    from view_figures
    cross join order_figures
    where view_figures.views + order_figures.orders > 0
    union all
    select
        'interactions', view_figures.views + order_figures.orders, 'duplicates',
        round(coalesce(view_figures.repeated / nullif(view_figures.views, 0), 0), 6), 0.02, view_figures.repeated
    from view_figures
    cross join order_figures
    where view_figures.views + order_figures.orders > 0
    union all
    select
        'interactions', concentration.events, 'concentration', round(coalesce(concentration.gini, 0), 6), 0.9,
        case when concentration.gini > 0.9 then 1 else 0 end
    from concentration
    where concentration.events > 0
    union all
    -- where there are few events a day, some days have none: that share is no gap
    select
        table_name, cast(events as bigint), 'day_gaps', round(greatest((span - days) / span - exp(-events / span), 0), 6), 0.02,
        span - days
    from day_figures
    union all
    select day_figures.table_name, cast(day_figures.events as bigint), 'unusual_days', odd_days.days, 3, odd_days.days
    from odd_days
    inner join day_figures on day_figures.table_name = odd_days.table_name
    union all
    select 'dataset_features', datasets, 'nulls', round(coalesce(missing / nullif(datasets, 0), 0), 6), 0.05, missing
    from catalogue
    union all
    select 'dataset_features', datasets, 'duplicates', round(coalesce(repeated / nullif(datasets, 0), 0), 6), 0.02, repeated
    from catalogue
    union all
    select
        'dataset_features', catalogue.datasets, 'price_outliers', round(coalesce(outliers.odd / nullif(outliers.prices, 0), 0), 6), 0.05,
        outliers.odd
    from outliers
    cross join catalogue
    union all
    select
        'dataset_stats', catalogue.datasets, 'strangers',
        -- the worse of the two: views would hide orders
        round(
            greatest(
                coalesce(view_figures.of_strangers / nullif(view_figures.views, 0), 0),
                coalesce(order_figures.of_strangers / nullif(order_figures.orders, 0), 0)
            ),
            6
        ),
        0.02, view_figures.of_strangers + order_figures.of_strangers
    from view_figures
    cross join order_figures
    cross join catalogue
    union all
    select 'user_profile', accounts.users, 'nulls', round(accounts.missing / accounts.users, 6), 0.05, accounts.missing
    from accounts
    where accounts.users > 0
    union all
    select
        'user_profile', accounts.users, 'strangers', round(coalesce(order_figures.by_strangers / nullif(order_figures.orders, 0), 0), 6),
        0.02, order_figures.by_strangers
    from order_figures
    cross join accounts
    where accounts.users > 0
),

weighed as (
    select
        table_name,
        check_name,
        rows,
        value,
        bound,
        -- what repeats, is missing or cannot be used takes its share; what is only odd takes what goes beyond the usual
        round(
            case check_name
                when 'concentration' then least(greatest(value - bound, 0) * 2, 1)
                when 'price_outliers' then greatest(value - bound, 0)
                when 'unusual_days' then 0
                else value
            end,
            6
        ) as penalty,
        cast(anomalies as bigint) as anomalies
    from found
)

select
    weighed.table_name,
    weighed.check_name,
    weighed.rows,
    weighed.value,
    weighed.bound,
    weighed.penalty,
    weighed.anomalies,
    coalesce(data_quality_policy.severity, case when weighed.penalty >= 0.2 then 'critical' else 'warning' end) as severity,
    coalesce(data_quality_policy.owner, '') as owner,
    coalesce(data_quality_policy.is_blocking, false) as is_blocking
from weighed
left join data_quality_policy
    on weighed.table_name like data_quality_policy.table_name
        and weighed.check_name like data_quality_policy.check_name
qualify row_number() over (
        partition by weighed.table_name, weighed.check_name
        order by data_quality_policy.rank desc nulls last
    ) = 1
