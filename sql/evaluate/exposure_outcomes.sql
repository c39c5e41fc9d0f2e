-- description: Every shown item with what came of it: was it clicked, was it ordered, for how much.
-- key: request_id, position
with
ordered as (
    select request_id, position, count(*) as conversions, round(sum(revenue), 2) as revenue
    from attributed_conversions
    where position is not null
    group by request_id, position
)

select
    exposures.request_id,
    exposures.position,
    exposures.dataset_id,
    exposures.page_dataset_id,
    exposures.user_id,
    exposures.shown_at,
    exposures.day,
    exposures.algorithm_version,
    exposures.variant,
    exposures.experiment,
    exposures.experiment_variant,
    exposures.endpoint,
    exposures.degrade_reason,
    exposures.reason,
    exposures.score,
    exposures.is_explored,
    exposures.propensity,
    -- a dataset shown twice in one list is clicked at its first place
    clicks.clicked_at is not null
        and row_number() over (partition by exposures.request_id, exposures.dataset_id order by exposures.position) = 1
        as is_clicked,
    coalesce(ordered.conversions, 0) as conversions,
    coalesce(ordered.revenue, 0) as revenue
from exposures
left join clicks on clicks.request_id = exposures.request_id and clicks.dataset_id = exposures.dataset_id
left join ordered on ordered.request_id = exposures.request_id and ordered.position = exposures.position
