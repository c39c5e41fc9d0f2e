-- description: How much more or less each position is looked at than the first, whatever stands there: the click rate of the same dataset
-- on the same page at that position and at the first (ratios after Mantel, Haenszel 1959; variances after Greenland, Robins 1985; datasets
-- that exploration tried count as one, since chance gave them their places), drawn towards the curve (position + 1) ^ -slope as far as
-- they are uncertain (empirical Bayes). Of the last 56 days. Where lists are made for each visitor, part of what makes a dataset come
-- first for a visitor is in it still.
-- key: endpoint, position
-- chart: line x=position y=examination by=endpoint low=examination_low high=examination_high
-- column endpoint: The route that answered.
-- column position: The position in the list, from 0.
-- column exposures: Exposures there.
-- column clicks: How many were clicked.
-- column couples: How many datasets of a page stood both there and first, and were clicked.
-- column observations: Their exposures at the two positions.
-- column ratio: The ratio of their click rates, as found; NULL without any.
-- column examination: How much it is looked at, the first position being 1; 1 where no position of the endpoint could be compared.
-- column examination_low: Lower end of its 95 % interval; NULL where nothing could be compared.
-- column examination_high: Upper end of its 95 % interval; NULL where nothing could be compared.
-- column examined_so_far: The sum of examination down to this position: what a list that ends here is worth in first positions.
with
shown as (
    select
        endpoint,
        position,
        is_clicked,
        case when is_explored then hash('explored') else hash(page_dataset_id, dataset_id) end as couple
    from exposure_outcomes
    where day > cast(report_day(getvariable('as_of')) - 56 as date)
),

-- a couple that nobody clicked anywhere says nothing of positions
clicked_couples as (
    select distinct endpoint, couple
    from shown
    where is_clicked
),

cells as (
    select shown.endpoint, shown.couple, shown.position, count(*) as n, count(*) filter (where shown.is_clicked) as clicks
    from shown
    inner join clicked_couples on clicked_couples.endpoint = shown.endpoint and clicked_couples.couple = shown.couple
    group by shown.endpoint, shown.couple, shown.position
),

compared as (
    select
        here.endpoint,
        here.position,
        count(*) as couples,
        cast(sum(here.n + first.n) as bigint) as observations,
        cast(sum(cast(here.clicks * first.n / (here.n + first.n) as decimal(28, 12))) as double) as there,
        cast(sum(cast(first.clicks * here.n / (here.n + first.n) as decimal(28, 12))) as double) as at_first,
        cast(
            sum(
                cast(
                    (here.n * first.n * (here.clicks + first.clicks) / (here.n + first.n) - here.clicks * first.clicks)
                    / (here.n + first.n) as decimal(28, 12)
                )
            ) as double
        ) as spread
    from cells as here
    inner join cells as first on first.endpoint = here.endpoint and first.couple = here.couple and first.position = 0
    where here.position > 0
        and here.clicks + first.clicks > 0
    group by here.endpoint, here.position
),

ratios as (
    select
        endpoint,
        position,
        couples,
        observations,
        ln(1 + position) as x,
        -- half a click on either side where one has none
        case when there > 0 and at_first > 0 then ln(there / at_first) else ln((there + 0.5) / (at_first + 0.5)) end as y,
        case when there > 0 and at_first > 0 then spread / (there * at_first) else 1 / (there + 0.5) + 1 / (at_first + 0.5) end as variance
    from compared
),

-- y = -slope x, by the weights of what is certain
fixed as (
    select
        endpoint,
        -sum(x * y / variance order by position) / sum(x * x / variance order by position) as slope,
        sum(1 / variance order by position) as weight,
        sum(x * x / variance order by position) as weighted_squares,
        sum(pow(x / variance, 2) order by position) as squares,
        count(*) as positions
    from ratios
    where variance > 0
    group by endpoint
),

-- how far positions lie from a curve, beyond what chance makes of so few clicks (DerSimonian, Laird 1986)
misfits as (
    select fixed.endpoint, sum(pow(ratios.y + fixed.slope * ratios.x, 2) / ratios.variance order by ratios.position) as misfit
    from fixed
    inner join ratios on ratios.endpoint = fixed.endpoint and ratios.variance > 0
    group by fixed.endpoint
),

strayed as (
    select
        fixed.endpoint,
        case
            when fixed.positions > 1
                then greatest((misfits.misfit - fixed.positions + 1) / (fixed.weight - fixed.squares / fixed.weighted_squares), 0)
            else 0
        end as tau_squared
    from fixed
    inner join misfits on misfits.endpoint = fixed.endpoint
),

curves as (
    select
        ratios.endpoint,
        strayed.tau_squared,
        -sum(ratios.x * ratios.y / (ratios.variance + strayed.tau_squared) order by ratios.position)
        / sum(ratios.x * ratios.x / (ratios.variance + strayed.tau_squared) order by ratios.position) as slope,
        1 / sum(ratios.x * ratios.x / (ratios.variance + strayed.tau_squared) order by ratios.position) as slope_variance
    from ratios
    inner join strayed on strayed.endpoint = ratios.endpoint
    where ratios.variance > 0
    group by ratios.endpoint, strayed.tau_squared
),

positions as (
    select endpoint, position, count(*) as exposures, count(*) filter (where is_clicked) as clicks
    from shown
    group by endpoint, position
),

drawn as (
    select
        positions.endpoint,
        positions.position,
        positions.exposures,
        positions.clicks,
        coalesce(ratios.couples, 0) as couples,
        coalesce(ratios.observations, 0) as observations,
        ratios.y,
        case when ratios.variance > 0 then curves.tau_squared / (curves.tau_squared + ratios.variance) else 0 end as trust,
        ln(1 + positions.position) as x,
        curves.slope,
        curves.slope_variance,
        curves.tau_squared,
        ratios.variance
    from positions
    left join ratios on ratios.endpoint = positions.endpoint and ratios.position = positions.position
    left join curves on curves.endpoint = positions.endpoint
),

estimated as (
    select
        *,
        trust * coalesce(y, 0) - (1 - trust) * slope * x as logarithm,
        sqrt(
            case when trust > 0 then trust * variance else tau_squared end + pow((1 - trust) * x, 2) * slope_variance
        ) as deviation
    from drawn
)

select
    endpoint,
    position,
    exposures,
    clicks,
    couples,
    observations,
    round(exp(y), 6) as ratio,
    case when position = 0 then 1 else round(coalesce(exp(logarithm), 1), 6) end as examination,
    case when position = 0 then 1 else round(exp(logarithm - z_95() * deviation), 6) end as examination_low,
    case when position = 0 then 1 else round(exp(logarithm + z_95() * deviation), 6) end as examination_high,
    round(
        sum(case when position = 0 then 1 else coalesce(exp(logarithm), 1) end) over (partition by endpoint order by position), 6
    ) as examined_so_far
from estimated
