-- description: There cannot be more clicks than exposures, nor a click on what was not shown.
select
    clicks.request_id,
    clicks.dataset_id
from clicks
left join exposures on exposures.request_id = clicks.request_id and exposures.dataset_id = clicks.dataset_id
where exposures.request_id is null
