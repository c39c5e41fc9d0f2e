-- description: One row per Matomo URL, title, sku or word of an event (log_action), with the dataset and the list its text names.
-- key: action_id
-- column told_click: click_{position}_{dataset} in the words of an event or a content.
-- column told_request_id: A request id in them.
with
addressed as (
    select
        whole_number(idaction) as action_id,
        name,
        small_number(type) as action_type,
        page_address(name) as address
    from raw.matomo_log_action
    where whole_number(idaction) is not null
)

select
    action_id,
    name,
    action_type,
    url_dataset_id(address, 'data(?:API)?Detail') as detail_dataset_id,
    regexp_matches(address, 'dataAPIDetail/\d') as is_api_page,
    url_dataset_id(address, 'payment') as payment_dataset_id,
    url_request_id(name) as url_request_id,
    case when action_type between 10 and 16 then nullif(regexp_extract(name, '(?:^|[^0-9A-Za-z])(click_\d+_\d+)\b', 1), '') end
        as told_click,
    case when action_type between 10 and 16 then nullif(regexp_extract(name, '(?:^|[^0-9A-Za-z])(req_[0-9A-Za-z_-]+)', 1), '') end
        as told_request_id
from addressed
