-- description: Every shown item with what came of it: was it clicked, was it ordered, for how much.
-- key: request_id, position
-- test not_null: is_clicked
-- column request_id: The answered list (req_…).
-- column position: The position in the list, from 0.
-- column dataset_id: The dataset.
-- column page_dataset_id: The dataset on whose page the list stood.
-- column user_id: The known user; NULL where nobody was logged in.
-- column shown_at: When the list was answered, UTC.
-- column day: The day in REPORT_TIMEZONE.
-- column algorithm_version: The model version that made the list.
-- column variant: Whether the list was the model's (primary) or a fallback.
-- column experiment: The experiment the visitor was in; none.
-- column experiment_variant: The variant of the experiment; control without one.
-- column endpoint: The route that answered.
-- column degrade_reason: Why the list was not the usual one; none.
-- column source: Where the list was shown, as the front end calls it; unknown.
-- column device_type: What it was shown on: mobile, tablet, desktop, bot or unknown.
-- column visitor: The same for all lists of one visitor, and no name; NULL in logs of servers that did not write it.
-- column reason: Why it was shown.
-- column score: The entry's score, higher is better.
-- column is_explored: Whether the entry stood there to be tried out.
-- column is_new: Whether it was tried as a new dataset.
-- column propensity: The probability with which it stood there; NULL where the list does not say.
-- column new_propensity: The probability with which each position of the list is given to a new dataset.
-- column is_clicked: Whether it was viewed with the request id of its list.
-- column conversions: Attributed conversions of it.
-- column revenue: What those brought.
with
-- a dataset shown twice in one list is clicked at its first position
clicked as (
    select exposures.request_id, min(exposures.position) as position
    from exposures
    inner join clicks on clicks.request_id = exposures.request_id and clicks.dataset_id = exposures.dataset_id
    group by exposures.request_id, exposures.dataset_id
),

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
    exposures.source,
    exposures.device_type,
    exposures.visitor,
    exposures.reason,
    exposures.score,
    exposures.is_explored,
    exposures.is_new,
    exposures.propensity,
    exposures.new_propensity,
    clicked.position is not null as is_clicked,
    coalesce(ordered.conversions, 0) as conversions,
    coalesce(ordered.revenue, 0) as revenue
from exposures
left join clicked on clicked.request_id = exposures.request_id and clicked.position = exposures.position
left join ordered on ordered.request_id = exposures.request_id and ordered.position = exposures.position
