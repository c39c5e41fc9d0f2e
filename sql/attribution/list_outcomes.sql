-- description: What came of lists: a row for each shown item, and one for each attributed order of a dataset that did not stand in
-- its list, which the list has earned and none of its positions.
-- materialize: view
-- column request_id: The answered list (req_…).
-- column day: The day in REPORT_TIMEZONE on which it was answered.
-- column position: The position in the list, from 0; NULL where the order is of none.
-- column algorithm_version: The model version that made the list.
-- column variant: Whether the list was the model's (primary) or a fallback.
-- column experiment: The experiment the visitor was in; none.
-- column experiment_variant: The variant of the experiment; control without one.
-- column endpoint: The route that answered.
-- column degrade_reason: Why the list was not the usual one; none.
-- column source: Where the list was shown, as the front end calls it; unknown.
-- column device_type: What it was shown on: mobile, tablet, desktop, bot or unknown.
-- column exposures: 1 of a shown item.
-- column clicks: 1 where it was clicked.
-- column conversions: Attributed conversions.
-- column revenue: What those brought.
with
lists as (
    select distinct on (request_id)
        request_id, day, algorithm_version, variant, experiment, experiment_variant, endpoint, degrade_reason, source, device_type
    from exposures
    order by request_id, position
)

select
    request_id,
    day,
    position,
    algorithm_version,
    variant,
    experiment,
    experiment_variant,
    endpoint,
    degrade_reason,
    source,
    device_type,
    1 as exposures,
    cast(is_clicked as integer) as clicks,
    conversions,
    revenue
from exposure_outcomes
union all
select
    attributed_conversions.request_id,
    lists.day,
    null,
    lists.algorithm_version,
    lists.variant,
    lists.experiment,
    lists.experiment_variant,
    lists.endpoint,
    lists.degrade_reason,
    lists.source,
    lists.device_type,
    0,
    0,
    1,
    attributed_conversions.revenue
from attributed_conversions
inner join lists on lists.request_id = attributed_conversions.request_id
where attributed_conversions.position is null
