-- description: One row per item shown to a visitor: the list it stood in, its position there (from 0), and who saw it when.
-- key: request_id, position
-- test not_null: request_id, dataset_id
-- column request_id: The answered list (req_…).
-- column position: The position in the list, from 0.
-- column dataset_id: The dataset.
-- column score: The entry's score, higher is better.
-- column reason: Why it was shown.
-- column user_id: The known user; NULL where nobody was logged in.
-- column page_dataset_id: The dataset on whose page the list stood.
-- column algorithm_version: The model version that made the list.
-- column shown_at: When the list was answered, UTC.
-- column day: The day in REPORT_TIMEZONE.
-- column endpoint: The route that answered.
-- column variant: Whether the list was the model's (primary) or a fallback.
-- column experiment: The experiment the visitor was in; none.
-- column experiment_variant: The variant of the experiment; control without one.
-- column degrade_reason: Why the list was not the usual one; none.
-- column source: Where the list was shown, as the front end calls it; unknown.
-- column device_type: What it was shown on: mobile, tablet, desktop, bot or unknown.
-- column locale: The language that the browser prefers.
-- column client_app: The program that asked.
-- column feature_snapshot_id: Which state of the data the model was made of.
-- column visitor: The same for all lists of one visitor, and no name; NULL in logs of servers that did not write it.
-- column is_explored: Whether the entry stood there to be tried out.
-- column is_new: Whether it was tried as a new dataset.
-- column propensity: The probability with which it stood there; NULL where the list does not say.
-- column new_propensity: The probability with which each position of the list is given to a new dataset.
with
items as (
    select
        request_id,
        unnest(items) as item,
        generate_subscripts(items, 1) - 1 as position,
        user_id,
        page_dataset_id,
        algorithm_version,
        shown_at,
        endpoint,
        variant,
        experiment,
        experiment_variant,
        degrade_reason,
        source,
        device_type,
        locale,
        client_app,
        feature_snapshot_id,
        visitor,
        explored_place,
        kept_propensity,
        explored_propensity,
        new_propensity,
        is_new
    from stg_exposure
    where shown_at is not null
        and is_past(shown_at)
        and purpose is null
        and request_id not in (select excluded_lists.request_id from excluded_lists)
)

select
    request_id,
    position,
    try_cast(item.dataset_id as bigint) as dataset_id,
    item.score,
    item.reason,
    user_id,
    page_dataset_id,
    algorithm_version,
    shown_at,
    report_day(shown_at) as day,
    endpoint,
    variant,
    experiment,
    experiment_variant,
    degrade_reason,
    source,
    device_type,
    locale,
    client_app,
    feature_snapshot_id,
    visitor,
    -- with which probability it stood where it did; NULL where the list says nothing of it
    coalesce(position = explored_place, false) as is_explored,
    coalesce(position = explored_place, false) and is_new as is_new,
    case when coalesce(position = explored_place, false) then explored_propensity else kept_propensity end as propensity,
    new_propensity
from items
