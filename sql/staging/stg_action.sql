-- description: One row per Matomo URL, title or sku (log_action), with the dataset its URL names.
-- key: action_id
select
    whole_number(idaction) as action_id,
    name,
    small_number(type) as action_type,
    url_dataset_id(name, 'data(?:API)?Detail') as detail_dataset_id,
    regexp_matches(name, 'dataAPIDetail/\d') as is_api_page,
    url_dataset_id(name, 'payment') as payment_dataset_id,
    nullif(regexp_extract(name, '[?&#]rid=(req_[^&#]+)', 1), '') as url_request_id
from raw.matomo_log_action
where whole_number(idaction) is not null
