-- description: How evenly lists share their places out among the listed datasets: of the first ten of replayed lists on held-out steps, and
-- of the lists shown in the last 28 days with any. The interval is a jackknife over twenty groups of visits.
-- key: basis, model, list
-- column basis: replayed (held-out steps) or shown (the exposure log).
-- column model: holdout, challenger, current or a version.
-- column list: detail or similar; of shown lists the route that answered.
-- column datasets: Listed datasets.
-- column shown: How many of them had a place.
-- column coverage: The share of them that had one.
-- column gini: The Gini coefficient of their places: 0 where all have as many, 1 where one has them all.
-- column gini_low: Lower end of its 95 % interval.
-- column gini_high: Upper end of its 95 % interval.
-- column top_tenth_share: The share of the places that the tenth of the datasets has which has most.
with
places as (
    select
        list_places.basis,
        list_places.model,
        list_places.list,
        list_places.visit_group % 20 as part,
        list_places.dataset_id,
        list_places.exposed
    from list_places
    inner join datasets on datasets.dataset_id = list_places.dataset_id and datasets.is_listed
    where list_places.exposed > 0
),

catalogue as (
    select count(*) as datasets
    from datasets
    where is_listed
),

-- all of them (part 20), and all but each twentieth
drawn as (
    select places.basis, places.model, places.list, left_out.part, places.dataset_id, sum(places.exposed) as exposed
    from places
    inner join range(21) as left_out (part) on left_out.part <> places.part
    group by places.basis, places.model, places.list, left_out.part, places.dataset_id
),

ranked as (
    select
        drawn.*,
        catalogue.datasets,
        row_number() over (partition by drawn.basis, drawn.model, drawn.list, drawn.part order by drawn.exposed desc) as rank
    from drawn
    cross join catalogue
),

ginis as (
    select
        basis,
        model,
        list,
        part,
        any_value(datasets) as datasets,
        count(*) as shown,
        -- ranks from the least, among which those without a place come first
        2 * sum((datasets + 1 - rank) * exposed) / (any_value(datasets) * sum(exposed)) - (any_value(datasets) + 1) / any_value(datasets)
            as gini,
        sum(exposed) filter (where rank <= datasets / 10) / sum(exposed) as top_tenth_share
    from ranked
    group by basis, model, list, part
),

wholes as (
    select *
    from ginis
    where part = 20
),

means as (
    select basis, model, list, count(*) as parts, sum(gini order by part) / count(*) as gini
    from ginis
    where part < 20
    group by basis, model, list
),

spreads as (
    select
        means.basis,
        means.model,
        means.list,
        sqrt((means.parts - 1) / means.parts * sum(pow(ginis.gini - means.gini, 2) order by ginis.part)) as deviation
    from means
    inner join ginis
        on ginis.basis = means.basis and ginis.model = means.model and ginis.list = means.list and ginis.part < 20
    group by means.basis, means.model, means.list, means.parts
)

select
    wholes.basis,
    wholes.model,
    wholes.list,
    wholes.datasets,
    wholes.shown,
    round(wholes.shown / wholes.datasets, 6) as coverage,
    round(wholes.gini, 6) as gini,
    round(greatest(wholes.gini - z_95() * spreads.deviation, 0), 6) as gini_low,
    round(least(wholes.gini + z_95() * spreads.deviation, 1), 6) as gini_high,
    round(coalesce(wholes.top_tenth_share, 0), 6) as top_tenth_share
from wholes
inner join spreads on spreads.basis = wholes.basis and spreads.model = wholes.model and spreads.list = wholes.list
