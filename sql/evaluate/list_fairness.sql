-- description: Who gets the places of lists: the share of exposures that tiers of popularity and providers have, beside their share of the
-- catalogue, of the views before, and of what visitors went to themselves. Of the first ten of replayed lists on held-out steps, and of
-- the lists shown in the last 28 days with any. head: the most viewed before, which together had half of the views; tail: the least
-- viewed, which together had the last tenth; new: made in the 30 days before. Intervals are those of visits, in a thousand groups.
-- key: basis, model, list, breakdown, value
-- column basis: replayed (held-out steps) or shown (the exposure log).
-- column model: holdout, challenger, current or a version.
-- column list: detail or similar; of shown lists the route that answered.
-- column breakdown: tier or provider.
-- column value: head, middle, tail, new, unlisted (may no longer be shown); one of the fifty providers with most datasets, other, unknown.
-- column datasets: Listed datasets of it.
-- column exposures: Places it had.
-- column catalogue_share: Its share of the listed datasets.
-- column views_share: Its share of the views before.
-- column wanted_share: Its share of what visitors went to: the next pages of the very steps; of shown lists, all views of those days.
-- column exposure_share: Its share of the places.
-- column exposure_share_low: Lower end of its 95 % interval.
-- column exposure_share_high: Upper end of its 95 % interval.
-- column difference: exposure_share less wanted_share.
-- column difference_low: Lower end of its 95 % interval.
-- column difference_high: Upper end of its 95 % interval.
-- column verdict: more or less than wanted, where the interval lies beyond 0; else even.
with
last_days as (
    select max(day) - 27 as first_day
    from exposures
),

first_moments as (
    select listed.model, min(next_pages.viewed_at) as since
    from raw.offline_entries as listed
    inner join next_pages on next_pages.action_row_id = listed.action_row_id
    group by listed.model
),

first_shown as (
    select min(exposures.shown_at) as since
    from exposures
    inner join last_days on last_days.first_day <= exposures.day
),

scopes as (
    select
        list_places.basis,
        list_places.model,
        list_places.list,
        coalesce(any_value(first_moments.since), any_value(first_shown.since)) as since
    from list_places
    cross join first_shown
    left join first_moments on list_places.basis = 'replayed' and first_moments.model = list_places.model
    group by list_places.basis, list_places.model, list_places.list
),

moments as (
    select distinct since
    from scopes
),

earlier as (
    select moments.since, page_views.dataset_id, count(*) as views
    from moments
    inner join page_views on page_views.viewed_at < moments.since
    group by moments.since, page_views.dataset_id
),

large_providers as (
    select provider
    from datasets
    where is_listed and provider is not null
    group by provider
    order by count(*) desc, provider
    limit 50
),

ranked as (
    select
        moments.since,
        datasets.dataset_id,
        case when datasets.provider is null then 'unknown' else coalesce(large_providers.provider, 'other') end as provider,
        datasets.created_at >= moments.since - to_days(30) as is_new,
        coalesce(earlier.views, 0) as views,
        sum(coalesce(earlier.views, 0)) over views_before as views_before,
        sum(coalesce(earlier.views, 0)) over (partition by moments.since) as all_views
    from datasets
    cross join moments
    left join earlier on earlier.since = moments.since and earlier.dataset_id = datasets.dataset_id
    left join large_providers on large_providers.provider = datasets.provider
    where datasets.is_listed
    window views_before as (
        partition by moments.since
        order by coalesce(earlier.views, 0) desc, datasets.dataset_id
        rows between unbounded preceding and 1 preceding
    )
),

kinds as (
    select
        since,
        dataset_id,
        views,
        [
            {
                'breakdown': 'tier',
                'value': case
                    when is_new then 'new'
                    when coalesce(views_before, 0) < all_views * 0.5 then 'head'
                    when views = 0 or views_before >= all_views * 0.9 then 'tail'
                    else 'middle'
                end
            },
            { 'breakdown': 'provider', 'value': provider }
        ] as parts
    from ranked
),

catalogue as (
    select since, part.breakdown, part.value, count(*) as datasets, sum(views) as views
    from (select kinds.since, kinds.views, unnest(kinds.parts) as part from kinds) as parted
    group by since, part.breakdown, part.value
),

catalogue_sums as (
    select since, count(*) as datasets, sum(views) as views
    from kinds
    group by since
),

by_group as (
    select basis, model, list, part.breakdown, part.value, visit_group, sum(exposed) as exposed, sum(wanted) as wanted
    from (
        select
            list_places.basis,
            list_places.model,
            list_places.list,
            list_places.visit_group,
            list_places.exposed,
            list_places.wanted,
            unnest(
                coalesce(
                    kinds.parts,
                    [{ 'breakdown': 'tier', 'value': 'unlisted' }, { 'breakdown': 'provider', 'value': 'unlisted' }]
                )
            ) as part
        from list_places
        inner join scopes
            on scopes.basis = list_places.basis and scopes.model = list_places.model and scopes.list = list_places.list
        left join kinds on kinds.since = scopes.since and kinds.dataset_id = list_places.dataset_id
    ) as parted
    group by basis, model, list, part.breakdown, part.value, visit_group
),

group_sums as (
    select basis, model, list, visit_group, sum(exposed) as exposed, sum(wanted) as wanted
    from list_places
    group by basis, model, list, visit_group
),

list_sums as (
    select basis, model, list, sum(exposed) as exposed, sum(wanted) as wanted
    from group_sums
    group by basis, model, list
),

shares as (
    select
        scopes.basis,
        scopes.model,
        scopes.list,
        catalogue.breakdown,
        catalogue.value,
        catalogue.datasets,
        catalogue.datasets / catalogue_sums.datasets as catalogue_share,
        catalogue.views / nullif(catalogue_sums.views, 0) as views_share
    from scopes
    inner join catalogue on catalogue.since = scopes.since
    inner join catalogue_sums on catalogue_sums.since = scopes.since
    union all
    select distinct basis, model, list, breakdown, value, 0, 0, 0
    from by_group
    where value = 'unlisted'
),

value_sums as (
    select basis, model, list, breakdown, value, sum(exposed) as exposed, sum(wanted) as wanted
    from by_group
    group by basis, model, list, breakdown, value
),

parts as (
    select
        shares.*,
        list_sums.exposed as all_exposed,
        list_sums.wanted as all_wanted,
        coalesce(value_sums.exposed, 0) as exposed,
        coalesce(value_sums.exposed, 0) / list_sums.exposed as exposure_share,
        coalesce(value_sums.wanted, 0) / nullif(list_sums.wanted, 0) as wanted_share
    from shares
    inner join list_sums
        on list_sums.basis = shares.basis and list_sums.model = shares.model and list_sums.list = shares.list
    left join value_sums
        on value_sums.basis = shares.basis
            and value_sums.model = shares.model
            and value_sums.list = shares.list
            and value_sums.breakdown = shares.breakdown
            and value_sums.value = shares.value
),

-- what each group of visits pulls the shares away by
pulls as (
    select
        parts.basis,
        parts.model,
        parts.list,
        parts.breakdown,
        parts.value,
        (coalesce(by_group.exposed, 0) - parts.exposure_share * group_sums.exposed) / parts.all_exposed as of_exposed,
        (coalesce(by_group.wanted, 0) - parts.wanted_share * group_sums.wanted) / nullif(parts.all_wanted, 0) as of_wanted
    from parts
    inner join group_sums
        on group_sums.basis = parts.basis and group_sums.model = parts.model and group_sums.list = parts.list
    left join by_group
        on by_group.basis = parts.basis
            and by_group.model = parts.model
            and by_group.list = parts.list
            and by_group.breakdown = parts.breakdown
            and by_group.value = parts.value
            and by_group.visit_group = group_sums.visit_group
),

spreads as (
    select
        basis,
        model,
        list,
        breakdown,
        value,
        -- exact, so the same in whatever order
        sqrt(cast(sum(cast(of_exposed * of_exposed as decimal(38, 24))) as double)) as of_share,
        sqrt(cast(sum(cast(pow(of_exposed - of_wanted, 2) as decimal(38, 24))) as double)) as of_difference
    from pulls
    group by basis, model, list, breakdown, value
)

select
    parts.basis,
    parts.model,
    parts.list,
    parts.breakdown,
    parts.value,
    parts.datasets,
    cast(parts.exposed as bigint) as exposures,
    round(parts.catalogue_share, 6) as catalogue_share,
    round(parts.views_share, 6) as views_share,
    round(parts.wanted_share, 6) as wanted_share,
    round(parts.exposure_share, 6) as exposure_share,
    round(greatest(parts.exposure_share - z_95() * spreads.of_share, 0), 6) as exposure_share_low,
    round(least(parts.exposure_share + z_95() * spreads.of_share, 1), 6) as exposure_share_high,
    round(parts.exposure_share - parts.wanted_share, 6) as difference,
    round(parts.exposure_share - parts.wanted_share - z_95() * spreads.of_difference, 6) as difference_low,
    round(parts.exposure_share - parts.wanted_share + z_95() * spreads.of_difference, 6) as difference_high,
    case
        when parts.exposure_share - parts.wanted_share > z_95() * spreads.of_difference then 'more'
        when parts.exposure_share - parts.wanted_share < -z_95() * spreads.of_difference then 'less'
        else 'even'
    end as verdict
from parts
inner join spreads
    on spreads.basis = parts.basis
        and spreads.model = parts.model
        and spreads.list = parts.list
        and spreads.breakdown = parts.breakdown
        and spreads.value = parts.value
